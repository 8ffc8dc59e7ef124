"""The 24-hour ticker of one market: a window of minutes, rolled on, summed in integers."""

from collections import deque
from dataclasses import dataclass

MINUTE_US = 60_000_000
WINDOW_MINUTES = 24 * 60


@dataclass(slots=True)
class Minute:
    """What was traded in one minute. Prices in ticks, volume in lots, quote volume in atoms."""

    start_us: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The last 24 hours. Prices in ticks and None if nothing was traded in them; ``last`` is older than that then."""

    last: int | None
    open: int | None
    high: int | None
    low: int | None
    volume: int
    quote: int


class RollingTicker:
    """Minutes in which something was traded, of the last 24 hours."""

    __slots__ = ("_minutes", "last")

    def __init__(self) -> None:
        self.last: int | None = None
        self._minutes: deque[Minute] = deque()

    def load(self, minute: Minute) -> None:
        """Puts back a whole minute, in order of time."""
        self._minutes.append(minute)
        self.last = minute.close

    def add(self, at_us: int, price: int, lots: int, quote: int) -> None:
        start_us = at_us - at_us % MINUTE_US
        self.last = price
        if self._minutes and self._minutes[-1].start_us == start_us:
            minute = self._minutes[-1]
            minute.high = max(minute.high, price)
            minute.low = min(minute.low, price)
            minute.close = price
            minute.volume += lots
            minute.quote += quote
        else:
            self._minutes.append(Minute(start_us, price, price, price, price, lots, quote))

    def window(self, now_us: int) -> Window:
        oldest_us = now_us - WINDOW_MINUTES * MINUTE_US
        while self._minutes and self._minutes[0].start_us < oldest_us:
            self._minutes.popleft()
        minutes = self._minutes
        if not minutes:
            return Window(last=self.last, open=None, high=None, low=None, volume=0, quote=0)
        return Window(
            last=self.last,
            open=minutes[0].open,
            high=max(minute.high for minute in minutes),
            low=min(minute.low for minute in minutes),
            volume=sum(minute.volume for minute in minutes),
            quote=sum(minute.quote for minute in minutes),
        )
