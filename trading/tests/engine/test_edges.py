"""Orders with options at the edges of what makes one: shapes that are nearly right, and amounts that are just too large."""

from dataclasses import replace
from typing import Any

import pytest

from trading.engine.bounds import MAXIMUM_NOTIONAL_ATOMS, MAXIMUM_PRICE_TICKS, MAXIMUM_QUANTITY_LOTS
from trading.engine.commands import AmendOrder, CancelOrder, Command, Event, Leg, Options
from trading.engine.market import MAXIMUM_PEGGED_ORDERS
from trading.engine.outcomes import (
    CommandRejected,
    LegPlaced,
    OrderAmended,
    OrderRejected,
    OrderTriggered,
    Outcome,
    Reason,
)

from .desk import ALICE, BOB, BTC_USD, CAROL, Desk, ending, kinds

STOP = Leg(type="stop", trigger_ticks=90)
CAPPED = Leg(type="stop", trigger_ticks=90, price_ticks=80)
TARGET = Leg(type="limit", price_ticks=110)
LIMIT: dict[str, Any] = {"quantity_lots": 5, "price_ticks": 100}
WAITING: dict[str, Any] = {"type": "stop", "quantity_lots": 5, "options": Options(trigger_ticks=90)}

NEARLY: dict[str, dict[str, Any]] = {
    "a type that is none": {"type": "limitless", **LIMIT, "options": Options(keep_on_disconnect=True)},
    "a stop that is immediate": {"side": "sell", **WAITING, "time_in_force": "IOC"},
    "a sell stop by quantity and budget": {"side": "sell", **WAITING, "budget_atoms": 500},
    "a sell stop by neither": {"side": "sell", **WAITING, "quantity_lots": None},
    "a buy stop by quantity and budget": {**WAITING, "price_ticks": 100, "budget_atoms": 500},
    "a buy stop by quantity without a cap": WAITING,
    "two legs, and the order is gone at once": {**LIMIT, "time_in_force": "IOC", "options": Options(oco=CAPPED)},
    "the other leg is a limit order": {**LIMIT, "options": Options(oco=TARGET)},
    "the other leg buys without a cap": {**LIMIT, "options": Options(oco=STOP)},
    "three legs on fill": {**LIMIT, "options": Options(on_fill=(TARGET, CAPPED, CAPPED))},
    "a leg on fill buys without a cap": {"side": "sell", **LIMIT, "options": Options(on_fill=(STOP,))},
    "a leg at no price": {**LIMIT, "options": Options(on_fill=(Leg(type="limit", price_ticks=0),))},
    "a limit leg without a price": {**LIMIT, "options": Options(on_fill=(Leg(type="limit"),))},
    "a limit leg with a trigger": {**LIMIT, "options": Options(on_fill=(replace(TARGET, trigger_ticks=90),))},
    "a limit leg that trails": {**LIMIT, "options": Options(on_fill=(replace(TARGET, trailing_ticks=5),))},
    "a stop-limit leg without a limit": {**LIMIT, "options": Options(on_fill=(replace(STOP, type="stop_limit"),))},
}


@pytest.mark.parametrize("fields", NEARLY.values(), ids=list(NEARLY))
def test_what_is_nearly_an_order_with_options_is_none(fields: dict[str, Any]) -> None:
    desk = Desk()
    outcomes = desk.place(**{"account": ALICE, "side": "buy"} | fields)
    assert outcomes == [OrderRejected(desk.seq, ALICE, BTC_USD, Reason.INVALID_ORDER)]


@pytest.mark.parametrize(
    "options",
    [
        Options(on_fill=(TARGET, STOP)),
        Options(on_fill=(STOP,)),
        Options(oco=CAPPED),
        Options(on_fill=(replace(CAPPED, type="stop_limit"),)),
    ],
)
def test_with_the_fields_that_belong_to_it_it_is_one(options: Options) -> None:
    assert "OrderRested" in kinds(Desk().buy(ALICE, 5, 100, options=options))


# Amounts


def coarse_desk() -> Desk:
    """A market where one lot at one tick is two million quote atoms, and alice and bob own enough of both."""
    desk = Desk(tick_atoms=2 * 10**8, minimum_notional_atoms=1)
    assert desk.engine.markets[BTC_USD].tick_lot_atoms == 2 * 10**6
    for account in (ALICE, BOB):
        for asset in ("BTC", "USD"):
            desk.credit(account, asset, 10**20)
    return desk


