"""A deterministic synthetic order flow for one market, and the trades that a correct book makes of it.

Integers alone and one splitmix64 stream, so that an engine in any language can be fed the same bytes. Per command:
the mid price, 100,000 ticks at first, moves by one tick up or down in two cases of eight; then limit orders within the
shape's spread of it, immediate-or-cancel orders as far through it, and cancels of a resting order drawn at random, in the
shape's percentages. While fewer orders rest than the shape has, everything is a limit order. A thousand users; sizes of 1 to
100 lots. Nothing prevents self-trade in this flow.
"""

import hashlib
import struct
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

LIMIT, IOC, CANCEL = 0, 1, 2
BUY, SELL = 0, 1
SEED = 20_240_601
USERS = 1_000
FIRST_MID_TICKS = 100_000
RECORD = struct.Struct("<BBHIQqq")

MASK = (1 << 64) - 1
FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


class Shape(NamedTuple):
    """``resting_orders``: how many rest before anything else happens. What is no limit or IOC order is a cancel."""

    resting_orders: int
    spread_ticks: int
    limit_percent: int = 50
    ioc_percent: int = 10


COMMON = Shape(resting_orders=2_000, spread_ticks=50)
DEEP = Shape(resting_orders=200_000, spread_ticks=5_000)
DEEPEST = Shape(resting_orders=1_000_000, spread_ticks=5_000, limit_percent=30, ioc_percent=5)
"""A million orders on ten thousand levels; then a cancel for nearly each new order, drawn from anywhere in the book."""


class Record(NamedTuple):
    """One command; 32 bytes as packed. A cancel repeats its target's side and price, and the lots that it still had."""

    kind: int
    side: int
    user: int
    order: int
    price_ticks: int
    lots: int

    def pack(self) -> bytes:
        return RECORD.pack(self.kind, self.side, 0, self.user, self.order, self.price_ticks, self.lots)


class Workload(NamedTuple):
    """The flow, and the fingerprint of its trades: FNV-1a over taker, maker, price and lots of each."""

    records: list[Record]
    trades: int
    fingerprint: int

    def sha256(self) -> str:
        return hashlib.sha256(b"".join(record.pack() for record in self.records)).hexdigest()


def fingerprint(so_far: int, taker: int, maker: int, price_ticks: int, lots: int) -> int:
    """The fingerprint with one more trade; the first starts from FNV_OFFSET."""
    for value in (taker, maker, price_ticks, lots):
        so_far = ((so_far ^ value) * FNV_PRIME) & MASK
    return so_far


class _SplitMix64:
    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, bound: int) -> int:
        self._state = (self._state + 0x9E3779B97F4A7C15) & MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % bound


class _Resting:
    __slots__ = ("lots", "order", "price_ticks", "side", "slot")

    def __init__(self, order: int, side: int, price_ticks: int, lots: int, slot: int) -> None:
        self.order = order
        self.side = side
        self.price_ticks = price_ticks
        self.lots = lots
        self.slot = slot


class _Book:
    """A plain book that keeps its resting orders in a list to draw from. A cancelled order leaves its queue lazily."""

    def __init__(self) -> None:
        self.resting: list[_Resting] = []
        self.trades = 0
        self.fingerprint = FNV_OFFSET
        self._queues: tuple[dict[int, deque[_Resting]], dict[int, deque[_Resting]]] = ({}, {})
        self._prices: tuple[list[int], list[int]] = ([], [])

    def place(self, order: int, side: int, price_ticks: int, lots: int, *, rests: bool) -> None:
        lots = self._take(order, side, price_ticks, lots)
        if lots and rests:
            queue = self._queues[side].get(price_ticks)
            if queue is None:
                queue = self._queues[side][price_ticks] = deque()
                insort(self._prices[side], price_ticks)
            resting = _Resting(order, side, price_ticks, lots, len(self.resting))
            queue.append(resting)
            self.resting.append(resting)

    def cancel(self, resting: _Resting) -> None:
        resting.lots = 0
        self._drop(resting)
        self._tidy(resting.side, resting.price_ticks)

    def _take(self, order: int, side: int, price_ticks: int, lots: int) -> int:
        opposite = SELL if side == BUY else BUY
        prices = self._prices[opposite]
        finished = []
        while lots and prices:
            best = prices[0] if side == BUY else prices[-1]
            if best > price_ticks if side == BUY else best < price_ticks:
                break
            maker = self._queues[opposite][best][0]
            traded = min(lots, maker.lots)
            lots -= traded
            maker.lots -= traded
            self.trades += 1
            self.fingerprint = fingerprint(self.fingerprint, order, maker.order, best, traded)
            if maker.lots == 0:
                finished.append(maker)
                self._tidy(opposite, best)
        for maker in finished:
            self._drop(maker)
        return lots

    def _drop(self, resting: _Resting) -> None:
        last = self.resting.pop()
        if last is not resting:
            self.resting[resting.slot] = last
            last.slot = resting.slot

    def _tidy(self, side: int, price_ticks: int) -> None:
        """Leaves a live order at the head of the queue, or no queue."""
        queue = self._queues[side][price_ticks]
        while queue and queue[0].lots == 0:
            queue.popleft()
        if not queue:
            del self._queues[side][price_ticks]
            prices = self._prices[side]
            prices.pop(bisect_left(prices, price_ticks))


class Flow:
    """The commands of a shape one by one; ``trades`` and ``fingerprint`` are of a plain book that has followed so far."""

    def __init__(self, shape: Shape = COMMON, seed: int = SEED) -> None:
        self._shape = shape
        self._draw = _SplitMix64(seed)
        self._book = _Book()
        self._mid_ticks = FIRST_MID_TICKS
        self._orders = 0

    @property
    def trades(self) -> int:
        return self._book.trades

    @property
    def fingerprint(self) -> int:
        return self._book.fingerprint

    def next(self, commands: int) -> Iterator[Record]:
        """So many more."""
        return (self._next() for _ in range(commands))

    def _next(self) -> Record:
        shape, draw, book = self._shape, self._draw, self._book
        self._mid_ticks += {0: -1, 1: 1}.get(draw.below(8), 0)
        kind = draw.below(100)
        user = 1 + draw.below(USERS)
        if len(book.resting) < shape.resting_orders:
            kind = 0
        if kind >= shape.limit_percent + shape.ioc_percent:
            target = book.resting[draw.below(len(book.resting))]
            cancel = Record(CANCEL, target.side, user, target.order, target.price_ticks, target.lots)
            book.cancel(target)
            return cancel
        self._orders += 1
        rests = kind < shape.limit_percent
        side = draw.below(2)
        away = draw.below(shape.spread_ticks + 1) if rests else -shape.spread_ticks
        price_ticks = self._mid_ticks - away if side == BUY else self._mid_ticks + away
        lots = 1 + draw.below(100)
        book.place(self._orders, side, price_ticks, lots, rests=rests)
        return Record(LIMIT if rests else IOC, side, user, self._orders, price_ticks, lots)


def generate(commands: int, shape: Shape = COMMON, seed: int = SEED) -> Workload:
    """So many commands of the flow, with the trades of a plain book."""
    flow = Flow(shape, seed)
    records = list(flow.next(commands))
    return Workload(records, flow.trades, flow.fingerprint)
