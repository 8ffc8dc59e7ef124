"""What a trader may expect of each kind of order."""

import gc

import pytest

from trading.engine.commands import FeeTier
from trading.engine.outcomes import (
    BalanceChanged,
    CommandRejected,
    Filled,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRested,
    Reason,
)

from .desk import ALICE, BOB, BTC_USD, CAROL, DAVE, Desk, ending, fills, kinds, traded

# Price, then time


def test_the_best_price_trades_first_and_at_one_price_the_oldest() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 101)
    desk.sell(BOB, 5, 100)
    desk.sell(ALICE, 5, 100)
    first_at_101, first_at_100, second_at_100 = desk.seq - 2, desk.seq - 1, desk.seq
    outcomes = desk.buy(CAROL, 12, 101)
    assert traded(outcomes) == [(first_at_100, 100, 5), (second_at_100, 100, 5), (first_at_101, 101, 2)]
    assert ending(outcomes) == "OrderFilled"
    assert desk.asks() == [(101, 3)]


def test_a_seller_meets_the_highest_bid_first() -> None:
    desk = Desk()
    desk.buy(ALICE, 5, 99)
    desk.buy(BOB, 5, 100)
    outcomes = desk.sell(CAROL, 7, 99)
    assert [(fill.price_ticks, fill.quantity_lots) for fill in fills(outcomes)] == [(100, 5), (99, 2)]


def test_a_partly_filled_maker_keeps_its_place() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    first = desk.seq
    desk.sell(BOB, 5, 100)
    desk.buy(CAROL, 2, 100)
    assert traded(desk.buy(CAROL, 4, 100)) == [(first, 100, 3), (first + 1, 100, 1)]


def test_an_order_in_the_middle_of_a_queue_can_leave_it() -> None:
    desk = Desk()
    for account in (ALICE, BOB, CAROL):
        desk.sell(account, 5, 100)
    last = desk.seq
    desk.cancel(BOB, last - 1)
    assert desk.asks() == [(100, 10)]
    assert traded(desk.buy(BOB, 10, 100)) == [(last - 2, 100, 5), (last, 100, 5)]


def test_orders_that_have_left_their_queues_are_no_garbage_to_collect() -> None:
    """Orders and levels point at each other; a collector would stall the engine."""
    desk = Desk()
    gc.collect()
    gc.disable()
    for account in (ALICE, BOB, CAROL):
        desk.sell(account, 5, 100)
    first, middle, last = desk.engine.orders
    for account, number in ((BOB, middle), (ALICE, first), (CAROL, last)):
        desk.cancel(account, number)
    desk.sell(ALICE, 5, 100)
    desk.sell(BOB, 5, 100)
    desk.buy(CAROL, 10, 100)
    assert desk.engine.orders == {}
    left = gc.collect()
    gc.enable()
    assert left == 0


def test_levels_are_listed_best_first_and_as_many_as_asked_for() -> None:
    desk = Desk()
    for price in (103, 101, 102, 101):
        desk.sell(ALICE, 2, price)
        desk.buy(BOB, 3, price - 10)
    book = desk.engine.markets[BTC_USD].book
    assert book.levels("sell", 2) == [(101, 4), (102, 2)]
    assert book.levels("buy", 2) == [(93, 3), (92, 3)]
    assert book.levels("buy", 0) == []
    assert book.level_lots("sell", 101) == 4
    assert book.level_lots("sell", 100) == 0


# The order of outcomes


def test_outcomes_tell_what_happened_in_the_order_in_which_it_happened() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    desk.sell(BOB, 5, 100)
    maker = desk.seq - 1
    taker = desk.seq + 1
    lot_atoms, own = 10**6, 10**18
    assert desk.buy(CAROL, 12, 100) == [
        OrderAccepted(taker, CAROL, BTC_USD),
        Filled(1, BTC_USD, 100, 5, 5 * lot_atoms, 500, "buy", taker, CAROL, 0, maker, ALICE, 0, 0, 0),
        OrderFilled(maker, ALICE, BTC_USD),
        Filled(2, BTC_USD, 100, 5, 5 * lot_atoms, 500, "buy", taker, CAROL, 0, maker + 1, BOB, 0, 0, 0),
        OrderFilled(maker + 1, BOB, BTC_USD),
        OrderRested(taker, CAROL, BTC_USD, "buy", 100, 2),
        BalanceChanged(CAROL, "USD", own - 1_200, 200),
        BalanceChanged(CAROL, "BTC", own + 10 * lot_atoms, 0),
        BalanceChanged(ALICE, "BTC", own - 5 * lot_atoms, 0),
        BalanceChanged(ALICE, "USD", own + 500, 0),
        BalanceChanged(BOB, "BTC", own - 5 * lot_atoms, 0),
        BalanceChanged(BOB, "USD", own + 500, 0),
    ]