@pytest.mark.parametrize("options", [None, Options(keep_on_disconnect=True)], ids=["plain", "with options"])
def test_what_an_order_may_be_worth_is_its_lots_at_its_limit_and_of_a_budget_the_budget(
    options: Options | None,
) -> None:
    """A cap or a quantity alone is worth nothing: neither says what the order will cost."""
    desk = coarse_desk()
    largest = MAXIMUM_NOTIONAL_ATOMS // (2 * 10**6)
    for lots, price in ((largest, 1), (1, largest), (5 * 10**5, 10**6)):
        assert ending(desk.buy(ALICE, lots, price, options=options)) == "OrderRested"
        assert ending(desk.buy(ALICE, lots + 1, price, options=options)) == Reason.ABOVE_MAXIMUM
        assert ending(desk.buy(ALICE, lots, price + 1, options=options)) == Reason.ABOVE_MAXIMUM
    desk.cancel_all(ALICE)
    assert ending(desk.buy_for(ALICE, 10**9, price_ticks=MAXIMUM_PRICE_TICKS, options=options)) == Reason.NO_LIQUIDITY
    assert ending(desk.buy_for(ALICE, MAXIMUM_NOTIONAL_ATOMS, options=options)) == Reason.NO_LIQUIDITY
    assert ending(desk.buy_for(ALICE, MAXIMUM_NOTIONAL_ATOMS + 1, options=options)) == Reason.ABOVE_MAXIMUM
    assert ending(desk.buy_at_market(ALICE, MAXIMUM_QUANTITY_LOTS, options=options)) == Reason.NO_LIQUIDITY


def test_a_leg_may_be_worth_the_most_there_is_and_no_more() -> None:
    desk = Desk()
    for price, end in ((10**6, "OrderRested"), (10**6 + 1, "above_maximum")):
        for leg in (Leg(type="limit", price_ticks=price), Leg(type="stop", trigger_ticks=90, price_ticks=price)):
            options = Options(on_fill=(leg,))
            assert ending(desk.buy(ALICE, MAXIMUM_QUANTITY_LOTS, 1, options=options)) == end


def test_legs_are_placed_for_the_largest_quantity_and_value() -> None:
    desk = Desk()
    desk.credit(BOB, "BTC", 10**18)
    options = Options(on_fill=(Leg(type="limit", price_ticks=10**6),))
    desk.buy(ALICE, MAXIMUM_QUANTITY_LOTS, 1, options=options)
    outcomes = desk.sell(BOB, MAXIMUM_QUANTITY_LOTS, 1)
    assert [one.quantity_lots for one in outcomes if isinstance(one, LegPlaced)] == [MAXIMUM_QUANTITY_LOTS]
    assert desk.asks() == [(10**6, MAXIMUM_QUANTITY_LOTS)]


