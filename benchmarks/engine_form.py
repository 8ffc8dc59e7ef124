"""Measures the engine in the form that this process runs, by CPU time: ``python -m benchmarks.engine_form PART``.

One core, no journal: balances, holds, fees and outcomes included. A part has a process of its own, because what others have
left in memory would count. Its figures are printed as JSON.
"""

import gc
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from resource import getpagesize
from statistics import median
from time import process_time
from typing import Any, NamedTuple

from benchmarks.workload import (
    BUY,
    CANCEL,
    COMMON,
    DEEP,
    DEEPEST,
    FIRST_MID_TICKS,
    FNV_OFFSET,
    IOC,
    SELL,
    USERS,
    Flow,
    Record,
    Shape,
    fingerprint,
)
from trading.collector import spare_the_collector
from trading.engine.commands import (
    CancelOrder,
    Command,
    Credit,
    DefineAsset,
    DefineMarket,
    Event,
    FeeTier,
    PlaceOrder,
    SetRules,
)
from trading.engine.engine import Engine
from trading.engine.outcomes import CommandRejected, Filled, OrderRejected
from trading.engine.packed import pack
from trading.engine.rules import LATEST
from trading.engine.snapshot import state_hash

RUNS = 5
BATCH = 1_000
STAKE_ATOMS = 10**15
MARKET = "BTC/USD"
LISTING: tuple[Command, ...] = (
    SetRules(version=LATEST),
    DefineAsset(asset="BTC", name="Bitcoin", kind="crypto", decimals=8, trading_decimals=8),
    DefineAsset(asset="USD", name="US dollar", kind="fiat", decimals=2, trading_decimals=2),
    DefineMarket(
        market=MARKET,
        base="BTC",
        quote="USD",
        tick_atoms=100,
        lot_atoms=10**6,
        minimum_lots=1,
        minimum_notional_atoms=1,
        maximum_open_orders=10_000,
        fee_tiers=(FeeTier(maker_ppm=1_500, taker_ppm=2_500),),
    ),
)


class Way(NamedTuple):
    """How commands reach the engine: ``pack`` makes of a batch, beforehand, what ``feed`` then gives to the engine."""

    pack: Callable[[Engine, list[Event]], Any]
    feed: Callable[[Engine, Any], object]


def _apply_each(engine: Engine, events: list[Event]) -> None:
    apply = engine.apply
    for event in events:
        apply(event)


def _pack(engine: Engine, events: list[Event]) -> bytes:
    return b"".join(pack(event, engine) for event in events)


WAYS = {"objects": Way(lambda engine, events: events, _apply_each), "packed": Way(_pack, Engine.apply_packed)}


def account(user: int, side: int) -> int:
    """A user has one account for each side, for the flow does not prevent self-trade."""
    return 2 * user + side


PRELUDE = LISTING + tuple(
    Credit(account=account(user, side), asset=asset, amount_atoms=STAKE_ATOMS, source="faucet", reference="benchmark")
    for user in range(1, USERS + 1)
    for side, asset in ((BUY, "USD"), (SELL, "BTC"))
)


class Events:
    """A flow's records as the events after the prelude."""

    def __init__(self) -> None:
        self._placed: dict[int, tuple[int, int]] = {}
        self._seq = len(PRELUDE)

    def of(self, records: Iterable[Record]) -> Iterator[Event]:
        for record in records:
            self._seq += 1
            yield Event(seq=self._seq, at_us=self._seq, command=self._command(record))

    def _command(self, record: Record) -> Command:
        if record.kind == CANCEL:
            owner, number = self._placed.pop(record.order)
            return CancelOrder(account=owner, order=number)
        owner = account(record.user, record.side)
        self._placed[record.order] = (owner, self._seq)
        return PlaceOrder(
            account=owner,
            market=MARKET,
            side="buy" if record.side == BUY else "sell",
            type="limit",
            time_in_force="IOC" if record.kind == IOC else "GTC",
            quantity_lots=record.lots,
            price_ticks=record.price_ticks,
        )


def funded_engine() -> Engine:
    engine = Engine()
    for seq, command in enumerate(PRELUDE, start=1):
        engine.apply(Event(seq=seq, at_us=seq, command=command))
    return engine


