"""F24: a dry run says what the order comes to when it is placed, and changes nothing."""

import pytest

from trading.engine.commands import Event, FeeTier, Options, PlaceOrder
from trading.engine.engine import Engine
from trading.engine.outcomes import (
    BalanceChanged,
    Filled,
    OrderCancelled,
    OrderRejected,
    OrderRested,
    OrderTriggered,
    OrderWaiting,
    Reason,
)
from trading.engine.snapshot import dump, load
from trading.tests.engine import flow
from trading.tests.engine.desk import ALICE, BOB, BTC_USD, Desk


def test_f24_a_dry_run_says_what_the_order_then_comes_to() -> None:
    engine = Engine()
    told = refused = filled = rested = 0
    for event in flow.events(seed=24, count=6_000):
        command = event.command
        if not isinstance(command, PlaceOrder) or (command.options is not None and command.options.oco is not None):
            engine.apply(event)
            continue
        before = dump(engine) if event.seq % 50 == 0 else b""
        found = engine.dry_run(command, event.at_us)
        assert not before or dump(engine) == before
        if engine.next_timer_us is not None and engine.next_timer_us <= event.at_us:
            engine.apply(event)  # timers change what it meets
            continue
        outcomes = engine.apply(event)
        told += 1
        if isinstance(outcomes[0], OrderRejected):
            assert found.reason == outcomes[0].reason, event
            refused += 1
            continue
        assert found.reason is None, event
        if any(isinstance(one, OrderTriggered) and one.order == event.seq for one in outcomes):
            continue  # the last price set off at once what was to wait
        fills = [one for one in outcomes if isinstance(one, Filled) and one.taker_order == event.seq]
        assert found.filled_lots == sum(fill.quantity_lots for fill in fills), event
        assert found.quote_atoms == sum(fill.quote_atoms for fill in fills)
        assert found.fee_atoms == sum(fill.taker_fee_atoms for fill in fills)
        filled += bool(fills)
        if not fills and any(isinstance(one, OrderCancelled) and one.order == event.seq for one in outcomes):
            assert (found.open_lots, found.hold_atoms, found.price_ticks) == (0, 0, None), event
        rests = [one for one in outcomes if isinstance(one, OrderRested) and one.order == event.seq]
        if rests and not any(isinstance(one, OrderCancelled) and one.order == event.seq for one in outcomes):
            rested += 1
            assert found.open_lots == rests[0].remaining_lots
            assert not fills or found.price_ticks == rests[0].price_ticks
    assert min(told, refused, filled, rested) > 100


def test_f24_what_would_be_held_is_what_is_held_then() -> None:
    engine = Engine()
    seen = 0
    for event in flow.events(seed=25, count=3_000):
        command = event.command
        found = engine.dry_run(command, event.at_us) if isinstance(command, PlaceOrder) else None
        if found is None or not isinstance(command, PlaceOrder) or found.reason is not None or command.options:
            engine.apply(event)
            continue
        market = engine.markets[command.market].definition
        asset = market.quote if command.side == "buy" else market.base
        held_before = engine.balance(command.account, asset)[1]
        outcomes = engine.apply(event)
        kinds = {type(one) for one in outcomes}
        if OrderRested in kinds and not kinds & {Filled, OrderWaiting, OrderCancelled}:
            seen += 1
            held = next(o for o in outcomes if isinstance(o, BalanceChanged) and o.asset == asset)
            assert held.held_atoms - held_before == found.hold_atoms
    assert seen > 50


def test_f24_what_waits_would_hold_what_it_holds_then() -> None:
    desk = Desk()
    for options, cap in ((Options(trigger_ticks=110), 120), (Options(trailing_ticks=5), 130)):
        kind = "stop" if options.trigger_ticks else "trailing_stop"
        order = PlaceOrder(
            account=ALICE,
            market=BTC_USD,
            side="buy",
            type=kind,
            time_in_force="GTC",
            quantity_lots=3,
            price_ticks=cap,
            options=options,
        )
        found = desk.engine.dry_run(order, desk.engine.at_us)
        held = desk.engine.balance(ALICE, "USD")[1]
        desk.do(order)
        assert (found.open_lots, found.hold_atoms) == (3, desk.engine.balance(ALICE, "USD")[1] - held) == (3, 3 * cap)


def test_f24_an_account_or_a_side_that_is_none_is_refused() -> None:
    desk = Desk()
    for account, side in ((0, "buy"), (ALICE, "both")):
        order = PlaceOrder(account=account, market=BTC_USD, side=side, type="limit", time_in_force="GTC")  # type: ignore[arg-type]
        assert desk.engine.dry_run(order, 10**6).reason == Reason.INVALID_ORDER


def test_f24_an_account_that_is_none_gets_the_same_refusal_as_by_placing() -> None:
    desk = Desk()
    for account in (0, -1):
        order = PlaceOrder(
            account=account,
            market=BTC_USD,
            side="buy",
            type="limit",
            time_in_force="GTC",
            price_ticks=5,
            quantity_lots=5,
        )
        assert desk.engine.dry_run(order, desk.seq).reason == Reason.INVALID_ORDER


@pytest.mark.parametrize("price", [1, 100])
def test_f24_in_an_auction_nothing_would_trade_at_once(price: int) -> None:
    desk = Desk()
    desk.sell(BOB, 5, price)
    desk.set_state("auction")
    order = PlaceOrder(
        account=ALICE,
        market=BTC_USD,
        side="buy",
        type="limit",
        time_in_force="GTC",
        price_ticks=price + 1,
        quantity_lots=7,
    )
    found = desk.engine.dry_run(order, desk.seq)
    assert (found.reason, found.filled_lots, found.quote_atoms, found.open_lots) == (None, 0, 0, 7)


def test_f24_a_budget_would_buy_to_the_last_lot_what_it_then_buys() -> None:
    """One lot at one tick is three atoms, and fees are high, so that each maker's part decides what the next can give."""
    desk = Desk(tick_atoms=300, fee_tiers=(FeeTier(maker_ppm=0, taker_ppm=123_457),))
    for lots, price in ((2, 3), (3, 5), (2, 5), (4, 7), (9, 8)):
        desk.sell(BOB, lots, price)
    body, seq = dump(desk.engine), desk.seq + 1
    filled = set()
    for budget in range(1, 300):
        order = PlaceOrder(
            account=ALICE, market=BTC_USD, side="buy", type="market", time_in_force="IOC", budget_atoms=budget
        )
        found = desk.engine.dry_run(order, seq)
        fills = [one for one in load(body).apply(Event(seq, seq, order)) if isinstance(one, Filled)]
        assert found.filled_lots == sum(fill.quantity_lots for fill in fills), budget
        assert found.quote_atoms == sum(fill.quote_atoms for fill in fills)
        filled.add(found.filled_lots)
    assert filled == set(range(15))
