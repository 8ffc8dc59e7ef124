"""Where a market maker wants its orders, and what has to change for that. Pure: state in, changes out.

A ladder has a number of levels on each side. A level is a distance from the anchor of its side, in parts per million of
the price, with a band around it: an open order within the band serves the level, so that most orders stay where they
are while the reference drifts. The anchor of both sides is the reference, moved down by an inventory that is long and up
by one that is short; a stranger's order on the wrong side of it moves the anchor of the opposite side to that order, so
that a quote never takes.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from .market import PPM, MarketRules, Side
from .orders import OpenOrder

BAND_PPM = 400_000
"""Half the width of a level's band, in parts per million of its distance."""
PRICE_JITTER_PERCENT = 12
SIZE_JITTER_PERCENT = 30
LEAST_SHARE, MOST_SHARE = Decimal("0.25"), Decimal(5)
"""An order with less, or more, than these shares of its level's size makes room for a new one."""
SKEW_LIMIT_PPM = 300
"""How far the anchor moves when all that the maker owns is in one asset."""
FUNDS_SHARE = Decimal("0.95")
"""The part of a balance that may be quoted; the rest is for fees and for orders that are on their way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The levels of a market: distances in parts per million, sizes and budgets in base and quote asset.

    The budgets bound what all bids may cost and what all asks may deliver.
    """

    offsets_ppm: tuple[int, ...]
    sizes: tuple[Decimal, ...]
    base_budget: Decimal
    quote_budget: Decimal