def test_a_leg_without_a_price_is_worth_nothing_until_it_trades() -> None:
    """What was bought in two trades is worth more than one order may be; the stop that follows has no price yet."""
    desk = coarse_desk()
    for _ in range(2):
        desk.sell(BOB, MAXIMUM_QUANTITY_LOTS // 2, 1)
    outcomes = desk.buy_at_market(ALICE, MAXIMUM_QUANTITY_LOTS, options=Options(on_fill=(STOP,)))
    assert "OrderWaiting" in kinds(outcomes)
    assert "OrderRejected" not in kinds(outcomes)


def test_a_market_takes_a_hundred_pegged_orders_and_others_beside_them() -> None:
    desk = Desk(maximum_open_orders=1_000)
    desk.buy(BOB, 1, 50)
    for _ in range(MAXIMUM_PEGGED_ORDERS):
        assert ending(desk.buy(ALICE, 1, 100, options=Options(peg="best_bid"))) == "OrderRested"
    assert ending(desk.buy(ALICE, 1, 100, options=Options(peg="best_bid"))) == Reason.TOO_MANY_ORDERS
    assert ending(desk.buy(ALICE, 1, 40, options=Options(keep_on_disconnect=True))) == "OrderRested"


# Amendments


def amend(desk: Desk, order: int, **fields: int) -> object:
    return desk.do(AmendOrder(account=ALICE, order=order, **fields))[0]


def test_an_amendment_to_what_is_too_large_is_refused_and_to_the_largest_is_not() -> None:
    desk = Desk()
    desk.buy(ALICE, 5, 100)
    order = desk.seq
    desk.sell(ALICE, 5, None, type="stop", options=Options(trigger_ticks=90))
    stop = desk.seq
    too_large = CommandRejected(Reason.ABOVE_MAXIMUM)
    assert amend(desk, order, quantity_lots=MAXIMUM_QUANTITY_LOTS + 1, price_ticks=1) == too_large
    assert amend(desk, order, quantity_lots=10**10, price_ticks=10**8 + 1) == too_large
    assert amend(desk, stop, trigger_ticks=MAXIMUM_PRICE_TICKS + 1) == too_large
    assert isinstance(amend(desk, stop, trigger_ticks=MAXIMUM_PRICE_TICKS), OrderAmended)
    assert isinstance(amend(desk, order, quantity_lots=10**10, price_ticks=10**8), OrderAmended)
    assert desk.engine.balance(ALICE, "USD") == (0, MAXIMUM_NOTIONAL_ATOMS)


def test_an_amendment_is_held_to_the_narrowest_band() -> None:
    desk = Desk(price_band_ppm=1)
    desk.sell(BOB, 1, 100)
    desk.buy(CAROL, 1, 100)
    desk.buy(ALICE, 5, 100)
    assert amend(desk, desk.seq, price_ticks=99) == CommandRejected(Reason.PRICE_BAND)


@pytest.mark.parametrize("price", [1, 10])
def test_a_band_holds_around_any_price(price: int) -> None:
    desk = Desk(price_band_ppm=100_000)
    desk.sell(BOB, 1, price)
    desk.buy(CAROL, 1, price)
    assert ending(desk.sell(ALICE, 1, price + price // 10 + 1)) == Reason.PRICE_BAND
    assert ending(desk.sell(ALICE, 1, price + price // 10)) == "OrderRested"


def test_a_deadline_may_be_as_early_as_the_first_microsecond() -> None:
    desk = Desk()
    desk.buy(ALICE, 5, 100)
    order = desk.seq
    assert amend(desk, order, quantity_lots=4, deadline_us=0) == CommandRejected(Reason.INVALID_ORDER)
    assert amend(desk, order, quantity_lots=4, deadline_us=1) == CommandRejected(Reason.DEADLINE_PASSED)
    desk = DeskAtZero()
    desk.buy(ALICE, 5, 100)
    assert isinstance(amend(desk, desk.seq, quantity_lots=4, deadline_us=1), OrderAmended)


def test_an_order_that_was_triggered_and_still_waits_for_its_turn_is_not_triggered_again_by_an_amendment() -> None:
    """A hundred have their turn in the event that triggers them; the last is amended before it has its own."""
    desk = Desk(maximum_open_orders=1_000)
    for _ in range(110):
        desk.sell(ALICE, 1, 150, type="stop_limit", options=Options(trigger_ticks=100))
    last = desk.seq
    desk.buy(BOB, 1, 100)
    desk.sell(CAROL, 1, 100)
    assert len(desk.engine.open_orders.queue) == 10
    outcomes = desk.do(AmendOrder(account=ALICE, order=last, trigger_ticks=101))
    outcomes += desk.buy(BOB, 1, 90)
    assert [one.order for one in outcomes if isinstance(one, OrderTriggered)].count(last) == 1


def test_an_amendment_in_place_leaves_what_a_timer_did_to_the_book_to_be_followed() -> None:
    desk = Desk()
    due_us = 10**6
    desk.buy(BOB, 5, 98, time_in_force="GTD", options=Options(expires_at_us=due_us))
    desk.buy(ALICE, 5, 95)
    order = desk.seq
    desk.buy(CAROL, 5, 99, options=Options(peg="best_bid", peg_offset_ticks=1))
    assert desk.bids() == [(98, 5), (97, 5), (95, 5)]
    seq = desk.seq + 1
    told = desk.engine.apply(Event(seq, due_us, AmendOrder(account=ALICE, order=order, quantity_lots=4)))
    assert kinds(told) == ["OrderCancelled", "OrderAmended", "OrderRepriced", "BalanceChanged", "BalanceChanged"]
    assert desk.bids() == [(95, 4), (94, 5)]


# The beginning of time


class DeskAtZero(Desk):
    """Time stands still at 0, so that numbers are later than it."""

    def do(self, *commands: Command) -> list[Outcome]:
        return [self.engine.apply(Event(self.seq + 1, 0, command)) for command in commands][-1]


def test_timers_go_by_their_times_and_not_by_the_numbers_of_orders() -> None:
    """Each number here is higher than any time; of two timers the first is set, the second is left when that has fired."""
    desk = DeskAtZero()
    for due_us in (1, 2, 3):
        desk.buy(ALICE, 1, 90, time_in_force="GTD", options=Options(expires_at_us=due_us))
    assert desk.seq > 10
    for at_us in (1, 2, 3):
        outcomes = desk.engine.apply(Event(desk.seq + 1, at_us, CancelOrder(account=BOB, order=1)))
        assert kinds(outcomes) == ["OrderCancelled", "CommandRejected", "BalanceChanged"]
    assert desk.bids() == []


def test_who_has_asked_for_the_next_timer_changes_nothing_of_when_it_fires() -> None:
    desk = DeskAtZero()
    for due_us in (1, 2):
        desk.buy(ALICE, 1, 90, time_in_force="GTD", options=Options(expires_at_us=due_us))
    desk.cancel(ALICE, desk.seq - 1)
    assert desk.engine.next_timer_us == 2
    outcomes = desk.engine.apply(Event(desk.seq + 1, 2, CancelOrder(account=BOB, order=1)))
    assert kinds(outcomes) == ["OrderCancelled", "CommandRejected", "BalanceChanged"]


def test_at_time_zero_pegged_orders_follow_what_plain_orders_do() -> None:
    desk = DeskAtZero()
    desk.buy(BOB, 1, 90)
    desk.buy(ALICE, 1, 100, options=Options(peg="best_bid"))
    assert "OrderRepriced" in kinds(desk.buy(BOB, 1, 95))
