"""The order book of one market: price levels, each a queue of orders in the order of their arrival.

A level is an intrusive doubly linked list, so an order leaves it without a search. Each side keeps its levels by price,
and the ranks sorted with the best last: the best level is cached, and the usual insertions and removals are near the
end of the list. The rank of a bid is its price, of an ask the negative price: on either side the higher is the better.

With n levels on a side: append to a level O(1), a new level O(log n) and a move of the ranks behind it; remove O(1), the
last order of a level O(log n) likewise; best O(1).
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Final

from .commands import Leg, OrderType, Peg, SelfTradePrevention, Side
from .errors import InvariantBroken
from .fees import Rates
from .native import mypyc_attr
from .numbers import leg_of, parent_number
from .participant import Participant

NEWEST: Final = 0
OLDEST: Final = 1
BOTH: Final = 2
DECREMENT: Final = 3
"""Modes of self-trade prevention as numbers."""
PREVENTIONS: Final[tuple[SelfTradePrevention, ...]] = ("cancel_newest", "cancel_oldest", "cancel_both", "decrement")


class Special:
    """What few orders need beyond the plain ones. 0 or an empty string: not given."""

    __slots__ = (
        "budget_atoms",
        "display_lots",
        "expires_at_us",
        "extra_hold_atoms",
        "extreme_ticks",
        "immediate",
        "is_active",
        "keep_on_disconnect",
        "limit_ticks",
        "on_fill",
        "peg",
        "peg_offset_ticks",
        "prevention",
        "shown_lots",
        "sibling",
        "trailing_ticks",
        "trigger_ticks",
        "type",
    )

    def __init__(self, type: OrderType) -> None:  # noqa: A002
        self.type: OrderType = type
        self.expires_at_us = 0
        self.prevention = NEWEST
        self.keep_on_disconnect = False
        self.display_lots = 0
        self.shown_lots = 0
        """The peak that the book shows now."""
        self.peg: Peg = "none"
        self.peg_offset_ticks = 0
        self.limit_ticks = 0
        """Of a pegged order: the limit. Its price is where it rests."""
        self.trigger_ticks = 0
        self.trailing_ticks = 0
        self.is_active = False
        """Of a trailing stop: whether it has begun to trail."""
        self.extreme_ticks = 0
        """Of a trailing stop: the highest (a buy: lowest) price since it began to trail; 0 before the first."""
        self.immediate = False
        """Of a waiting limit type: whether it is IOC once triggered."""
        self.budget_atoms = 0
        self.sibling: Order | None = None
        """The other OCO leg, while both are open."""
        self.extra_hold_atoms = -1
        """Of the waiting leg of two: what it holds beyond what the other holds; -1: it is not one."""
        self.on_fill: tuple[Leg, ...] = ()


@mypyc_attr(free_list_len=1)
class Order:
    """An order of one account, made by ``new_order`` or in the loop over plain commands when it first rests or waits.

    What it traded as a taker before is in its sums. ``price_ticks`` is its limit or cap, of a pegged order where it rests; 0: it
    has none, or a pegged one is not in the book. ``level`` None: it is not in the book. ``rates`` are those at acceptance, kept
    for its whole life: so its hold always suffices. ``fee_ppm_sum``: see ``fees``. ``updated_at_us`` is the time of the last
    event that changed it.
    """

    __slots__ = (
        "accepted_at_us",
        "fee_ppm_sum",
        "filled_quote_atoms",
        "is_buy",
        "is_post_only",
        "level",
        "next",
        "number",
        "own_next",
        "own_previous",
        "participant",
        "previous",
        "price_ticks",
        "quantity_lots",
        "rates",
        "remaining_lots",
        "special",
        "updated_at_us",
    )

    number: int
    participant: Participant
    is_buy: bool
    price_ticks: int
    quantity_lots: int
    remaining_lots: int
    filled_quote_atoms: int
    fee_ppm_sum: int
    rates: Rates
    is_post_only: bool
    accepted_at_us: int
    updated_at_us: int
    special: Special | None
    level: "PriceLevel | None"
    previous: "Order | None"
    next: "Order | None"
    """In the queue of its level."""
    own_previous: "Order | None"
    own_next: "Order | None"
    """Among its participant's orders."""

    @property
    def account(self) -> int:
        return self.participant.account

    @property
    def market(self) -> str:
        return self.participant.market.name

    @property
    def side(self) -> Side:
        return "buy" if self.is_buy else "sell"

    @property
    def maker_ppm(self) -> int:
        return self.rates.maker_ppm

    @property
    def taker_ppm(self) -> int:
        return self.rates.taker_ppm

    @property
    def filled_lots(self) -> int:
        return self.quantity_lots - self.remaining_lots

    @property
    def shown_lots(self) -> int:
        """What the book shows of it, and a taker can have in one go."""
        special = self.special
        return special.shown_lots if special is not None and special.display_lots else self.remaining_lots

    @property
    def is_pegged(self) -> bool:
        special = self.special
        return special is not None and special.peg != "none"

    @property
    def is_for_trigger(self) -> bool:
        """Whether it waits for a trade that triggers it."""
        special = self.special
        return special is not None and special.type != "limit"

    @property
    def age(self) -> tuple[int, int]:
        """The older order has the smaller one: by the event that brought it, then by its leg."""
        return parent_number(self.number), leg_of(self.number)


