"""A bot's orders: what it sends, and what it has open, as the executions channel tells it and as its own requests
foresee it.

An order is known by its client order id, which the bot gives before it sends; so an order whose acknowledgement was
lost with the connection is found in the next snapshot, or appears later as an update, and is the same order.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from .market import Side

OPEN_STATUSES = ("new", "partially_filled")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order to send. Exactly one of ``quantity`` and ``quote_quantity``; ``price`` caps a market order too."""

    market: str
    side: Side
    type: Literal["limit", "market"]
    price: Decimal
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    time_in_force: Literal["gtc", "ioc"] = "ioc"
    post_only: bool = False


@dataclass(slots=True, kw_only=True)
class OpenOrder:
    """An order of this bot. Not ``acknowledged``: it was sent, and nothing has been heard of it yet."""

    client_order_id: str
    market: str
    side: Side
    price: Decimal
    remaining: Decimal
    acknowledged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What a snapshot said of the orders that were not acknowledged: open after all, or not open."""

    found: int
    not_open: int


class OpenOrders:
    """All of one account."""

    def __init__(self) -> None:
        self._orders: dict[str, OpenOrder] = {}

    def __iter__(self) -> Iterator[OpenOrder]:
        return iter(list(self._orders.values()))

    def __len__(self) -> int:
        return len(self._orders)

    def in_market(self, market: str) -> list[OpenOrder]:
        return [order for order in self._orders.values() if order.market == market]

    def expect(self, order: OpenOrder) -> None:
        """Notes an order that is about to be sent."""
        self._orders[order.client_order_id] = order

    def acknowledge(self, client_order_id: str) -> None:
        """The exchange took the order. If the channel told its end before, it stays ended."""
        order = self._orders.get(client_order_id)
        if order is not None:
            order.acknowledged = True

    def forget(self, client_order_id: str) -> None:
        """The order was refused, or is closed."""
        self._orders.pop(client_order_id, None)

    def load(self, items: Iterable[Mapping[str, Any]]) -> Reconciled:
        """Takes over a snapshot: exactly these are open."""
        expected = {name for name, order in self._orders.items() if not order.acknowledged}
        self._orders = {}
        for item in items:
            self.update(item)
        found = len(expected & self._orders.keys())
        return Reconciled(found=found, not_open=len(expected) - found)

    def update(self, item: Mapping[str, Any]) -> None:
        """Takes over one execution: an order as it stands, or a fill with the sums after it."""
        name = item["cl_ord_id"] or item["order_id"]
        if item["order_status"] not in OPEN_STATUSES:
            self._orders.pop(name, None)
        elif item["limit_price"] is not None:
            self._orders[name] = OpenOrder(
                client_order_id=name,
                market=item["symbol"],
                side=item["side"],
                price=Decimal(item["limit_price"]),
                remaining=Decimal(item["order_qty"]) - Decimal(item["cum_qty"]),
                acknowledged=True,
            )