def ladder(
    *, levels: int, first_offset_ppm: int, first_size: Decimal, base_budget: Decimal, quote_budget: Decimal
) -> Ladder:
    """A ladder whose distances grow by 30 % and whose sizes by 25 % from level to level."""
    offsets, sizes = [first_offset_ppm], [first_size]
    for _ in range(levels - 1):
        offsets.append(offsets[-1] * 130 // 100)
        sizes.append(sizes[-1] * Decimal("1.25"))
    return Ladder(offsets_ppm=tuple(offsets), sizes=tuple(sizes), base_budget=base_budget, quote_budget=quote_budget)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the maker sees: the reference, what it owns, the best orders of others (None if its own are better)."""

    reference: Decimal
    base_total: Decimal
    quote_total: Decimal
    foreign_bid: Decimal | None = None
    foreign_ask: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """An order to place; ``offset_ppm`` is its level's distance."""

    side: Side
    price: Decimal
    quantity: Decimal
    offset_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Cancels with the most urgent first, placements with the innermost first."""

    cancel: Sequence[OpenOrder]
    place: Sequence[Quote]


def plan(
    rules: MarketRules, levels: Ladder, view: View, orders: Iterable[OpenOrder], randomness: random.Random
) -> Changes:
    """What has to change so that every level that the budget pays for is served."""
    skew_ppm = inventory_skew_ppm(view)
    anchor = view.reference * (PPM - skew_ppm * SKEW_LIMIT_PPM // PPM) / PPM
    open_orders = list(orders)
    bid_anchor = anchor if view.foreign_ask is None else min(anchor, view.foreign_ask)
    ask_anchor = anchor if view.foreign_bid is None else max(anchor, view.foreign_bid)
    bid_budget = min(levels.quote_budget, view.quote_total * FUNDS_SHARE) / (1 + rules.maker_fee)
    ask_budget = min(levels.base_budget, view.base_total * FUNDS_SHARE)
    bids = _Side(rules, "buy", bid_anchor, bid_budget, PPM - skew_ppm)
    asks = _Side(rules, "sell", ask_anchor, ask_budget, PPM + skew_ppm)
    for side in (bids, asks):
        side.serve(levels, [order for order in open_orders if order.side == side.side], randomness)
    cancel = sorted([*bids.cancel, *asks.cancel], key=lambda pair: pair[0])
    place = sorted([*bids.place, *asks.place], key=lambda quote: quote.offset_ppm)
    return Changes(cancel=[order for _, order in cancel], place=place)


def within(changes: Changes, limit: int, orders: Iterable[OpenOrder]) -> Changes:
    """As many of the changes as ``limit`` allows, cancels first; no placement that would meet an own order."""
    cancel = list(changes.cancel[:limit])
    going = {order.client_order_id for order in cancel}
    staying = [order for order in orders if order.client_order_id not in going]
    lowest_ask = min((order.price for order in staying if order.side == "sell"), default=Decimal("Infinity"))
    highest_bid = max((order.price for order in staying if order.side == "buy"), default=Decimal(0))
    place = [
        quote
        for quote in changes.place
        if (quote.price < lowest_ask if quote.side == "buy" else quote.price > highest_bid)
    ]
    return Changes(cancel=cancel, place=place[: limit - len(cancel)])


def inventory_skew_ppm(view: View) -> int:
    """From -PPM, all is in the quote asset, to PPM, all is in the base asset; 0 if both are worth the same."""
    base_value = view.base_total * view.reference
    value = base_value + view.quote_total
    return int((base_value - view.quote_total) * PPM // value) if value else 0


class _Side:
    """One side of the ladder while it is planned."""

    def __init__(self, rules: MarketRules, side: Side, anchor: Decimal, budget: Decimal, size_ppm: int) -> None:
        self.side: Side = side
        self.cancel: list[tuple[Decimal, OpenOrder]] = []
        self.place: list[Quote] = []
        self._rules = rules
        self._anchor = anchor
        self._left = budget
        self._size_ppm = size_ppm
        self._taken: set[Decimal] = set()

    def serve(self, levels: Ladder, orders: list[OpenOrder], randomness: random.Random) -> None:
        """Walks outwards over levels and orders at once, so that as many orders as possible stay.

        Bands begin further out from level to level: an order before the band of one serves none after it.
        """
        tick_ppm = int(self._rules.tick * PPM / self._anchor) + 1
        waiting = sorted(orders, key=self._offset_ppm)
        vacant: list[tuple[int, Decimal]] = []
        position = offset = 0
        for target, full_size in zip(levels.offsets_ppm, levels.sizes, strict=True):
            offset = max(target, offset + tick_ppm)
            size = full_size * self._size_ppm / PPM
            half_band = offset * BAND_PPM // PPM
            while position < len(waiting) and not self._may_serve(waiting[position], offset - half_band, size):
                self._drop(waiting[position])
                position += 1
            if position < len(waiting) and self._offset_ppm(waiting[position]) <= offset + half_band + tick_ppm:
                self._keep(waiting[position])
                position += 1
            else:
                vacant.append((offset, size))
        for order in waiting[position:]:
            self._drop(order)
        for offset, size in vacant:
            self._add(offset, size, randomness)

    def _may_serve(self, order: OpenOrder, least_ppm: int, size: Decimal) -> bool:
        is_sized = size * LEAST_SHARE <= order.remaining <= size * MOST_SHARE
        return is_sized and self._offset_ppm(order) >= least_ppm

    def _keep(self, order: OpenOrder) -> None:
        cost = self._cost(order.remaining, order.price)
        if cost > self._left:
            self._drop(order)
            return
        self._left -= cost
        self._taken.add(order.price)

    def _drop(self, order: OpenOrder) -> None:
        self.cancel.append((self._offset_ppm(order), order))

    def _add(self, offset_ppm: int, size: Decimal, randomness: random.Random) -> None:
        """Places an order at a price of its own, if it is not too small and there is budget for it."""
        distance_ppm = offset_ppm * (100 + _percent(randomness, PRICE_JITTER_PERCENT)) // 100
        price = self._outwards(distance_ppm)
        while price in self._taken and price > self._rules.tick:
            price += -self._rules.tick if self.side == "buy" else self._rules.tick
        quantity = self._rules.quantity_down(size * (100 + _percent(randomness, SIZE_JITTER_PERCENT)) / 100)
        cost = self._cost(quantity, price)
        if cost > self._left or price in self._taken or not self._rules.is_large_enough(quantity, price):
            return
        self._left -= cost
        self._taken.add(price)
        self.place.append(Quote(side=self.side, price=price, quantity=quantity, offset_ppm=offset_ppm))

    def _outwards(self, distance_ppm: int) -> Decimal:
        """The price at this distance from the anchor, rounded away from it."""
        if self.side == "buy":
            return self._rules.price_down(self._anchor * (PPM - distance_ppm) / PPM)
        return self._rules.price_up(self._anchor * (PPM + distance_ppm) / PPM)

    def _offset_ppm(self, order: OpenOrder) -> Decimal:
        """How far the order is from the anchor; negative beyond it."""
        distance = self._anchor - order.price if self.side == "buy" else order.price - self._anchor
        return distance * PPM / self._anchor

    def _cost(self, quantity: Decimal, price: Decimal) -> Decimal:
        return quantity * price if self.side == "buy" else quantity


def _percent(randomness: random.Random, limit: int) -> int:
    return randomness.randint(-limit, limit)
