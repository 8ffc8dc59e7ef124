"""Requests of the stream become those of REST: numbers exact, and an order the same however much of it is said."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.problems import Problem
from trading.shapes.requests import OrderRequest
from trading.stream.methods import AddOrder
from trading.stream.requests import decimal, order_request

DECIMALS = st.decimals(min_value=-(10**20), max_value=10**20, places=None, allow_nan=False, allow_infinity=False)


@given(DECIMALS.filter(lambda number: abs(number.adjusted()) <= 30 and len(str(number)) <= 64))
def test_a_json_number_is_its_exact_text(number: Decimal) -> None:
    assert decimal(msgspec.Raw(str(number).encode()), "price") == format(number, "f")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"64000.10", "64000.10"),
        (b"1e3", "1000"),
        (b"1" + b"0" * 29, "1" + "0" * 29),
        (b'"1e3"', "1e3"),
        (b'"64000.10"', "64000.10"),
        (b"null", None),
    ],
)
def test_a_text_stays_as_it_is(value: bytes, text: str | None) -> None:
    assert decimal(msgspec.Raw(value), "price") == text


@pytest.mark.parametrize("value", [b"true", b"[]", b"{}", b"1e31", b"1" + b"0" * 31, b"0." + b"1" * 70])
def test_what_is_no_decimal_is_refused(value: bytes) -> None:
    with pytest.raises(Problem):
        decimal(msgspec.Raw(value), "price")


@pytest.mark.parametrize("order_type", ["limit", "market"])
@pytest.mark.parametrize("name", [None, "mine"])
@pytest.mark.parametrize("time_in_force", [None, "ioc"])
def test_an_order_is_the_same_whether_its_defaults_are_said_or_not(
    order_type: str, name: str | None, time_in_force: str | None
) -> None:
    said = {"symbol": "BTC/USD", "side": "buy", "order_type": order_type, "order_qty": 1, "limit_price": 2.50}
    said |= {"time_in_force": time_in_force} if time_in_force else {}
    said |= {"cl_ord_id": name} if name else {}
    in_full = {**said, "stp_type": "cancel_newest", "post_only": False}
    short, long = (msgspec.json.decode(msgspec.json.encode(one), type=AddOrder) for one in (said, in_full))
    assert (
        order_request(short)
        == order_request(long)
        == OrderRequest(
            market="BTC/USD",
            side="buy",
            type=order_type,  # type: ignore[arg-type]
            quantity="1",
            price="2.5" if order_type == "limit" else None,
            slippage_price=None if order_type == "limit" else "2.5",
            time_in_force="IOC" if time_in_force else None,
            client_order_id=name,
        )
    )
