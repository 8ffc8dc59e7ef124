"""Candles as they are told: every interval of a range, also those in which nothing traded. Integers, times in microseconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, takewhile

INTERVALS_S = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "4h": 14_400,
    "1d": 86_400,
    "1w": 604_800,
}
WEEK_S = INTERVALS_S["1w"]
WEEK_ORIGIN_US = 4 * 86_400_000_000
"""Weeks start on Monday: 5 January 1970 was one."""


@dataclass(slots=True)
class Candle:
    """Prices in ticks, volume in lots, quote volume in atoms."""

    start_us: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    trades: int

    def add(self, price: int, lots: int, quote: int) -> None:
        """A trade after all that are in it."""
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.volume += lots
        self.quote += quote
        self.trades += 1


def origin_us(interval_s: int) -> int:
    """A time at which some candle of that interval begins."""
    return WEEK_ORIGIN_US if interval_s == WEEK_S else 0


def start_us(at_us: int, interval_s: int) -> int:
    """The beginning of the candle that a time is in."""
    return at_us - (at_us - origin_us(interval_s)) % (interval_s * 1_000_000)


def filled(traded: Iterable[Candle], first_us: int, end_us: int, width_us: int, close: int | None) -> list[Candle]:
    """Every candle from ``first_us`` until before ``end_us``, oldest first.

    One without trades repeats the close before it; there are none before the first trade. ``close``: the last before all.
    """
    by_start = {candle.start_us: candle for candle in traded}
    candles: list[Candle] = []
    for at_us in takewhile(lambda start: start < end_us, count(first_us, width_us)):
        candle = by_start.get(at_us)
        if candle is None and close is not None:
            candle = Candle(at_us, close, close, close, close, 0, 0, 0)
        if candle is not None:
            close = candle.close
            candles.append(candle)
    return candles