def measure_flow(commands: int = 200_000) -> dict[str, float]:
    """The common flow. Raises RuntimeError if the trades are not those of the workload."""
    flow = Flow(COMMON)
    records = list(flow.next(commands))
    events = list(Events().of(records))
    verified = _verify(flow, records, events)
    figures = {}
    for name, way in WAYS.items():
        listed = funded_engine()
        batches = [way.pack(listed, events[first : first + BATCH]) for first in range(0, commands, BATCH)]
        times = []
        for _ in range(RUNS):
            engine = funded_engine()
            times.append(sum(_timed(engine, way, batches)))
            if state_hash(engine) != verified:
                raise RuntimeError(f"{name}: a timed run ended in another state than the verified one")
        figures[f"{name}_ns"] = median(times) / commands * 1e9
    return figures


def measure_deep(shape: Shape, commands: int = 200_000) -> dict[str, float]:
    """With a book as deep as the shape has it, and then batches as a server sees them: the longest one is its pause."""
    figures = {}
    for name, way in WAYS.items():
        flow, made, engine = Flow(shape), Events(), funded_engine()
        for event in made.of(flow.next(shape.resting_orders)):
            engine.apply(event)
        events = made.of(flow.next(commands))
        batches = [way.pack(engine, list(islice(events, BATCH))) for _ in range(commands // BATCH)]
        times = _timed(engine, way, batches)
        figures[f"{name}_ns"] = median(times) / BATCH * 1e9
        figures[f"{name}_pause_ms"] = max(times) * 1e3
    return figures


def measure_memory(orders: int = 1_000_000) -> dict[str, float]:
    """Bytes of the process for each order that rests, on ten thousand levels; the accounts and levels are in it."""
    engine = funded_engine()
    events = Events().of(_resting(orders))
    for event in islice(events, BATCH):
        engine.apply(event)
    gc.collect()
    before = _resident_bytes()
    for event in events:
        engine.apply(event)
    gc.collect()
    return {"bytes_per_order": (_resident_bytes() - before) / (orders - BATCH)}


def _resting(orders: int) -> Iterator[Record]:
    """Orders that never meet: bids below the middle and asks above it, round and round over the levels."""
    levels = DEEPEST.spread_ticks
    for number in range(orders):
        side, away = number % 2, 1 + number // 2 % levels
        price_ticks = FIRST_MID_TICKS - away if side == BUY else FIRST_MID_TICKS + away
        yield Record(0, side, 1 + number // 2 % USERS, number, price_ticks, 1 + number % 100)


def _timed(engine: Engine, way: Way, batches: Sequence[Any]) -> list[float]:
    """Feeds the batches with the collector as a server has it; returns the seconds of CPU that each took."""
    feed, times = way.feed, []
    thresholds = gc.get_threshold()
    spare_the_collector()
    for batch in batches:
        started_s = process_time()
        feed(engine, batch)
        times.append(process_time() - started_s)
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    return times


def _verify(flow: Flow, records: list[Record], events: list[Event]) -> str:
    """Checks that the engine makes the flow's trades; returns the hash of its state after them."""
    engine = funded_engine()
    order_of = {event.seq: record.order for event, record in zip(events, records, strict=True)}
    trades, seen = 0, FNV_OFFSET
    for event in events:
        for outcome in engine.apply(event):
            if isinstance(outcome, (OrderRejected, CommandRejected)):
                raise RuntimeError(f"event {event.seq}: {outcome}")
            if isinstance(outcome, Filled):
                trades += 1
                taker, maker = order_of[outcome.taker_order], order_of[outcome.maker_order]
                seen = fingerprint(seen, taker, maker, outcome.price_ticks, outcome.quantity_lots)
    if (trades, seen) != (flow.trades, flow.fingerprint):
        raise RuntimeError(f"{trades} trades {seen:016x}, not {flow.trades} trades {flow.fingerprint:016x}")
    return state_hash(engine)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()


PARTS: dict[str, Callable[[], dict[str, float]]] = {
    "flow": measure_flow,
    "deep": lambda: measure_deep(DEEP),
    "deepest": lambda: measure_deep(DEEPEST),
    "memory": measure_memory,
}


if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[1]]()))