def test_a_maker_that_trades_twice_in_one_event_has_its_balances_told_once() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    desk.sell(ALICE, 5, 101)
    outcomes = desk.buy(BOB, 10, 101)
    assert kinds(outcomes).count("Filled") == 2
    assert kinds(outcomes).count("BalanceChanged") == 4


# Time in force


@pytest.mark.parametrize(
    ("lots", "price", "filled", "end"),
    [
        (5, 100, 5, "OrderFilled"),
        (8, 100, 5, "immediate_or_cancel"),
        (8, 99, 0, "immediate_or_cancel"),
        (20, 101, 10, "immediate_or_cancel"),
    ],
)
def test_immediate_or_cancel_takes_what_there_is_and_never_rests(lots: int, price: int, filled: int, end: str) -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    desk.sell(ALICE, 5, 101)
    outcomes = desk.buy(BOB, lots, price, time_in_force="IOC")
    assert sum(fill.quantity_lots for fill in fills(outcomes)) == filled
    assert ending(outcomes) == end
    assert desk.bids() == []


@pytest.mark.parametrize(
    ("lots", "price", "end"),
    [
        (10, 101, "OrderFilled"),
        (11, 101, "not_filled_whole"),
        (10, 100, "not_filled_whole"),
        (1, 99, "not_filled_whole"),
    ],
)
def test_fill_or_kill_is_decided_before_anything_changes(lots: int, price: int, end: str) -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    desk.sell(ALICE, 5, 101)
    outcomes = desk.buy(BOB, lots, price, time_in_force="FOK")
    assert ending(outcomes) == end
    if end == "not_filled_whole":
        assert kinds(outcomes) == ["OrderRejected"]
        assert desk.asks() == [(100, 5), (101, 5)]


def test_post_only_rests_or_is_refused() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    assert ending(desk.buy(BOB, 5, 100, post_only="reject")) == "would_take"
    assert ending(desk.buy(BOB, 5, 99, post_only="reject")) == "OrderRested"
    assert ending(desk.sell(ALICE, 5, 99, post_only="reject")) == "would_take"


# Market orders


@pytest.mark.parametrize(
    ("lots", "cap", "filled", "end"),
    [
        (7, None, 7, "OrderFilled"),
        (11, None, 10, "no_liquidity"),
        (7, 100, 5, "slippage_cap"),
        (7, 99, 0, "slippage_cap"),
        (10, 101, 10, "OrderFilled"),
        (11, 101, 10, "no_liquidity"),
    ],
)
def test_a_market_order_takes_up_to_its_cap(lots: int, cap: int | None, filled: int, end: str) -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    desk.sell(ALICE, 5, 101)
    outcomes = desk.buy_at_market(BOB, lots, price_ticks=cap)
    assert sum(fill.quantity_lots for fill in fills(outcomes)) == filled
    assert ending(outcomes) == end


def test_a_market_order_in_an_empty_book_is_accepted_and_cancelled_and_moves_nothing() -> None:
    desk = Desk()
    for outcomes in (desk.sell_at_market(ALICE, 5), desk.buy_at_market(ALICE, 5)):
        assert kinds(outcomes) == ["OrderAccepted", "OrderCancelled"]
        assert ending(outcomes) == "no_liquidity"
    assert ending(desk.buy_at_market(ALICE, 5, time_in_force="FOK")) == "not_filled_whole"


@pytest.mark.parametrize(("owned", "end"), [(1_008, "OrderFilled"), (1_007, "insufficient_funds")])
def test_a_market_buy_needs_exactly_what_the_book_would_charge(owned: int, end: str) -> None:
    desk = Desk(fee_tiers=(FeeTier(maker_ppm=40_000, taker_ppm=2_500),))
    desk.sell(ALICE, 5, 100)
    desk.sell(ALICE, 5, 101)
    desk.credit(DAVE, "USD", owned)
    assert ending(desk.buy_at_market(DAVE, 10)) == end  # 1,005 and a fee of 2.5125, rounded up
    assert desk.engine.balance(DAVE, "USD") == (0 if end == "OrderFilled" else owned, 0)


