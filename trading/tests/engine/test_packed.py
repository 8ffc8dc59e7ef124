"""Packed batches come to the same outcomes and the same state as objects do, whatever the amounts."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from trading.engine.commands import CancelOrder, Event, Options, PlaceOrder, Tick
from trading.engine.engine import Engine, InvariantBroken
from trading.engine.order_checks import FOK, GTC, IOC
from trading.engine.outcomes import BalanceChanged, OrderAccepted, OrderCancelled, OrderRested, Outcome, Reason
from trading.engine.packed import COMMAND, pack
from trading.engine.plain import (
    BY_BUDGET,
    CANCEL,
    IS_BUY,
    IS_MARKET,
    IS_POST_ONLY,
    PLACE,
    TIME_IN_FORCE_SHIFT,
    plain_header,
)
from trading.engine.snapshot import state_hash
from trading.engine.unpacking import unpack
from trading.tests.engine import flow
from trading.tests.engine.desk import ALICE, BOB, BTC_USD, DAVE, Desk


def kinds(outcomes: list[Outcome]) -> list[tuple[str, Outcome]]:
    """With the name of each outcome: as tuples, facts of different classes can be equal."""
    return [(type(outcome).__name__, outcome) for outcome in outcomes]


def is_packable(event: Event, engine: Engine) -> bool:
    try:
        pack(event, engine)
    except ValueError:
        return False
    return True


def test_packed_commands_come_to_the_same_as_objects_among_all_other_commands() -> None:
    objects, packed = Engine(), Engine()
    batch: list[Event] = []
    expected: list[list[Outcome]] = []
    count = 0

    def flush() -> None:
        told = unpack(packed.apply_packed(b"".join(pack(event, packed) for event in batch)), packed)
        assert [kinds(one) for one in told] == [kinds(one) for one in expected]
        if packed.seq % 20 == 0:
            assert state_hash(packed) == state_hash(objects)
        batch.clear()
        expected.clear()

    for event in flow.events(seed=31, count=8_000):
        if is_packable(event, objects):
            count += 1
            batch.append(event)
            expected.append(objects.apply(event))
        else:
            flush()
            assert kinds(packed.apply(event)) == kinds(objects.apply(event))
    flush()
    assert count > 1_000


def test_the_bytes_are_the_same_native_and_interpreted() -> None:
    """This hash was taken of the interpreted engine; the same test runs against the native one."""
    desk = Desk(maximum_open_orders=10_000)
    events = [
        Event(desk.seq + 1 + n, desk.seq + 1 + n, command)
        for n, command in enumerate(
            PlaceOrder(
                account=ALICE if n % 2 else BOB,
                market=BTC_USD,
                side="sell" if n % 2 else "buy",
                type="limit",
                time_in_force="IOC" if n % 7 == 0 else "GTC",
                price_ticks=100 + (n * 7919) % 13,
                quantity_lots=1 + n % 9,
            )
            if n % 5
            else CancelOrder(account=BOB, order=desk.seq + n)
            for n in range(300)
        )
    ]
    words = desk.engine.apply_packed(b"".join(pack(event, desk.engine) for event in events))
    assert hashlib.sha256(words).hexdigest() == BYTES_HASH


BYTES_HASH = "29a4b27b5b7489c61d6d013f6c47fd3b21f29e7c9b2a24e37c8308bfbfd8b325"


@pytest.mark.parametrize("available", [2**61 - 1, 2**61, 2**61 + 1, 2**62 + 5, 2**124 - 1, 2**124, 2**126])
@pytest.mark.parametrize("held", [0, 3, 5])
def test_amounts_beyond_a_word_are_told_whole(available: int, held: int) -> None:
    """``available`` once the order rests; ``held``: so many times 10^18 before. Three of these are too much for one word, five
    for 62 bits.
    """
    desk = Desk(maximum_open_orders=10)
    missing = available + 5 * 10**6 + held * 10**18
    while missing:
        desk.credit(DAVE, "BTC", min(missing, 10**36))
        missing -= min(missing, 10**36)
    for _ in range(held):
        desk.sell(DAVE, 10**12, 1)
    before = desk.engine.balance(DAVE, "BTC")
    number = desk.seq + 1
    placed = PlaceOrder(
        account=DAVE, market=BTC_USD, side="sell", type="limit", time_in_force="GTC", price_ticks=100, quantity_lots=5
    )
    events = [Event(number, number, placed), Event(number + 1, number + 1, CancelOrder(account=DAVE, order=number))]
    told = unpack(desk.engine.apply_packed(b"".join(pack(event, desk.engine) for event in events)), desk.engine)
    assert [kinds(one) for one in told] == [
        kinds(
            [
                OrderAccepted(number, DAVE, BTC_USD),
                OrderRested(number, DAVE, BTC_USD, "sell", 100, 5),
                BalanceChanged(DAVE, "BTC", before[0] - 5 * 10**6, before[1] + 5 * 10**6),
            ]
        ),
        kinds(
            [
                OrderCancelled(number, DAVE, BTC_USD, "sell", 100, 5, Reason.USER_CANCELLED),
                BalanceChanged(DAVE, "BTC", *before),
            ]
        ),
    ]


def test_a_refusal_is_told_with_its_reason_not_with_a_text_like_it() -> None:
    desk = Desk()
    order = PlaceOrder(
        account=DAVE, market=BTC_USD, side="buy", type="limit", time_in_force="GTC", price_ticks=100, quantity_lots=5
    )
    events = [
        Event(desk.seq + 1, desk.seq + 1, order),
        Event(desk.seq + 2, desk.seq + 2, CancelOrder(account=1, order=9)),
    ]
    told = unpack(desk.engine.apply_packed(b"".join(pack(event, desk.engine) for event in events)), desk.engine)
    assert [getattr(one, "reason", None) for (one,) in told] == [Reason.INSUFFICIENT_FUNDS, Reason.UNKNOWN_ORDER]
    assert all(type(getattr(one, "reason", None)) is Reason for (one,) in told)


def test_what_is_not_plain_is_not_packed() -> None:
    desk = Desk()
    for command in (
        Tick(),
        PlaceOrder(account=ALICE, market="DOGE/USD", side="buy", type="limit", time_in_force="GTC"),
        PlaceOrder(account=ALICE, market=BTC_USD, side="buy", type="stop", time_in_force="GTC"),
        PlaceOrder(account=ALICE, market=BTC_USD, side="buy", type="limit", time_in_force="GTC", quantity_lots=5),
        PlaceOrder(
            account=0,
            market=BTC_USD,
            side="buy",
            type="limit",
            time_in_force="GTC",
            price_ticks=5,
            quantity_lots=5,
        ),
    ):
        with pytest.raises(ValueError, match="cannot be packed"):
            pack(Event(1, 1, command), desk.engine)


PLAIN: tuple[tuple[dict[str, Any], int], ...] = (
    ({"type": "limit", "time_in_force": "GTC", "quantity_lots": 1, "price_ticks": 1}, GTC << TIME_IN_FORCE_SHIFT),
    ({"type": "limit", "time_in_force": "IOC", "quantity_lots": 1, "price_ticks": 1}, IOC << TIME_IN_FORCE_SHIFT),
    ({"type": "limit", "time_in_force": "FOK", "quantity_lots": 1, "price_ticks": 1}, FOK << TIME_IN_FORCE_SHIFT),
    (
        {"type": "limit", "time_in_force": "GTC", "quantity_lots": 1, "price_ticks": 1, "post_only": "reject"},
        GTC << TIME_IN_FORCE_SHIFT | IS_POST_ONLY,
    ),
    (
        {"type": "market", "time_in_force": "IOC", "quantity_lots": 1},
        IOC << TIME_IN_FORCE_SHIFT | IS_MARKET,
    ),
    (
        {"type": "market", "time_in_force": "FOK", "quantity_lots": 1, "price_ticks": 1},
        FOK << TIME_IN_FORCE_SHIFT | IS_MARKET,
    ),
    (
        {"type": "market", "time_in_force": "IOC", "budget_atoms": 1, "price_ticks": 1},
        IOC << TIME_IN_FORCE_SHIFT | IS_MARKET | BY_BUDGET,
    ),
)
"""The plain orders, and what their headers have but PLACE and the side."""


@pytest.mark.parametrize(("fields", "flags"), PLAIN)
def test_every_plain_order_goes_the_short_way(fields: dict[str, Any], flags: int) -> None:
    """Taken for one that is not plain it would come to the same, by the long way."""
    buy = PlaceOrder(account=ALICE, market=BTC_USD, side="buy", **fields)
    assert plain_header(buy) == PLACE | IS_BUY | flags
    by_budget = buy.budget_atoms is not None
    assert plain_header(replace(buy, side="sell")) == (0 if by_budget else PLACE | flags)
    assert plain_header(replace(buy, options=Options())) == 0


def test_a_market_that_is_closed_by_a_packed_order_says_so_in_words() -> None:
    """Where a refusal is told with its reason, the reason for a state is text, which people write as well."""
    desk = Desk(breaker_ppm=10_000)
    for price in (100, 110):
        desk.sell(BOB, 1, price)
    desk.buy(ALICE, 1, 100)
    order = PlaceOrder(
        account=ALICE, market=BTC_USD, side="buy", type="limit", time_in_force="GTC", price_ticks=110, quantity_lots=1
    )
    event = Event(desk.seq + 1, desk.seq + 1, order)
    (told,) = unpack(desk.engine.apply_packed(pack(event, desk.engine)), desk.engine)
    assert [(type(one).__name__, type(getattr(one, "reason", None))) for one in told] == [
        ("OrderRejected", Reason),
        ("MarketStateChanged", str),
    ]


def test_after_a_time_that_goes_back_objects_go_on() -> None:
    desk = Desk()
    with pytest.raises(InvariantBroken):
        desk.engine.apply_packed(COMMAND.pack(CANCEL, 0, ALICE, 7, 0))
    assert desk.cancel(ALICE, 7)
