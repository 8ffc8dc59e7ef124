"""The book of one market as it is told: to a depth, raw or in groups of prices, at once or at most every so often.

Runs on the event loop. The last state is never lost: what an interval holds back is told at its end.
"""

import asyncio
from typing import NamedTuple

from trading.live import LiveState, MarketState
from trading.market_data.depth import DepthSide

from . import messages
from .feeds import PublicFeed

DEPTHS = (10, 25, 100, 500, 1000)

Levels = list[tuple[int, int]]


class BookKind(NamedTuple):
    """``group_ticks`` 0: raw levels. ``interval_ms`` 0: every change at once."""

    depth: int
    group_ticks: int = 0
    interval_ms: int = 0


class BookFeed(PublicFeed):
    """The levels that all who hear it have, as of the event ``sequence``."""

    def __init__(self, live: LiveState, symbol: str, kind: BookKind) -> None:
        super().__init__("book")
        self._live = live
        self._symbol = symbol
        self._kind = kind
        self._bids: Levels = []
        self._asks: Levels = []
        self._sequence = self._at_us = 0
        self._told_at = 0.0
        self._is_due = False

    def snapshot(self) -> str:
        """For one who joins. While others hear it, what they have: the next update must fit both."""
        state = self._live.markets[self._symbol]
        if not self.is_heard or not self._kind.interval_ms:
            self._take(state)
        market = state.market
        checksum = messages.checksum(market, self._bids, self._asks)
        data = messages.book(market, self._bids, self._asks, checksum, self._at_us)
        return messages.snapshot("book", [data], self._sequence)

    def changed(self) -> None:
        """The book may have changed: tells it now, or when the interval is over."""
        loop = asyncio.get_running_loop()
        wait_s = self._told_at + self._kind.interval_ms / 1000 - loop.time()
        if wait_s <= 0:
            self._tell()
        elif not self._is_due:
            self._is_due = True
            loop.call_later(wait_s, self._tell_due)

    def _tell_due(self) -> None:
        self._is_due = False
        if self.is_heard:
            self._tell()

    def _tell(self) -> None:
        bids, asks = self._bids, self._asks
        state = self._live.markets[self._symbol]
        self._take(state)
        gone = state.depth if not self._kind.group_ticks else None
        changed_bids = _changes(bids, self._bids, None if gone is None else gone.bids)
        changed_asks = _changes(asks, self._asks, None if gone is None else gone.asks)
        if changed_bids or changed_asks:
            self._told_at = asyncio.get_running_loop().time()
            checksum = messages.checksum(state.market, self._bids, self._asks)
            self.tell([messages.book(state.market, changed_bids, changed_asks, checksum, self._at_us)], self._sequence)

    def _take(self, state: MarketState) -> None:
        self._bids, self._asks = self._top(state.depth.bids), self._top(state.depth.asks)
        self._sequence, self._at_us = self._live.seq, self._live.at_us

    def _top(self, side: DepthSide) -> Levels:
        depth, group_ticks, _ = self._kind
        return side.grouped(depth, group_ticks) if group_ticks else side.top(depth)


def _changes(known: Levels, top: Levels, side: DepthSide | None) -> Levels:
    """Levels that are new or different, and with no lots those that are gone.

    A raw level that was only pushed beyond the depth is not told of: the receiver cuts there. Of ``side`` None all that left are.
    """
    before, now = dict(known), dict(top)
    changed = [(price, lots) for price, lots in top if before.get(price) != lots]
    return changed + [
        (price, 0) for price, _ in known if (price not in now if side is None else price not in side.lots)
    ]
