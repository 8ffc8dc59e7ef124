"""What a snapshot says of each part of the state, to the letter, and that an engine goes on from it as from no other."""

import json
from itertools import product
from typing import Any

import pytest

from trading.engine.commands import CancelOrder, Event, HoldWithdrawal, Leg, Options, ReverseCredit, SetMarketState
from trading.engine.engine import Engine
from trading.engine.market import REFERENCE_WINDOW_US
from trading.engine.outcomes import BalanceChanged, OrderRepriced, OrderTriggered, Outcome
from trading.engine.packed import pack
from trading.engine.snapshot import dump, load, state_hash
from trading.engine.unpacking import unpack

from . import flow
from .desk import ALICE, BOB, BTC_USD, CAROL, DAVE, Desk

NOTHING_SPECIAL = {
    "budget_atoms": 0,
    "display_lots": 0,
    "expires_at_us": 0,
    "extra_hold_atoms": -1,
    "extreme_ticks": 0,
    "immediate": False,
    "is_active": False,
    "keep_on_disconnect": False,
    "limit_ticks": 0,
    "on_fill": [],
    "peg": "none",
    "peg_offset_ticks": 0,
    "prevention": 0,
    "shown_lots": 0,
    "sibling": None,
    "trailing_ticks": 0,
    "trigger_ticks": 0,
    "type": "limit",
}
"""What is written of an order with options that have all been left out."""


def written(desk: Desk) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(dump(desk.engine))
    return state


def test_the_text_has_its_keys_in_order_and_no_spaces() -> None:
    engine = Engine()
    for event in flow.events(seed=6, count=500):
        engine.apply(event)
    body = dump(engine)
    assert body == json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()


def test_of_an_order_with_options_every_field_is_told_also_those_that_it_has_not() -> None:
    desk = Desk()
    desk.buy(ALICE, 5, 100, options=Options(on_fill=(Leg(type="stop", trigger_ticks=90),)))
    parent = desk.seq
    (order,) = written(desk)["orders"]
    leg = {"price_ticks": None, "trailing_ticks": None, "trigger_ticks": 90, "type": "stop"}
    assert order["special"] == NOTHING_SPECIAL | {"on_fill": [leg]}
    desk.sell(BOB, 5, 100)
    (order,) = written(desk)["orders"]
    assert order == {
        "accepted_at_us": desk.seq,
        "account": ALICE,
        "fee_ppm_sum": 0,
        "filled_quote_atoms": 0,
        "is_buy": False,
        "is_post_only": False,
        "maker_ppm": 0,
        "market": BTC_USD,
        "number": parent | 1 << 44,
        "price_ticks": 0,
        "quantity_lots": 5,
        "remaining_lots": 5,
        "special": NOTHING_SPECIAL | {"trigger_ticks": 90, "type": "stop"},
        "taker_ppm": 0,
        "updated_at_us": desk.seq,
    }
    assert {type(order["special"][name]) for name in ("immediate", "is_active", "keep_on_disconnect")} == {bool}


def test_a_trailing_stop_is_told_as_one_that_trails_from_its_acceptance_on() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, None, type="trailing_stop", options=Options(trailing_ticks=3))
    (order,) = written(desk)["orders"]
    told = {name: order["special"][name] for name in ("extreme_ticks", "is_active", "trailing_ticks", "trigger_ticks")}
    assert told == {"extreme_ticks": 0, "is_active": True, "trailing_ticks": 3, "trigger_ticks": 0}


def test_the_waiting_leg_of_two_holds_by_itself_once_it_is_triggered() -> None:
    desk = Desk()
    leg = Leg(type="stop_limit", trigger_ticks=90, price_ticks=95)
    desk.sell(ALICE, 5, 110, options=Options(oco=leg))
    assert [order["special"]["extra_hold_atoms"] for order in written(desk)["orders"]] == [-1, 0]
    desk.buy(BOB, 1, 90)
    desk.sell(CAROL, 1, 90)
    (order,) = written(desk)["orders"]
    assert (order["price_ticks"], order["special"]["extra_hold_atoms"]) == (95, -1)
    assert desk.asks() == [(95, 5)]


def test_the_window_of_the_reference_price_is_that_of_the_reopening() -> None:
    desk = Desk()
    (market,) = written(desk)["markets"]
    assert market["reference_window"] == 0
    reopened = SetMarketState(market=BTC_USD, state="open", reason="test")
    desk.engine.apply(Event(desk.seq + 1, 7 * REFERENCE_WINDOW_US + 5, reopened))
    (market,) = written(desk)["markets"]
    assert (market["reference_window"], market["reference_ticks"]) == (7, 0)


# Going on


def packed(engine: Engine, event: Event) -> list[Outcome]:
    """What a plain command comes to that goes the way of most."""
    (outcomes,) = unpack(engine.apply_packed(pack(event, engine)), engine)
    return outcomes


def test_pegged_orders_follow_what_the_first_plain_order_after_a_snapshot_does() -> None:
    desk = Desk()
    desk.buy(BOB, 5, 90)
    followed = desk.seq
    desk.buy(BOB, 5, 80)
    desk.buy(ALICE, 5, 99, options=Options(peg="best_bid"))
    loaded, seq = load(dump(desk.engine)), desk.seq + 1
    outcomes = packed(loaded, Event(seq, seq, CancelOrder(account=BOB, order=followed)))
    assert [one.price_ticks for one in outcomes if isinstance(one, OrderRepriced)] == [80]
    assert outcomes == desk.cancel(BOB, followed)


def test_what_was_set_off_has_its_turn_in_the_first_plain_event_after_a_snapshot() -> None:
    desk = Desk(maximum_open_orders=1_000)
    for _ in range(110):
        desk.sell(ALICE, 1, 150, type="stop_limit", options=Options(trigger_ticks=100))
    desk.buy(BOB, 1, 50)
    other = desk.seq
    desk.buy(BOB, 1, 100)
    desk.sell(CAROL, 1, 100)
    loaded, seq = load(dump(desk.engine)), desk.seq + 1
    outcomes = packed(loaded, Event(seq, seq, CancelOrder(account=BOB, order=other)))
    assert sum(isinstance(one, OrderTriggered) for one in outcomes) == 10
    assert outcomes == desk.cancel(BOB, other)


@pytest.mark.parametrize("held_atoms", [2**61, 2**64])
def test_what_is_held_counts_for_how_much_there_is_after_a_snapshot(held_atoms: int) -> None:
    """Amounts beyond a word are told whole also where nearly all of them is held."""
    desk = Desk()
    for account, asset in product((ALICE, BOB, CAROL), ("BTC", "USD")):
        taken_back: dict[str, Any] = {"amount_atoms": 10**18, "source": "faucet", "credit": 1, "reason": "test"}
        desk.do(ReverseCredit(account=account, asset=asset, **taken_back))
    desk.credit(DAVE, "BTC", held_atoms + 10**7)
    desk.do(HoldWithdrawal(account=DAVE, asset="BTC", amount_atoms=held_atoms, reference="all"))
    desk.sell(DAVE, 1, 120)
    order = desk.seq
    loaded, seq = load(dump(desk.engine)), desk.seq + 1
    outcomes = packed(loaded, Event(seq, seq, CancelOrder(account=DAVE, order=order)))
    assert outcomes[-1] == BalanceChanged(DAVE, "BTC", 10**7, held_atoms)
    assert outcomes == desk.cancel(DAVE, order)
    assert state_hash(loaded) == state_hash(desk.engine)
