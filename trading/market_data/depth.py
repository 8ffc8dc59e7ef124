"""The depth of one market: lots per price, on the event loop. Fed with the levels that each batch touched."""

from bisect import bisect_left, insort
from collections.abc import Iterable

from trading.engine.commands import Side


class DepthSide:
    """Levels of one side by price in ticks. ``descending`` for bids: the best is the highest."""

    __slots__ = ("_descending", "_prices", "lots")

    def __init__(self, *, descending: bool) -> None:
        self.lots: dict[int, int] = {}
        self._prices: list[int] = []
        self._descending = descending

    def set(self, price_ticks: int, lots: int) -> None:
        known = price_ticks in self.lots
        if lots:
            self.lots[price_ticks] = lots
            if not known:
                insort(self._prices, price_ticks)
        elif known:
            del self.lots[price_ticks]
            del self._prices[bisect_left(self._prices, price_ticks)]

    def best(self) -> int | None:
        if not self._prices:
            return None
        return self._prices[-1] if self._descending else self._prices[0]

    def top(self, limit: int) -> list[tuple[int, int]]:
        """(price in ticks, lots) of the best levels, best first."""
        prices = self._prices[: -limit - 1 : -1] if self._descending else self._prices[:limit]
        return [(price, self.lots[price]) for price in prices]

    def grouped(self, limit: int, group_ticks: int) -> list[tuple[int, int]]:
        """Levels summed into steps of ``group_ticks``: bids rounded down to the step, asks up."""
        groups: dict[int, int] = {}
        for price in reversed(self._prices) if self._descending else self._prices:
            step = price // group_ticks if self._descending else -(-price // group_ticks)
            if step * group_ticks not in groups and len(groups) == limit:
                break
            groups[step * group_ticks] = groups.get(step * group_ticks, 0) + self.lots[price]
        return list(groups.items())


class Depth:
    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = DepthSide(descending=True)
        self.asks = DepthSide(descending=False)

    def side(self, side: Side) -> DepthSide:
        return self.bids if side == "buy" else self.asks

    def load(self, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> None:
        for price, lots in bids:
            self.bids.set(price, lots)
        for price, lots in asks:
            self.asks.set(price, lots)
