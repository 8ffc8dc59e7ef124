"""One bot's account at the exchange: what it may trade, owns and has open, and its orders on their way.

It outlives connections: each new one brings fresh rules and snapshots. Every refused order is counted and told.
"""

import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from .client import Stream, open_stream
from .market import Best, MarketRules
from .orders import NewOrder, OpenOrder, OpenOrders
from .session import Account, Disconnected, Refused, Session, fetch_rules, require_ready

log = logging.getLogger(__name__)

CANCEL_ALL_LIMIT = 5
"""So often all orders are cancelled until none was left; more would mean that somebody else trades this account."""
GONE = ("order_closed", "unknown_order")
"""Refusals of a cancel by which the order is as it should be: not open."""


class Desk:
    """``orders``, ``totals`` by asset and ``best`` prices by market are as the stream tells them.

    ``counts``: orders placed, cancelled, fills, messages, and refusals by their code.
    """

    def __init__(self, url: str, account: Account, markets: Sequence[str]) -> None:
        self.name = account.name
        self.rules: dict[str, MarketRules] = {}
        self.orders = OpenOrders()
        self.totals: dict[str, Decimal] = {}
        self.best: dict[str, Best] = {}
        self.counts: Counter[str] = Counter()
        self._url = url
        self._markets = tuple(markets)
        self._session = Session(url, account)
        self._stream: Stream | None = None
        self._run = secrets.token_hex(6)
        self._sent = 0
        self._told: set[str] = set()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Stream]:
        """A connection whose snapshots have been read. Raises Refused, Disconnected."""
        await require_ready(self._url)
        token = await self._session.stream_token()
        self.rules = await fetch_rules(self._url)
        missing = [market for market in self._markets if market not in self.rules]
        if missing:
            raise Disconnected(f"the exchange does not list {', '.join(missing)}")
        async with open_stream(self._url, token, self._on_message) as stream:
            await stream.subscribe("executions")
            await stream.subscribe("balances")
            for market in self._markets:
                await stream.subscribe("ticker", market)
            self._stream = stream
            try:
                yield stream
            finally:
                self._stream = None

    async def place(self, order: NewOrder) -> str | None:
        """Sends an order; returns the code of its refusal, or None if it was taken. Raises Disconnected."""
        self._sent += 1
        name = f"{self._run}-{self._sent}"
        if order.time_in_force == "gtc" and order.quantity is not None:
            self.orders.expect(
                OpenOrder(
                    client_order_id=name,
                    market=order.market,
                    side=order.side,
                    price=order.price,
                    remaining=order.quantity,
                    acknowledged=False,
                )
            )
        params = {
            "symbol": order.market,
            "side": order.side,
            "order_type": order.type,
            "order_qty": order.quantity,
            "cash_order_qty": order.quote_quantity,
            "limit_price": order.price,
            "time_in_force": order.time_in_force,
            "post_only": order.post_only,
            "cl_ord_id": name,
        }
        try:
            await self._request("add_order", params)
        except Refused as refused:
            self.orders.forget(name)
            quantity = order.quantity or order.quote_quantity
            self._tell(refused, f"{order.type} {order.side} of {quantity} in {order.market} at {order.price}")
            return refused.code
        self.orders.acknowledge(name)
        self.counts["placed"] += 1
        return None

    async def cancel(self, order: OpenOrder) -> None:
        """Cancels an order; one that is closed already is just as well. Raises Disconnected."""
        try:
            await self._request("cancel_order", {"cl_ord_id": order.client_order_id})
            self.counts["cancelled"] += 1
        except Refused as refused:
            self._tell(refused, f"cancel of {order.client_order_id}")
            if refused.code not in GONE:
                return
        self.orders.forget(order.client_order_id)

    async def cancel_all(self) -> None:
        """Cancels every open order of the account, also one whose placement is still on its way. Raises Disconnected."""
        for _ in range(CANCEL_ALL_LIMIT):
            count = (await self._request("cancel_all", {}))["count"]
            self.counts["cancelled"] += count
            if count == 0:
                return
        raise Disconnected(f"there were open orders after all were cancelled {CANCEL_ALL_LIMIT} times")

    async def sign_out(self) -> None:
        """Raises Refused, Disconnected."""
        await self._session.end()

    def report(self) -> None:
        """Tells the counts so far; a refusal of a code that was told before is told again after this."""
        told = ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items())) or "nothing yet"
        log.info("%s: %s; %s open orders", self.name, told, len(self.orders))
        self._told.clear()

    async def _request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if self._stream is None:
            raise Disconnected("there is no connection")
        self.counts["messages"] += 1
        return await self._stream.request(method, params)

    def _tell(self, refused: Refused, what: str) -> None:
        """Counts a refusal. Of one code the first is told in full, the others with the next report."""
        self.counts[f"refused {refused.code}"] += 1
        if refused.code not in self._told:
            self._told.add(refused.code)
            log.warning("%s: refused with %s: %s (%s)", self.name, refused.code, what, refused.detail)

    def _on_message(self, channel: str, kind: str, data: list[dict[str, Any]]) -> None:
        match channel, kind:
            case "executions", "snapshot":
                self._reconcile(data)
            case "executions", _:
                for item in data:
                    self.orders.update(item)
                    self.counts["fills"] += item["exec_type"] == "trade"
            case "balances", _:
                self.totals.update((item["asset"], Decimal(item["balance"])) for item in data)
            case "ticker", _:
                for item in data:
                    self.best[item["symbol"]] = Best(bid=_price(item["bid"]), ask=_price(item["ask"]))

    def _reconcile(self, data: list[dict[str, Any]]) -> None:
        known = self.orders.load(data)
        if known.found or known.not_open:
            log.info(
                "%s: of the orders that were not acknowledged %s are open, %s are not",
                self.name,
                known.found,
                known.not_open,
            )


def _price(value: Decimal | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)
