"""The book order by order: each order's place in its queue, followed through the outcomes of events.

Kept only while somebody hears it. Begun from the engine's own queues, then fed with every event of the market. Lots are what
the book shows. The ids that the public sees are made with a key that this process draws for the market: nobody can tell
from them whose an order is, nor find it in another market, or after a restart. An iceberg has a new one with each peak.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from trading.applied import Applied
from trading.engine.commands import Side
from trading.engine.outcomes import (
    Filled,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderRefreshed,
    OrderRepriced,
    OrderRested,
    SelfTradePrevented,
)
from trading.live import LiveOrder, LiveState
from trading.order_facts import reduced_orders
from trading.publications import QueuedOrder

ID_BYTES = 12


class Resting:
    """One order in its queue. ``lots``: what the book shows of it, ``remaining_lots``: all."""

    __slots__ = ("account", "at_us", "lots", "number", "peak", "price_ticks", "public_id", "remaining_lots", "side")

    def __init__(
        self, number: int, account: int, side: Side, price_ticks: int, lots: int, remaining_lots: int, at_us: int
    ) -> None:
        self.number = number
        self.account = account
        self.side: Side = side
        self.price_ticks = price_ticks
        self.lots = lots
        self.remaining_lots = remaining_lots
        self.at_us = at_us
        self.peak = 0
        self.public_id = ""


class Change(NamedTuple):
    """What happened to one order in its queue, with its lots after that."""

    event: Literal["add", "modify", "delete"]
    side: Side
    price_ticks: int
    public_id: str
    lots: int
    at_us: int


class Queues:
    """The queues of one market. ``changes`` are those since they were last taken."""

    def __init__(self, live: LiveState, symbol: str, orders: Iterable[QueuedOrder]) -> None:
        self.changes: list[Change] = []
        self._live = live
        self._symbol = symbol
        self._key = secrets.token_bytes(32)
        self._orders: dict[int, Resting] = {}
        self._levels: dict[tuple[Side, int], dict[int, Resting]] = {}
        for order in orders:
            self._enter(Resting(*order))
        self.changes.clear()

    def level(self, side: Side, price_ticks: int) -> Iterator[Resting]:
        """The orders at a price, first in the queue first."""
        return iter(self._levels.get((side, price_ticks), {}).values())

    def has_level(self, side: Side, price_ticks: int) -> bool:
        return (side, price_ticks) in self._levels

    def apply(self, event: Applied) -> None:
        for place, outcome in enumerate(event.outcomes):
            match outcome:
                case Filled(market=self._symbol):
                    for number in (outcome.maker_order, outcome.taker_order):
                        self._reduce(number, outcome.quantity_lots)
                case OrderRested(market=self._symbol):
                    self._rest(outcome, event.at_us)
                case OrderCancelled(market=self._symbol) | OrderFilled(market=self._symbol):
                    self._forget(outcome.order)
                case OrderAmended(market=self._symbol):
                    self._amend(outcome)
                case OrderRepriced(market=self._symbol):
                    self._reprice(outcome, event.at_us)
                case OrderRefreshed(market=self._symbol):
                    self._refresh(outcome, event.at_us)
                case SelfTradePrevented(market=self._symbol):
                    for number in reduced_orders(event.outcomes, place):
                        self._decrement(number, outcome.prevented_lots)

    def _rest(self, rested: OrderRested, at_us: int) -> None:
        order = self._live_order(rested.order)
        display = None if order is None or order.options is None else order.options.display_lots
        lots = rested.remaining_lots if display is None else min(display, rested.remaining_lots)
        self._forget(rested.order)
        self._enter(
            Resting(rested.order, rested.account, rested.side, rested.price_ticks, lots, rested.remaining_lots, at_us)
        )

    def _reduce(self, number: int, lots: int) -> None:
        resting = self._orders.get(number)
        if resting is None:
            return
        resting.lots -= lots
        resting.remaining_lots -= lots
        if resting.lots:
            self._note("modify", resting)
        else:
            self._leave(resting)

    def _decrement(self, number: int, lots: int) -> None:
        """Takes from what is hidden first."""
        resting = self._orders.get(number)
        if resting is not None:
            resting.remaining_lots -= lots
            self._show_at_most(resting)

    def _amend(self, amended: OrderAmended) -> None:
        resting = self._orders.get(amended.order)
        if resting is None:
            return
        if amended.kept_place:
            resting.remaining_lots = amended.remaining_lots
            self._show_at_most(resting)
        else:
            self._forget(amended.order)

    def _reprice(self, repriced: OrderRepriced, at_us: int) -> None:
        """A pegged order has moved. A post-only order that was given another price rests right after this."""
        order = self._live_order(repriced.order)
        if order is not None and order.post_only == "reprice":
            return
        self._forget(repriced.order)
        if repriced.price_ticks is not None:
            lots = repriced.remaining_lots
            self._enter(
                Resting(repriced.order, repriced.account, repriced.side, repriced.price_ticks, lots, lots, at_us)
            )

    def _refresh(self, refreshed: OrderRefreshed, at_us: int) -> None:
        resting = self._orders[refreshed.order]
        self._forget(refreshed.order)
        resting.lots, resting.at_us = refreshed.display_lots, at_us
        resting.peak += 1
        self._enter(resting)

    def _show_at_most(self, resting: Resting) -> None:
        if resting.lots > resting.remaining_lots:
            resting.lots = resting.remaining_lots
            self._note("modify", resting)

    def _enter(self, resting: Resting) -> None:
        resting.public_id = self._public_id(resting)
        self._orders[resting.number] = resting
        self._levels.setdefault((resting.side, resting.price_ticks), {})[resting.number] = resting
        self._note("add", resting)

    def _leave(self, resting: Resting) -> None:
        """Takes it out of its queue, if it is there."""
        key = resting.side, resting.price_ticks
        level = self._levels.get(key, {})
        if level.pop(resting.number, None) is not None:
            resting.lots = 0
            self._note("delete", resting)
            if not level:
                del self._levels[key]

    def _forget(self, number: int) -> None:
        resting = self._orders.pop(number, None)
        if resting is not None:
            self._leave(resting)

    def _note(self, event: Literal["add", "modify", "delete"], resting: Resting) -> None:
        self.changes.append(
            Change(event, resting.side, resting.price_ticks, resting.public_id, resting.lots, resting.at_us)
        )

    def _live_order(self, number: int) -> LiveOrder | None:
        return self._live.order_by_seq(number) or self._live.recently_closed(number)

    def _public_id(self, resting: Resting) -> str:
        about = b"%d.%d.%d" % (resting.number, resting.peak, resting.at_us)
        return hashlib.blake2b(about, key=self._key, digest_size=ID_BYTES).hexdigest().upper()