# Self-trade: cancel newest


@pytest.mark.parametrize("time_in_force", ["GTC", "IOC"])
def test_a_taker_that_would_meet_its_own_order_keeps_its_fills_and_loses_the_rest(time_in_force: str) -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    desk.sell(BOB, 5, 101)
    outcomes = desk.buy(BOB, 8, 102, time_in_force=time_in_force)
    assert sum(fill.quantity_lots for fill in fills(outcomes)) == 5
    assert outcomes[-5] == OrderCancelled(desk.seq, BOB, BTC_USD, "buy", None, 3, Reason.SELF_TRADE)
    assert desk.asks() == [(101, 5)]
    assert desk.bids() == []


def test_a_taker_filled_just_before_its_own_order_is_filled() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    desk.sell(BOB, 5, 100)
    assert ending(desk.buy(BOB, 5, 100)) == "OrderFilled"


def test_fill_or_kill_that_would_meet_its_own_order_is_refused() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    desk.sell(BOB, 5, 100)
    assert ending(desk.buy(BOB, 6, 100, time_in_force="FOK")) == "self_trade"
    assert ending(desk.buy(BOB, 5, 100, time_in_force="FOK")) == "OrderFilled"


def test_market_orders_stop_at_their_own_order() -> None:
    desk = Desk()
    desk.sell(BOB, 5, 100)
    assert ending(desk.buy_at_market(BOB, 5)) == "self_trade"
    assert ending(desk.buy_for(BOB, 10_000)) == "self_trade"


# Cancelling


def test_cancelling_an_order_gives_back_what_it_held() -> None:
    desk = Desk()
    desk.buy(ALICE, 5, 100)
    assert desk.cancel(ALICE, desk.seq) == [
        OrderCancelled(desk.seq - 1, ALICE, BTC_USD, "buy", 100, 5, Reason.USER_CANCELLED),
        BalanceChanged(ALICE, "USD", 10**18, 0),
    ]
    assert desk.engine.orders == {}


def test_only_an_own_open_order_can_be_cancelled() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    order = desk.seq
    unknown = [CommandRejected(Reason.UNKNOWN_ORDER)]
    assert desk.cancel(BOB, order) == unknown
    assert desk.cancel(ALICE, order + 100) == unknown
    desk.buy(BOB, 5, 100)
    assert desk.cancel(ALICE, order) == unknown


def test_cancel_all_goes_oldest_first_within_market_and_side() -> None:
    desk = Desk()
    desk.sell(ALICE, 1, 110)
    desk.buy(ALICE, 2, 90)
    desk.sell(ALICE, 3, 105)
    desk.sell(BOB, 4, 106)
    first = desk.seq - 3
    outcomes = desk.cancel_all(ALICE, BTC_USD, "sell")
    assert [o.order for o in outcomes if isinstance(o, OrderCancelled)] == [first, first + 2]
    assert kinds(outcomes).count("BalanceChanged") == 1
    assert [order.number for order in desk.engine.account_orders(ALICE)] == [first + 1]
    assert kinds(desk.cancel_all(ALICE)) == ["OrderCancelled", "BalanceChanged"]
    assert desk.cancel_all(ALICE) == []
    assert desk.cancel_all(ALICE, "DOGE/USD") == [CommandRejected(Reason.UNKNOWN_MARKET)]
    assert desk.asks() == [(106, 4)]


# Market states


@pytest.mark.parametrize("state", ["cancel_only", "halted"])
def test_a_closed_market_takes_cancels_but_no_orders(state: str) -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    order = desk.seq
    desk.set_state("halted" if state == "halted" else "cancel_only")
    assert ending(desk.buy(BOB, 5, 100)) == "market_closed"
    assert ending(desk.cancel(ALICE, order)) == "user_cancelled"
    desk.set_state("open")
    assert ending(desk.buy(BOB, 5, 100)) == "OrderRested"


# Limits


