"""The order book of one market: price levels, each a queue of orders in the order of their arrival.

A level is an intrusive doubly linked list, so an order leaves it without a search. Each side keeps its levels by rank,
and the ranks sorted with the best last: the best level is cached, and the usual insertions and removals are near the
end of the list. The rank of a bid is its price, of an ask the negative price: on either side the higher is the better.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator

from .commands import Side
from .errors import InvariantBroken
from .participant import Participant


class Order:
    """An open order. It is made when it first rests; what it traded as a taker before is in its sums.

    ``maker_ppm`` and ``taker_ppm`` are the rates at acceptance, kept for its whole life: so its hold always suffices.
    ``fee_ppm_sum``: see ``fees``. ``updated_at_us`` is the time of the last event that changed it.
    """

    __slots__ = (
        "accepted_at_us",
        "account",
        "fee_ppm_sum",
        "filled_quote_atoms",
        "level",
        "maker_ppm",
        "market",
        "next",
        "number",
        "participant",
        "previous",
        "price_ticks",
        "quantity_lots",
        "remaining_lots",
        "side",
        "taker_ppm",
        "updated_at_us",
    )

    def __init__(
        self,
        number: int,
        participant: Participant,
        market: str,
        side: Side,
        price_ticks: int,
        quantity_lots: int,
        accepted_at_us: int,
    ) -> None:
        self.number = number
        self.account = participant.account
        self.participant = participant
        self.market = market
        self.side: Side = side
        self.price_ticks = price_ticks
        self.quantity_lots = quantity_lots
        self.remaining_lots = quantity_lots
        self.filled_quote_atoms = 0
        self.fee_ppm_sum = 0
        self.maker_ppm = participant.maker_ppm
        self.taker_ppm = participant.taker_ppm
        self.accepted_at_us = accepted_at_us
        self.updated_at_us = accepted_at_us
        self.level: PriceLevel | None = None
        self.previous: Order | None = None
        self.next: Order | None = None


class PriceLevel:
    """The orders at one price, oldest first, and their lots together. It leaves the book with its last order."""

    __slots__ = ("head", "lots", "price_ticks", "rank", "tail")

    def __init__(self, rank: int, order: Order) -> None:
        self.rank = rank
        self.price_ticks = order.price_ticks
        self.lots = order.remaining_lots
        self.head: Order = order
        self.tail: Order = order

    def __iter__(self) -> Iterator[Order]:
        order: Order | None = self.head
        while order is not None:
            yield order
            order = order.next


class BookSide:
    """The bids or the asks. ``sign`` makes a rank out of a price: +1 for bids, -1 for asks."""

    __slots__ = ("_levels", "_ranks", "best", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.best: PriceLevel | None = None
        self._levels: dict[int, PriceLevel] = {}
        self._ranks: list[int] = []

    def __iter__(self) -> Iterator[PriceLevel]:
        """The levels, best first."""
        return (self._levels[rank] for rank in reversed(self._ranks))

    def level(self, price_ticks: int) -> PriceLevel | None:
        return self._levels.get(self.sign * price_ticks)

    def levels(self, limit: int) -> list[tuple[int, int]]:
        """(price in ticks, lots) of the best levels, at most ``limit``, best first."""
        best = [self._levels[rank] for rank in reversed(self._ranks[-limit:])] if limit > 0 else []
        return [(level.price_ticks, level.lots) for level in best]

    def append(self, order: Order) -> None:
        """Puts the order last in the queue of its price."""
        rank = self.sign * order.price_ticks
        level = self._levels.get(rank)
        if level is None:
            level = self._levels[rank] = PriceLevel(rank, order)
            best = self.best
            if best is None or rank > best.rank:
                self._ranks.append(rank)
                self.best = level
            else:
                insort(self._ranks, rank)
        else:
            tail = level.tail
            tail.next = order
            order.previous = tail
            level.tail = order
            level.lots += order.remaining_lots
        order.level = level

    def remove(self, order: Order) -> None:
        """Takes the order, with what remains of it, out of its level."""
        level = order.level
        if level is None:
            raise InvariantBroken(f"order {order.number} is not in the book")
        order.level = None
        before, after = order.previous, order.next
        if before is None and after is None:
            self._remove_level(level)
            return
        level.lots -= order.remaining_lots
        if before is None:
            if after is not None:
                level.head = after
        else:
            before.next = after
            order.previous = None
        if after is None:
            if before is not None:
                level.tail = before
        else:
            after.previous = before
            order.next = None

    def _remove_level(self, level: PriceLevel) -> None:
        ranks = self._ranks
        del self._levels[level.rank]
        if level is self.best:
            ranks.pop()
            self.best = self._levels[ranks[-1]] if ranks else None
        else:
            del ranks[bisect_left(ranks, level.rank)]


class OrderBook:
    """Both sides of one market. Never crossed: an order rests only where nothing opposite could trade with it."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(1)
        self.asks = BookSide(-1)

    def side(self, side: Side) -> BookSide:
        return self.bids if side == "buy" else self.asks

    def levels(self, side: Side, limit: int) -> list[tuple[int, int]]:
        """(price in ticks, lots) of the best ``limit`` levels of a side, best first."""
        return self.side(side).levels(limit)

    def level_lots(self, side: Side, price_ticks: int) -> int:
        """Lots resting at a price; 0 if there is no such level."""
        level = self.side(side).level(price_ticks)
        return 0 if level is None else level.lots


class OpenOrders:
    """Every open order of all markets, by number and by account. Numbers grow, so each index is oldest first."""

    __slots__ = ("by_account", "by_number")

    def __init__(self) -> None:
        self.by_number: dict[int, Order] = {}
        self.by_account: dict[int, dict[int, Order]] = {}

    def add(self, order: Order) -> None:
        number = order.number
        self.by_number[number] = order
        orders = self.by_account.get(order.account)
        if orders is None:
            self.by_account[order.account] = {number: order}
        else:
            orders[number] = order
        order.participant.open_orders += 1

    def remove(self, order: Order) -> None:
        number = order.number
        del self.by_number[number]
        del self.by_account[order.account][number]
        order.participant.open_orders -= 1

    def of(self, account: int) -> Iterator[Order]:
        return iter(self.by_account.get(account, {}).values())
