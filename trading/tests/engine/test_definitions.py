"""Listing assets and markets, fee tiers, and the rules of the event sequence."""

from typing import Any

import pytest

from trading.engine.commands import DefineAsset, DefineMarket, Event, FeeTier, SetFeeTier, SetMarketState
from trading.engine.engine import Engine, InvariantBroken
from trading.engine.outcomes import AssetDefined, CommandRejected, FeeTierSet, MarketDefined, MarketStateChanged, Reason

from .desk import ALICE, BTC, BTC_USD, FREE, Desk, market


def test_what_is_defined_stays_as_it_was_defined() -> None:
    desk = Desk()
    another = DefineAsset(asset="BTC", name="Other", kind="crypto", decimals=2, trading_decimals=2)
    for again in (BTC, another, market(), market(minimum_lots=7)):
        assert desk.do(again) == [CommandRejected(Reason.ALREADY_DEFINED)]
    assert desk.engine.assets["BTC"] is BTC
    assert desk.engine.markets[BTC_USD].definition == market()


def test_a_new_market_is_open() -> None:
    desk = Desk()
    assert desk.do(market(market="BTC/USD-2")) == [MarketDefined("BTC/USD-2")]
    assert desk.engine.markets["BTC/USD-2"].state == "open"
    assert desk.engine.markets["BTC/USD-2"].tick_lot_atoms == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"base": "DOGE"}, Reason.UNKNOWN_ASSET),
        ({"quote": "EUR"}, Reason.UNKNOWN_ASSET),
        ({"market": ""}, Reason.INVALID_DEFINITION),
        ({"quote": "BTC"}, Reason.INVALID_DEFINITION),
        ({"tick_atoms": 0}, Reason.INVALID_DEFINITION),
        ({"lot_atoms": -1}, Reason.INVALID_DEFINITION),
        ({"lot_atoms": 0}, Reason.INVALID_DEFINITION),
        ({"tick_atoms": 99}, Reason.INVALID_DEFINITION),
        ({"lot_atoms": 10**5}, Reason.INVALID_DEFINITION),
        ({"minimum_lots": 0}, Reason.INVALID_DEFINITION),
        ({"minimum_notional_atoms": 0}, Reason.INVALID_DEFINITION),
        ({"maximum_open_orders": 0}, Reason.INVALID_DEFINITION),
        ({"fee_tiers": ()}, Reason.INVALID_DEFINITION),
        ({"fee_tiers": (FeeTier(maker_ppm=-1, taker_ppm=0),)}, Reason.INVALID_DEFINITION),
        ({"fee_tiers": (FeeTier(maker_ppm=0, taker_ppm=1_000_001),)}, Reason.INVALID_DEFINITION),
        ({"fee_tiers": (FREE,) * 65}, Reason.INVALID_DEFINITION),
        ({"price_band_ppm": 0}, Reason.INVALID_DEFINITION),
        ({"price_band_ppm": 1_000_001}, Reason.INVALID_DEFINITION),
        ({"breaker_ppm": 0}, Reason.INVALID_DEFINITION),
        ({"breaker_ppm": 1_000_001}, Reason.INVALID_DEFINITION),
    ],
)
def test_a_market_that_cannot_work_is_refused(changes: dict[str, Any], reason: Reason) -> None:
    desk = Desk()
    assert desk.do(market(**({"market": "NEW"} | changes))) == [CommandRejected(reason)]
    assert list(desk.engine.markets) == [BTC_USD]


@pytest.mark.parametrize(
    "changes",
    [
        {"lot_atoms": 1, "tick_atoms": 10**8},
        {"fee_tiers": (FREE,) * 64},
        {"price_band_ppm": 1, "breaker_ppm": 1},
        {"price_band_ppm": 1_000_000, "breaker_ppm": 1_000_000},
    ],
)
def test_a_market_at_the_edges_of_what_can_work_is_listed(changes: dict[str, Any]) -> None:
    assert Desk().do(market(**({"market": "NEW"} | changes))) == [MarketDefined("NEW")]


@pytest.mark.parametrize(
    ("decimals", "trading_decimals", "is_taken"),
    [(0, 0, True), (36, 36, True), (37, 2, False), (-1, -1, False), (2, 3, False), (2, -1, False)],
)
def test_an_asset_has_between_no_and_36_decimals(decimals: int, trading_decimals: int, is_taken: bool) -> None:
    asset = DefineAsset(asset="NEW", name="New", kind="token", decimals=decimals, trading_decimals=trading_decimals)
    expected = AssetDefined("NEW") if is_taken else CommandRejected(Reason.INVALID_DEFINITION)
    assert Desk().do(asset) == [expected]


def test_fee_tiers_are_below_64_and_of_a_user() -> None:
    desk = Desk()
    assert desk.set_tier(ALICE, 63) == [FeeTierSet(ALICE, 63)]
    assert desk.engine.fee_tier(ALICE) == 63
    assert desk.set_tier(ALICE, 64) == [CommandRejected(Reason.UNKNOWN_FEE_TIER)]
    assert desk.set_tier(ALICE, -1) == [CommandRejected(Reason.UNKNOWN_FEE_TIER)]
    assert desk.set_tier(0, 1) == [CommandRejected(Reason.INVALID_AMOUNT)]


def test_the_state_of_a_market_is_set_with_its_reason() -> None:
    desk = Desk()
    assert desk.set_state("halted") == [MarketStateChanged(BTC_USD, "halted", "test")]
    unknown = SetMarketState(market="DOGE/USD", state="halted", reason="")
    assert desk.do(unknown) == [CommandRejected(Reason.UNKNOWN_MARKET)]


@pytest.mark.parametrize(("seq", "at_us"), [(1, 5), (3, 5), (2, 4)])
def test_an_event_that_is_not_the_next_stops_the_engine_and_changes_nothing(seq: int, at_us: int) -> None:
    engine = Engine()
    engine.apply(Event(seq=1, at_us=5, command=BTC))
    with pytest.raises(InvariantBroken):
        engine.apply(Event(seq=seq, at_us=at_us, command=SetFeeTier(account=1, tier=1)))
    assert (engine.seq, engine.at_us, engine.fee_tier(1)) == (1, 5, 0)


def test_what_is_no_command_stops_the_engine() -> None:
    nonsense: Any = "PlaceOrder"
    with pytest.raises(InvariantBroken):
        Engine().apply(Event(seq=1, at_us=0, command=nonsense))


def test_overspending_stops_the_engine() -> None:
    desk = Desk()
    desk.buy(ALICE, 5, 100)
    desk.engine.balances.of(ALICE, "USD").held_atoms = 499
    with pytest.raises(InvariantBroken):
        desk.cancel(ALICE, desk.seq)


def test_a_market_definition_is_frozen() -> None:
    definition: DefineMarket = market()
    with pytest.raises(AttributeError):
        definition.minimum_lots = 5  # type: ignore[misc]
