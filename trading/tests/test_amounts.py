"""Decimal text at the edge: exact both ways, and strict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.amounts import Fixed, NotADecimal, TooPrecise, parse, places, shown
from trading.instruments import Asset, Market, OffLot, OffTick

from .world import LISTING, MARKET


@given(units=st.integers(0, 10**40), decimals=st.integers(0, 20))
def test_what_is_written_reads_back(units: int, decimals: int) -> None:
    if len(str(units)) > 30:
        units %= 10**30
    assert parse(Fixed(decimals)(units), decimals) == units
    assert parse(shown(units, decimals, 0), decimals) == units


@given(units=st.integers(-(10**20), 10**20), decimals=st.integers(0, 18))
def test_fixed_has_exactly_the_places(units: int, decimals: int) -> None:
    text = Fixed(decimals)(units)
    assert len(text.partition(".")[2]) == decimals
    assert int(text.replace(".", "")) == units


def test_shown_keeps_some_places_and_drops_zeros_beyond() -> None:
    assert [shown(units, 8, 2) for units in (0, 150_000_000, 123_456_789, 1)] == [
        "0.00",
        "1.50",
        "1.23456789",
        "0.00000001",
    ]
    assert shown(500, 2, 0) == "5"


@pytest.mark.parametrize(
    "text", ["", ".", "1.", ".1", "-1", "+1", "1e3", "NaN", "Infinity", "1_0", " 1", "1 ", "1\n", "١", "1,5", "0x1"]
)
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(NotADecimal):
        parse(text, 2)


def test_more_places_than_the_unit_are_refused_but_zeros_are_not() -> None:
    assert parse("1.2300", 2) == 123
    with pytest.raises(TooPrecise):
        parse("1.234", 2)


def test_places() -> None:
    assert [places(units, 8) for units in (10**8, 10**6, 1, 25 * 10**5)] == [0, 2, 8, 3]


def test_prices_and_quantities_fit_tick_and_lot_or_are_refused() -> None:
    market = Market(MARKET, Asset(LISTING[0]), Asset(LISTING[1]))  # type: ignore[arg-type]
    assert (market.price(6_400_001), market.quantity(5)) == ("64000.01", "0.00005")
    assert (market.parse_price("64000.01"), market.parse_quantity("0.00005")) == (6_400_001, 5)
    with pytest.raises(OffTick, match=r"multiple of 0\.01"):
        market.parse_price("1.001")
    with pytest.raises(OffLot, match=r"multiple of 0\.00001"):
        market.parse_quantity("0.000001")
    assert market.average_price(640_000 * 10**5, 100_000) == "640.00"
