"""F24: a dry run says what the order comes to when it is placed, and changes nothing."""

from trading.engine.commands import PlaceOrder
from trading.engine.engine import Engine
from trading.engine.outcomes import (
    BalanceChanged,
    Filled,
    OrderCancelled,
    OrderRejected,
    OrderRested,
    OrderTriggered,
    OrderWaiting,
)
from trading.engine.snapshot import dump
from trading.tests.engine import flow


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
