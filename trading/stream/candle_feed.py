"""The channel ``ohlc``: the candles of one market and interval, the same as REST has.

Runs on the event loop. Begun from the read models as of one event, then fed with every fill beyond it. What changes is told
after CANDLE_INTERVAL_S with all that came meanwhile; the last state of a candle is never lost.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

from trading.engine.outcomes import Filled
from trading.live import LiveState
from trading.market_data.candles import Candle, filled, start_us

from . import messages
from .feeds import PublicFeed

INTERVALS_MIN = (1, 5, 15, 30, 60, 240, 1440, 10080)
SNAPSHOT_CANDLES = 100
CANDLE_INTERVAL_S = 0.1


class CandleFeed(PublicFeed):
    """``interval_min`` is one of INTERVALS_MIN. ``sequence``: the event up to which the candles are summed."""

    def __init__(self, live: LiveState, symbol: str, interval_min: int) -> None:
        super().__init__("ohlc")
        self._live = live
        self._symbol = symbol
        self._interval_s = interval_min * 60
        self._candles: deque[Candle] = deque(maxlen=SNAPSHOT_CANDLES)
        self._close_before: int | None = None
        self._sequence = 0
        self._changed: dict[int, Candle] = {}
        self._early: list[tuple[int, int, Filled]] | None = []
        """Fills that came before it was loaded; None once it is."""
        self.opening: asyncio.Future[None] | None = None

    @property
    def _width_us(self) -> int:
        return self._interval_s * 1_000_000

    def load(self, candles: Iterable[Candle], close_before: int | None, sequence: int) -> None:
        """The last candles with trades, oldest first, as of that event, and the last price before them."""
        self._candles.extend(candles)
        self._close_before = close_before
        self._sequence = sequence
        early, self._early = self._early or [], None
        for fill in early:
            self.add(*fill)

    def add(self, seq: int, at_us: int, fill: Filled) -> None:
        if self._early is not None:
            self._early.append((seq, at_us, fill))
            return
        if seq <= self._sequence:
            return
        start = start_us(at_us, self._interval_s)
        price = fill.price_ticks
        last = self._candles[-1] if self._candles else None
        if last is None or last.start_us != start:
            if len(self._candles) == SNAPSHOT_CANDLES:
                self._close_before = self._candles[0].close
            last = Candle(start, price, price, price, price, 0, 0, 0)
            self._candles.append(last)
        last.add(price, fill.quantity_lots, fill.quote_atoms)
        if not self._changed:
            asyncio.get_running_loop().call_later(CANDLE_INTERVAL_S, self._tell_changed)
        self._changed[start] = last

    def _tell_changed(self) -> None:
        changed, self._changed = self._changed, {}
        if self.is_heard:
            market = self._live.markets[self._symbol].market
            data = [messages.candle(market, candle, self._width_us) for candle in changed.values()]
            self.tell(data, max(self._sequence, self._live.seq))

    def snapshot(self, now_us: int) -> str:
        """The last candles up to now, empty ones too."""
        market = self._live.markets[self._symbol].market
        end_us = start_us(now_us, self._interval_s) + self._width_us
        first_us = max(end_us - SNAPSHOT_CANDLES * self._width_us, 0)
        close = self._close_before
        for candle in self._candles:
            if candle.start_us < first_us:
                close = candle.close
        candles = filled(self._candles, first_us, end_us, self._width_us, close)
        data = [messages.candle(market, candle, self._width_us) for candle in candles]
        return messages.snapshot("ohlc", data, max(self._sequence, self._live.seq))