def new_order(
    number: int, participant: Participant, is_buy: bool, price_ticks: int, quantity_lots: int, at_us: int
) -> Order:
    """An order that is in no book yet, nor among its participant's."""
    order = Order()
    order.number = number
    order.participant = participant
    order.is_buy = is_buy
    order.price_ticks = price_ticks
    order.quantity_lots = quantity_lots
    order.remaining_lots = quantity_lots
    order.filled_quote_atoms = 0
    order.fee_ppm_sum = 0
    order.rates = participant.rates
    order.is_post_only = False
    order.accepted_at_us = at_us
    order.updated_at_us = at_us
    order.special = None
    order.level = None
    order.previous = None
    order.next = None
    order.own_previous = None
    order.own_next = None
    return order


def age(order: Order) -> tuple[int, int]:
    """To sort by."""
    return order.age


@mypyc_attr(free_list_len=1)
class PriceLevel:
    """The orders at one price, oldest first, and what is shown of them. It leaves the book with its last order.

    ``iceberg_orders`` and ``pegged_orders`` count those among them.
    """

    __slots__ = ("head", "iceberg_orders", "lots", "pegged_orders", "price_ticks", "rank", "tail")

    def __init__(self, rank: int, order: Order) -> None:
        self.rank = rank
        self.price_ticks = order.price_ticks
        self.lots = 0
        self.head: Order = order
        self.tail: Order = order
        self.iceberg_orders = 0
        self.pegged_orders = 0

    def __iter__(self) -> Iterator[Order]:
        order: Order | None = self.head
        while order is not None:
            yield order
            order = order.next

    def count(self, special: Special, step: int) -> None:
        if special.display_lots:
            self.iceberg_orders += step
        if special.peg != "none":
            self.pegged_orders += step


class BookSide:
    """The bids or the asks. ``by_price``: its levels; who takes orders in and out of a level itself opens and closes it here."""

    __slots__ = ("_is_bids", "_ranks", "best", "by_price")

    def __init__(self, is_bids: bool) -> None:
        self._is_bids = is_bids
        self.best: PriceLevel | None = None
        self.by_price: dict[int, PriceLevel] = {}
        self._ranks: list[int] = []

    def __iter__(self) -> Iterator[PriceLevel]:
        """The levels, best first."""
        for rank in reversed(self._ranks):
            yield self.by_price[abs(rank)]

    def level(self, price_ticks: int) -> PriceLevel | None:
        return self.by_price.get(price_ticks)

    def levels(self, limit: int) -> list[tuple[int, int]]:
        """(price in ticks, shown lots) of the best levels, at most ``limit``, best first."""
        best = [self.by_price[abs(rank)] for rank in reversed(self._ranks[-limit:])] if limit > 0 else []
        return [(level.price_ticks, level.lots) for level in best]

    def append(self, order: Order) -> None:
        """Puts the order last in the queue of its price."""
        level = self.by_price.get(order.price_ticks)
        if level is None:
            level = self.open_level(order)
        else:
            tail = level.tail
            tail.next = order
            order.previous = tail
            level.tail = order
        order.level = level
        special = order.special
        if special is None:
            level.lots += order.remaining_lots
        else:
            if special.display_lots:
                special.shown_lots = min(special.display_lots, order.remaining_lots)
            level.lots += order.shown_lots
            level.count(special, 1)

    def open_level(self, order: Order) -> PriceLevel:
        """A new level whose only order this is; its lots are not counted yet."""
        price_ticks = order.price_ticks
        rank = price_ticks if self._is_bids else -price_ticks
        level = self.by_price[price_ticks] = PriceLevel(rank, order)
        best = self.best
        if best is None or rank > best.rank:
            self._ranks.append(rank)
            self.best = level
        else:
            insort(self._ranks, rank)
        return level

    def remove(self, order: Order) -> None:
        """Takes the order, with what remains of it, out of its level."""
        level = order.level
        if level is None:
            raise InvariantBroken(f"order {order.number} is not in the book")
        order.level = None
        before, after = order.previous, order.next
        if before is None and after is None:
            self.close_level(level)
            return
        special = order.special
        if special is None:
            level.lots -= order.remaining_lots
        else:
            level.lots -= order.shown_lots
            level.count(special, -1)
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

    def pop(self, level: PriceLevel) -> None:
        """Takes the first order out of a level, when nothing of it remains."""
        order = level.head
        order.level = None
        after = order.next
        if after is None:
            self.close_level(level)
            return
        order.next = None
        after.previous = None
        level.head = after
        if order.special is not None:
            level.count(order.special, -1)

    def close_level(self, level: PriceLevel) -> None:
        """A level whose last order, which it still has, leaves it."""
        level.head.level = None  # else they would keep each other
        ranks = self._ranks
        del self.by_price[level.price_ticks]
        if level is self.best:
            ranks.pop()
            self.best = self.by_price[abs(ranks[-1])] if ranks else None
        else:
            del ranks[bisect_left(ranks, level.rank)]


class OrderBook:
    """Both sides of one market. Crossed only while an auction collects orders, and after it until the market reopens."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(True)
        self.asks = BookSide(False)

    def same(self, is_buy: bool) -> BookSide:
        return self.bids if is_buy else self.asks

    def opposite(self, is_buy: bool) -> BookSide:
        return self.asks if is_buy else self.bids

    def side(self, side: Side) -> BookSide:
        return self.bids if side == "buy" else self.asks

    @property
    def is_crossed(self) -> bool:
        bid, ask = self.bids.best, self.asks.best
        return bid is not None and ask is not None and bid.price_ticks >= ask.price_ticks

    def levels(self, side: Side, limit: int) -> list[tuple[int, int]]:
        """(price in ticks, shown lots) of the best ``limit`` levels of a side, best first."""
        return self.side(side).levels(limit)

    def level_lots(self, side: Side, price_ticks: int) -> int:
        """Lots shown at a price; 0 if there is no such level."""
        level = self.side(side).level(price_ticks)
        return 0 if level is None else level.lots