def test_an_account_may_rest_so_many_orders_and_still_take() -> None:
    desk = Desk(maximum_open_orders=2)
    desk.sell(ALICE, 5, 100)
    desk.buy(BOB, 1, 90)
    desk.buy(BOB, 1, 91)
    order = desk.seq
    assert ending(desk.buy(BOB, 1, 100)) == "too_many_orders"
    assert ending(desk.buy(BOB, 1, 100, time_in_force="IOC")) == "OrderFilled"
    assert ending(desk.buy(CAROL, 1, 90)) == "OrderRested"
    desk.cancel(BOB, order)
    assert ending(desk.buy(BOB, 1, 92)) == "OrderRested"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"quantity_lots": 5, "price_ticks": 10}, Reason.BELOW_MINIMUM),
        ({"quantity_lots": 10, "price_ticks": 9}, Reason.BELOW_MINIMUM),
        ({"quantity_lots": 10**12, "price_ticks": 10**6 + 1}, Reason.ABOVE_MAXIMUM),
        ({"quantity_lots": 10**12 + 1, "price_ticks": 1}, Reason.ABOVE_MAXIMUM),
        ({"quantity_lots": 10, "price_ticks": 10**12 + 1}, Reason.ABOVE_MAXIMUM),
        ({"quantity_lots": 10**12, "price_ticks": 10**6, "account": DAVE}, Reason.INSUFFICIENT_FUNDS),
        ({"quantity_lots": 0, "price_ticks": 10}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "price_ticks": 0}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "price_ticks": -5}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10}, Reason.INVALID_ORDER),
        ({"price_ticks": 10}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "price_ticks": 10, "budget_atoms": 100}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "price_ticks": 10, "side": "hold"}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "price_ticks": 10, "type": "stop"}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "price_ticks": 10, "time_in_force": "DAY"}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "price_ticks": 10, "post_only": "slide"}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "price_ticks": 10, "post_only": "reject", "time_in_force": "IOC"}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "price_ticks": 10, "post_only": "reject", "time_in_force": "FOK"}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "type": "market"}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "type": "market", "time_in_force": "IOC", "post_only": "reject"}, Reason.INVALID_ORDER),
        ({"type": "market", "time_in_force": "IOC"}, Reason.INVALID_ORDER),
        ({"budget_atoms": 100, "quantity_lots": 10, "type": "market", "time_in_force": "IOC"}, Reason.INVALID_ORDER),
        ({"budget_atoms": 100, "type": "market", "time_in_force": "FOK"}, Reason.INVALID_ORDER),
        ({"budget_atoms": 100, "type": "market", "time_in_force": "IOC", "side": "sell"}, Reason.INVALID_ORDER),
        ({"budget_atoms": 0, "type": "market", "time_in_force": "IOC"}, Reason.INVALID_ORDER),
        ({"budget_atoms": 99, "type": "market", "time_in_force": "IOC"}, Reason.BELOW_MINIMUM),
        ({"budget_atoms": 10**18 + 1, "type": "market", "time_in_force": "IOC"}, Reason.ABOVE_MAXIMUM),
        ({"quantity_lots": 9, "type": "market", "time_in_force": "IOC"}, Reason.BELOW_MINIMUM),
        ({"quantity_lots": 10, "price_ticks": 10, "market": "DOGE/USD"}, Reason.UNKNOWN_MARKET),
        ({"quantity_lots": 10, "price_ticks": 10, "account": 0}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "price_ticks": 10, "account": -1}, Reason.INVALID_ORDER),
        ({"quantity_lots": 10, "price_ticks": 10, "account": DAVE}, Reason.INSUFFICIENT_FUNDS),
    ],
)
def test_an_order_that_cannot_be_taken_is_refused_with_the_reason(fields: dict[str, object], reason: Reason) -> None:
    desk = Desk(minimum_lots=10, minimum_notional_atoms=100)
    order = {"account": ALICE, "side": "buy"} | fields
    outcomes = desk.place(**order)  # type: ignore[arg-type]
    market = str(fields.get("market", BTC_USD))
    assert outcomes == [OrderRejected(desk.seq, int(str(order["account"])), market, reason)]
    assert desk.engine.orders == {}


def test_a_market_order_by_quantity_has_no_minimum_notional() -> None:
    desk = Desk(minimum_lots=10, minimum_notional_atoms=10**6)
    assert ending(desk.buy_at_market(ALICE, 10)) == "no_liquidity"
