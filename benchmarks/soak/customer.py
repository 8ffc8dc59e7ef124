"""A customer of the soak: what it asks for, and what it believes of its orders.

It believes an order open from the answer that says so until it cancels it or the stream says that it is filled. So whatever
it cancels must be open, or have been filled a moment ago; and at the end the exchange must believe what it believes.
"""

import asyncio
import random
from collections.abc import Iterable

from msgspec import Struct, json

from benchmarks.connection import Connection

from .findings import DOCUMENTED_503, Findings
from .mix import CANCEL_ALL, CANCEL_BY_CLIENT_ID, CANCEL_BY_ID, LIMIT, Kind, order_body

OPEN_LIMIT = 20
"""Orders that one customer leaves open; with that many it cancels instead."""
PAGE = 1000
AGAIN_S = 0.05
REFUSALS = frozenset({"would_take", "not_filled_whole", "no_liquidity", "self_trade"})
"""What an order may be told; the funds and the numbers are such that nothing else is in place."""
EXPECTED = "every answer is an expected one"
CANCELS = "every cancel of an open order succeeds"
TOLD = "every order that was closed was told to its owner"


class Order(Struct):
    id: str
    status: str


class Problem(Struct):
    code: str


class OrderList(Struct):
    items: list[Order]
    next_cursor: str | None


class Cancelled(Struct):
    cancelled: int


class Execution(Struct):
    order_id: str
    order_status: str


class Executions(Struct):
    data: list[Execution]


_order, _orders, _problem = json.Decoder(Order), json.Decoder(OrderList), json.Decoder(Problem)
_cancelled, _executions = json.Decoder(Cancelled), json.Decoder(Executions)


class Customer:
    """``open_orders``: by id, with the client order id. ``untold``: orders that it closed and has not heard of since."""

    def __init__(self, name: str, connection: Connection, findings: Findings, rng: random.Random) -> None:
        self.open_orders: dict[str, str] = {}
        self.untold: set[str] = set()
        self.rng = rng
        self._name = name
        self._connection = connection
        self._findings = findings
        self._numbered = 0
        self._placing = False
        self._closed_early: set[str] = set()
        self._cancelling: set[str] = set()
        self._races: list[tuple[list[str], int]] = []

    def choose(self, kind: Kind) -> Kind:
        """The kind, or one that makes sense instead: cancels need an open order, and there may not be too many."""
        if kind in (CANCEL_BY_ID, CANCEL_BY_CLIENT_ID) and not self.open_orders:
            return LIMIT
        if kind.group == "order" and len(self.open_orders) >= OPEN_LIMIT:
            return CANCEL_BY_ID
        return kind

    async def do(self, kind: Kind) -> None:
        if kind is CANCEL_ALL:
            await self.cancel_all()
        elif kind.group == "cancel":
            await self._cancel(by_client_id=kind is CANCEL_BY_CLIENT_ID)
        elif kind.group == "order":
            await self._place(kind)
        else:
            status, answer, _ = await self._ask("GET", kind.path)
            if status != 200:
                self._findings.add(EXPECTED, f"{status} to {kind.name}: {answer!r}")

    async def look_into_races(self) -> None:
        """Orders that could not be cancelled any more: so many of them must have been filled."""
        for order_ids, count in self._races:
            filled = 0
            for order_id in order_ids:
                status, answer, _ = await self._ask("GET", f"/trade/orders/{order_id}")
                filled += status == 200 and _order.decode(answer).status == "filled"
            self._findings.races += count
            if filled != count:
                self._findings.add(CANCELS, f"{count} orders could not be cancelled, but {filled} were filled")
        self._races.clear()

    def hear(self, text: str) -> None:
        """A message of the channel ``executions``."""
        if '"channel":"executions"' not in text:
            return
        for execution in _executions.decode(text).data:
            if execution.order_status in ("filled", "canceled"):
                self._close(execution)

    async def cancel_all(self) -> None:
        believed = list(self.open_orders)
        self._cancelling.update(believed)
        status, answer, again = await self._ask("DELETE", "/trade/orders")
        if status != 200:
            self._findings.add(CANCELS, f"{status} to cancel all: {answer!r}")
            return
        count = _cancelled.decode(answer).cancelled
        self._findings.cancels += count
        if count > len(believed):
            self._findings.add(CANCELS, f"cancel all cancelled {count} orders, {len(believed)} were believed open")
        elif count < len(believed) and not again:
            self._races.append((believed, len(believed) - count))
        self._forget(believed)

    async def listed_orders(self) -> set[str]:
        """The ids of the open orders that the exchange lists; there are fewer than a page of them."""
        status, answer, _ = await self._ask("GET", f"/trade/orders?status=open&limit={PAGE}")
        if status != 200:
            self._findings.add(EXPECTED, f"{status} to a list of open orders: {answer!r}")
            return set()
        return {order.id for order in _orders.decode(answer).items}

    async def _place(self, kind: Kind) -> None:
        self._numbered += 1
        client_order_id = f"{self._name}-{self._numbered}"
        self._placing = True
        status, answer, _ = await self._ask("POST", "/trade/orders", order_body(kind, self.rng, client_order_id))
        self._placing = False
        self._findings.orders += 1
        if status in (200, 201):
            order = _order.decode(answer)
            if order.status == "open" and order.id not in self._closed_early:
                self.open_orders[order.id] = client_order_id
        elif status == 422 and (code := _problem.decode(answer).code) in REFUSALS:
            self._findings.refusals[code] += 1
        else:
            self._findings.add(EXPECTED, f"{status} to {kind.name}: {answer!r}")
        self._closed_early.clear()

    async def _cancel(self, *, by_client_id: bool) -> None:
        order_id, client_order_id = self.rng.choice(list(self.open_orders.items()))
        reference = f"client:{client_order_id}" if by_client_id else order_id
        self._cancelling.add(order_id)
        status, answer, again = await self._ask("DELETE", f"/trade/orders/{reference}")
        self._findings.cancels += 1
        if status == 422 and _problem.decode(answer).code == "order_closed":
            if not again:
                self._races.append(([order_id], 1))
        elif status != 200 or _order.decode(answer).status != "cancelled":
            self._findings.add(CANCELS, f"{status} to a cancel of {order_id}: {answer!r}")
        self._forget([order_id])

    def _forget(self, order_ids: Iterable[str]) -> None:
        """They are closed, by an answer. The stream has told so already, or will."""
        self.untold.update(order_id for order_id in order_ids if self.open_orders.pop(order_id, None) is not None)
        self._cancelling.clear()

    def _close(self, execution: Execution) -> None:
        self.untold.discard(execution.order_id)
        if self._placing and execution.order_id not in self.open_orders:
            self._closed_early.add(execution.order_id)
        client_order_id = self.open_orders.pop(execution.order_id, None)
        if (
            execution.order_status == "canceled"
            and client_order_id is not None
            and execution.order_id not in self._cancelling
        ):
            self._findings.add(CANCELS, f"{execution.order_id} was cancelled, and not by its owner")

    async def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes, bool]:
        """Status, body, and whether it was asked again after a 503: then it may have been done the first time."""
        again = False
        while True:
            status, answer = await self._connection.call(method, path, body)
            if status != 503:
                return status, answer, again
            code = _problem.decode(answer).code
            self._findings.busy[code] += 1
            if code not in DOCUMENTED_503:
                self._findings.add(EXPECTED, f"503 to {method} {path}: {answer!r}")
            again = True
            await asyncio.sleep(AGAIN_S)
