"""A deterministic synthetic order flow for one market, and the trades that a correct book makes of it.

Integers alone and one splitmix64 stream, so that an engine in any language can be fed the same bytes. Per command:
the mid price, 100,000 ticks at first, moves by one tick up or down in two cases of eight; then 50 % limit orders within
50 ticks of it, 10 % immediate-or-cancel orders 50 ticks through it, 40 % cancels of a resting order drawn at random.
While fewer than 2,000 orders rest, everything is a limit order. A thousand users; sizes of 1 to 100 lots.
Nothing prevents self-trade in this flow.
"""

import hashlib
import struct
from bisect import bisect_left, insort
from collections import deque
from typing import NamedTuple

LIMIT, IOC, CANCEL = 0, 1, 2
BUY, SELL = 0, 1
SEED = 20_240_601
USERS = 1_000
RESTING_ORDERS = 2_000
SPREAD_TICKS = 50
FIRST_MID_TICKS = 100_000
RECORD = struct.Struct("<BBHIQqq")

MASK = (1 << 64) - 1
FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


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


def generate(commands: int, seed: int = SEED) -> Workload:
    """So many commands of the flow, with the trades of a plain book."""
    draw = _SplitMix64(seed)
    book = _Book()
    records: list[Record] = []
    mid, order = FIRST_MID_TICKS, 0
    for _ in range(commands):
        mid += {0: -1, 1: 1}.get(draw.below(8), 0)
        kind = draw.below(100)
        user = 1 + draw.below(USERS)
        if len(book.resting) < RESTING_ORDERS:
            kind = 0
        if kind < 60:
            order += 1
            side = draw.below(2)
            away = draw.below(SPREAD_TICKS + 1) if kind < 50 else -SPREAD_TICKS
            price_ticks = mid - away if side == BUY else mid + away
            lots = 1 + draw.below(100)
            records.append(Record(LIMIT if kind < 50 else IOC, side, user, order, price_ticks, lots))
            book.place(order, side, price_ticks, lots, rests=kind < 50)
        else:
            target = book.resting[draw.below(len(book.resting))]
            records.append(Record(CANCEL, target.side, user, target.order, target.price_ticks, target.lots))
            book.cancel(target)
    return Workload(records, book.trades, book.fingerprint)
