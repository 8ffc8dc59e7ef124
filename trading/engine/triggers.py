"""The orders of one market that wait for a trade price.

Those with a fixed trigger stand in sorted lists, nearest last: finding that a price triggers none is O(1), each that it
triggers O(log n). Trailing stops are looked at one by one where the price has changed: O(n) of them.
"""

from bisect import bisect_left, insort
from typing import Final

from .order_book import Order, Special, age

RISING: Final = ("take_profit", "take_profit_limit")
"""Types of which a sell waits for the price to rise, and a buy for it to fall; of the other types it is the reverse."""


class TriggerSide:
    """Waiting orders by trigger price; ``sign`` +1: triggered by prices at the trigger or below, -1: at it or above."""

    __slots__ = ("_by_rank", "_ranks", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self._by_rank: dict[int, dict[int, Order]] = {}
        self._ranks: list[int] = []

    def add(self, order: Order, trigger_ticks: int) -> None:
        rank = self.sign * trigger_ticks
        orders = self._by_rank.get(rank)
        if orders is None:
            self._by_rank[rank] = {order.number: order}
            insort(self._ranks, rank)
        else:
            orders[order.number] = order

    def remove(self, order: Order, trigger_ticks: int) -> None:
        rank = self.sign * trigger_ticks
        orders = self._by_rank[rank]
        del orders[order.number]
        if not orders:
            del self._by_rank[rank]
            del self._ranks[bisect_left(self._ranks, rank)]

    def take(self, price_ticks: int, taken: list[Order]) -> None:
        """Takes out those that the price triggers."""
        rank = self.sign * price_ticks
        while self._ranks and self._ranks[-1] >= rank:
            taken.extend(self._by_rank.pop(self._ranks.pop()).values())


class Triggers:
    """All waiting orders of a market. An order that a price has taken is no longer here, until it is added again."""

    __slots__ = ("_falling", "_rising", "_trailing", "waiting")

    def __init__(self) -> None:
        self._falling = TriggerSide(1)
        self._rising = TriggerSide(-1)
        self._trailing: dict[int, Order] = {}
        self.waiting: dict[int, Order] = {}
        """All of them, by number."""

    def has(self, order: Order) -> bool:
        return order.number in self.waiting

    def add(self, order: Order, special: Special) -> None:
        self.waiting[order.number] = order
        if special.type == "trailing_stop":
            self._trailing[order.number] = order
        else:
            self._side(order, special).add(order, special.trigger_ticks)

    def discard(self, order: Order, special: Special) -> None:
        """Takes an order out, if it is here."""
        if self.waiting.pop(order.number, None) is None:
            return
        if special.type == "trailing_stop":
            del self._trailing[order.number]
        else:
            self._side(order, special).remove(order, special.trigger_ticks)

    def take(self, price_ticks: int) -> list[Order]:
        """Takes out what a trade at this price triggers, oldest first."""
        taken: list[Order] = []
        self._falling.take(price_ticks, taken)
        self._rising.take(price_ticks, taken)
        for order in self._trailing.values():
            special = order.special
            if special is not None and trail(order.is_buy, special, price_ticks):
                taken.append(order)
        for order in taken:
            del self.waiting[order.number]
            self._trailing.pop(order.number, None)
        taken.sort(key=age)
        return taken

    def take_one(self, order: Order, special: Special, price_ticks: int) -> bool:
        """Takes this one out if a trade at this price triggers it; says whether."""
        if special.type == "trailing_stop":
            is_triggered = trail(order.is_buy, special, price_ticks)
        elif self._side(order, special) is self._falling:
            is_triggered = price_ticks <= special.trigger_ticks
        else:
            is_triggered = price_ticks >= special.trigger_ticks
        if is_triggered:
            self.discard(order, special)
        return is_triggered

    def _side(self, order: Order, special: Special) -> TriggerSide:
        return self._rising if order.is_buy != (special.type in RISING) else self._falling


def trail(is_buy: bool, special: Special, price_ticks: int) -> bool:
    """Lets a trailing stop see a trade; says whether that triggers it."""
    if not special.is_active:
        activation = special.trigger_ticks
        if activation and (price_ticks > activation if is_buy else price_ticks < activation):
            return False
        special.is_active = True
    extreme = special.extreme_ticks
    if extreme == 0 or (price_ticks < extreme if is_buy else price_ticks > extreme):
        special.extreme_ticks = price_ticks
        return False
    if is_buy:
        return price_ticks >= extreme + special.trailing_ticks
    return price_ticks <= extreme - special.trailing_ticks
