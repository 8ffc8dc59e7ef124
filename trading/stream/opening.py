"""Feeds that begin from what the event loop does not have: queues from the engine thread, candles from the read models.

They are asked for once, whoever waits; what happens meanwhile is kept and added. Runs on the event loop.
"""

import asyncio
import time
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from trading import queries, submission
from trading.applied import Applied
from trading.engine.engine import Engine
from trading.market_data.candles import origin_us, start_us
from trading.publications import QueuedOrder, queued_orders
from trading.runtime import Runtime

from .candle_feed import SNAPSHOT_CANDLES, CandleFeed
from .level3 import Queues
from .level3_feed import Level3Feed


class _AsOf(NamedTuple):
    seq: int
    orders: list[QueuedOrder]


class Level3Market:
    """The queues of one market. ``queues`` is None while the engine is asked for them."""

    def __init__(self) -> None:
        self.queues: Queues | None = None
        self.opening: asyncio.Future[None] | None = None
        self.waiting = 0
        self._early: list[Applied] = []

    def begin(self, queues: Queues, seq: int) -> None:
        """The queues as they were after the event ``seq``."""
        for event in self._early:
            if event.seq > seq:
                queues.apply(event)
        queues.changes.clear()
        self._early.clear()
        self.queues = queues

    def add(self, event: Applied) -> None:
        if self.queues is None:
            self._early.append(event)
        else:
            self.queues.apply(event)

    def tell(self, feeds: Iterable[Level3Feed]) -> None:
        """Tells what changed in a batch, now that the depth has it too."""
        if self.queues is not None and self.queues.changes:
            for feed in feeds:
                feed.update(self.queues, self.queues.changes)
            self.queues.changes.clear()


async def queues(runtime: Runtime, markets: dict[str, Level3Market], symbol: str) -> Queues:
    """The market's queues, asked of the engine if nobody hears them yet. Raises Problem."""
    market = markets.setdefault(symbol, Level3Market())
    if market.opening is None:
        market.opening = asyncio.ensure_future(_ask_queues(runtime, market, symbol))
    market.waiting += 1
    try:
        await asyncio.shield(market.opening)
    finally:
        market.waiting -= 1
        if market.queues is None and not market.waiting:
            del markets[symbol]
    if market.queues is None:
        raise RuntimeError(f"the queues of {symbol} were not opened")
    return market.queues


async def _ask_queues(runtime: Runtime, market: Level3Market, symbol: str) -> None:
    with submission.submitting():
        found = await runtime.ask(partial(_queues_of, symbol))
    market.begin(Queues(runtime.live, symbol, found.orders), found.seq)


def _queues_of(symbol: str, engine: Engine) -> _AsOf:
    """Runs on the engine thread."""
    return _AsOf(engine.seq, queued_orders(engine.markets[symbol]))


async def candles(runtime: Runtime, feed: CandleFeed, symbol: str, interval_min: int) -> None:
    """Waits until the feed has its candles. Raises Problem."""
    if feed.opening is None:
        feed.opening = asyncio.ensure_future(_load_candles(runtime, feed, symbol, interval_min * 60))
    try:
        await asyncio.shield(feed.opening)
    except Exception:
        feed.opening = None
        raise


async def _load_candles(runtime: Runtime, feed: CandleFeed, symbol: str, interval_s: int) -> None:
    width_us = interval_s * 1_000_000
    first_us = start_us(time.time_ns() // 1000, interval_s) - (SNAPSHOT_CANDLES - 1) * width_us
    found, close, seq = await submission.read(
        runtime,
        queries.recent_candles,
        market=symbol,
        interval_s=interval_s,
        origin_us=origin_us(interval_s),
        first_us=max(first_us, origin_us(interval_s)),
    )
    feed.load(found, close, seq)
