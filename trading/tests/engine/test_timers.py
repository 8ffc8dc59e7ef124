"""Timers by event time: what was disarmed does not fire, is not waited for, and does not pile up."""

from trading.engine.commands import CancelAfter, Event, Options, PlaceOrder, Tick
from trading.engine.outcomes import CancelAfterSet, CommandRejected, OrderCancelled, Reason
from trading.tests.engine.desk import ALICE, BOB, BTC_USD, Desk

HOUR_US = 3_600_000_000


def expiring(desk: Desk, due_us: int, price_ticks: int = 90) -> int:
    """The number of a new order that expires then."""
    order = PlaceOrder(
        account=ALICE,
        market=BTC_USD,
        side="buy",
        type="limit",
        time_in_force="GTD",
        price_ticks=price_ticks,
        quantity_lots=1,
        options=Options(expires_at_us=due_us),
    )
    desk.do(order)
    return desk.seq


def tick(desk: Desk, at_us: int) -> list[tuple[int, Reason]]:
    """What is cancelled by an event at that time, and why."""
    outcomes = desk.engine.apply(Event(desk.seq + 1, at_us, Tick()))
    return [(one.order, one.reason) for one in outcomes if isinstance(one, OrderCancelled)]


def test_the_next_timer_is_the_first_that_is_still_armed() -> None:
    desk = Desk()
    assert desk.engine.next_timer_us is None
    first, second = expiring(desk, HOUR_US), expiring(desk, 2 * HOUR_US)
    assert desk.engine.next_timer_us == HOUR_US
    desk.cancel(ALICE, first)
    assert desk.engine.next_timer_us == 2 * HOUR_US
    assert tick(desk, HOUR_US + 1) == []
    assert tick(desk, 2 * HOUR_US) == [(second, Reason.EXPIRED)]
    assert desk.engine.next_timer_us is None


def test_many_disarmed_timers_leave_those_that_are_armed() -> None:
    desk = Desk(maximum_open_orders=1_000)
    kept = [expiring(desk, HOUR_US + n, price_ticks=50) for n in range(3)]
    for n in range(400):
        desk.cancel(ALICE, expiring(desk, HOUR_US - 1 - n))
    assert desk.engine.next_timer_us == HOUR_US
    assert tick(desk, HOUR_US - 1) == []
    assert tick(desk, HOUR_US + 1) == [(number, Reason.EXPIRED) for number in kept[:2]]
    assert tick(desk, HOUR_US + 2) == [(kept[2], Reason.EXPIRED)]


def test_a_switch_set_anew_fires_once_and_later() -> None:
    desk = Desk()
    desk.buy(BOB, 1, 90)
    order = desk.seq
    for _ in range(200):
        desk.do(CancelAfter(account=BOB, timeout_us=HOUR_US))
    due_us = desk.engine.at_us + HOUR_US
    assert desk.engine.next_timer_us == due_us
    assert tick(desk, due_us - 1) == []
    assert tick(desk, due_us) == [(order, Reason.DEAD_MANS_SWITCH)]
    assert desk.engine.next_timer_us is None


def test_a_switch_is_set_for_a_day_at_most() -> None:
    desk = Desk()
    day_us = 24 * HOUR_US
    assert desk.do(CancelAfter(account=BOB, timeout_us=day_us)) == [CancelAfterSet(BOB, desk.seq + day_us)]
    assert desk.do(CancelAfter(account=BOB, timeout_us=day_us + 1)) == [CommandRejected(Reason.INVALID_ORDER)]


def test_what_a_book_shows_at_a_price_is_read_from_its_side() -> None:
    desk = Desk()
    desk.buy(ALICE, 4, 90)
    desk.sell(BOB, 5, 110)
    book = desk.engine.markets[BTC_USD].book
    assert [book.level_lots("buy", price) for price in (90, 110)] == [4, 0]
    assert [book.level_lots("sell", price) for price in (90, 110)] == [0, 5]
    assert (book.levels("buy", 1), book.levels("sell", 1), book.levels("buy", 0)) == ([(90, 4)], [(110, 5)], [])
