"""Who hears what: the subscriptions of the stream and the messages that each event makes for them.

An Observer of the runtime: everything here runs on the event loop. A message is made once and posted to all who hear
it; nothing is made for a channel that nobody hears.
"""

import asyncio
import time
from collections import defaultdict
from typing import Any, TypeVar

from trading.engine.outcomes import (
    BalanceChanged,
    Filled,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderRefreshed,
    OrderRepriced,
    OrderTriggered,
    SelfTradePrevented,
)
from trading.fold import Applied
from trading.live import LiveOrder, LiveState, MarketState, TradePrint
from trading.publications import Publication

from . import messages
from .client import Client

K = TypeVar("K")

DEPTHS = (10, 25, 100, 500, 1000)
TICKER_INTERVAL_S = 0.1
SNAPSHOT_TRADES = 50
EXEC_TYPES = {"filled": "filled", "cancelled": "canceled", "expired": "expired"}
"""How an order's end is called, by its status."""


class BookGroup:
    """All who hear the book of one market to one depth, and the levels that they have."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.clients: set[Client] = set()
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def snapshot(self, state: MarketState, at_us: int, sequence: int) -> str:
        bids, asks = state.depth.bids.top(self.depth), state.depth.asks.top(self.depth)
        self._bids, self._asks = dict(bids), dict(asks)
        checksum = messages.checksum(state.market, bids, asks)
        return messages.book(state.market, "snapshot", bids, asks, checksum, at_us, sequence)

    def update(self, state: MarketState, at_us: int, sequence: int) -> str | None:
        """The message that brings the receivers' books up to date; None if nothing changed within the depth."""
        bids, asks = state.depth.bids.top(self.depth), state.depth.asks.top(self.depth)
        changed_bids = _changes(self._bids, bids, state.depth.bids.lots)
        changed_asks = _changes(self._asks, asks, state.depth.asks.lots)
        if not changed_bids and not changed_asks:
            return None
        self._bids, self._asks = dict(bids), dict(asks)
        checksum = messages.checksum(state.market, bids, asks)
        return messages.book(state.market, "update", changed_bids, changed_asks, checksum, at_us, sequence)


class Channels:
    """The subscriptions of all clients of this process."""

    def __init__(self) -> None:
        self._live = LiveState()
        self._books: dict[str, dict[int, BookGroup]] = {}
        self._trades: defaultdict[str, set[Client]] = defaultdict(set)
        self._tickers: defaultdict[str, set[Client]] = defaultdict(set)
        self._executions: defaultdict[int, set[Client]] = defaultdict(set)
        self._balances: defaultdict[int, set[Client]] = defaultdict(set)
        self._new_trades: defaultdict[str, list[TradePrint]] = defaultdict(list)
        self._new_balances: dict[tuple[int, str], tuple[int, int]] = {}
        self._stale_tickers: set[str] = set()

    def attach(self, live: LiveState) -> None:
        """Answers from this state from now on."""
        self._live = live

    # Subscribing: each returns the snapshot to post after the acknowledgement

    def add_book(self, client: Client, symbol: str, depth: int) -> str:
        group = self._books.setdefault(symbol, {}).setdefault(depth, BookGroup(depth))
        group.clients.add(client)
        return group.snapshot(self._live.markets[symbol], self._live.at_us, self._live.seq)

    def add_trades(self, client: Client, symbol: str) -> str:
        self._trades[symbol].add(client)
        state = self._live.markets[symbol]
        recent = list(state.trades)[-SNAPSHOT_TRADES:]
        return messages.message(
            "trade", "snapshot", (messages.trade(state.market, trade) for trade in recent), self._live.seq
        )

    def add_ticker(self, client: Client, symbol: str) -> str:
        self._tickers[symbol].add(client)
        return self._ticker(symbol, "snapshot")

    def add_executions(self, client: Client, account: int) -> str:
        self._executions[account].add(client)
        data = [
            messages.order_state(order, self._live.markets[order.market].market, "new")
            for order in self._live.open_orders(account)
        ]
        return messages.message("executions", "snapshot", data, self._live.seq)

    def add_balances(self, client: Client, account: int) -> str:
        self._balances[account].add(client)
        data = [
            messages.balance(asset, *self._live.balance(account, name))
            for name, asset in sorted(self._live.assets.items())
        ]
        return messages.message("balances", "snapshot", data, self._live.seq)

    def remove(self, client: Client, channel: str, symbol: str | None, depth: int | None, account: int | None) -> None:
        if channel == "book" and symbol is not None:
            for group in self._books.get(symbol, {}).values():
                if depth in (None, group.depth):
                    group.clients.discard(client)
        elif channel in ("trade", "ticker") and symbol is not None:
            (self._trades if channel == "trade" else self._tickers)[symbol].discard(client)
        elif account is not None:
            (self._executions if channel == "executions" else self._balances)[account].discard(client)

    def remove_client(self, client: Client) -> None:
        for groups in self._books.values():
            for group in groups.values():
                group.clients.discard(client)
        for by_symbol in (self._trades, self._tickers):
            _forget(by_symbol, client)
        for by_account in (self._executions, self._balances):
            _forget(by_account, client)

    # Observing

    def on_event(self, event: Applied) -> None:
        for outcome in event.outcomes:
            kind = type(outcome)
            if kind is Filled and self._trades.get(outcome.market):  # type: ignore[union-attr]
                self._new_trades[outcome.market].append(_print(event, outcome))  # type: ignore[union-attr, arg-type]
            elif isinstance(outcome, BalanceChanged) and outcome.account in self._balances:
                balance = (outcome.available_atoms, outcome.held_atoms)
                self._new_balances[outcome.account, outcome.asset] = balance
        if self._executions:
            self._post_executions(event)

    def on_batch(self, publication: Publication) -> None:
        touched = {market for market, _, _ in publication.levels} | publication.books.keys()
        for symbol in touched:
            self._post_books(symbol)
            self._schedule_ticker(symbol)
        self._post_trades()
        self._post_balances()

    def _post_books(self, symbol: str) -> None:
        state = self._live.markets[symbol]
        for group in self._books.get(symbol, {}).values():
            if group.clients:
                text = group.update(state, self._live.at_us, self._live.seq)
                if text is not None:
                    _post(group.clients, text)

    def _post_trades(self) -> None:
        for symbol, trades in self._new_trades.items():
            market = self._live.markets[symbol].market
            data = [messages.trade(market, trade) for trade in trades]
            _post(self._trades[symbol], messages.message("trade", "update", data, self._live.seq))
        self._new_trades.clear()

    def _post_balances(self) -> None:
        changed: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        for (account, asset), (available, held) in self._new_balances.items():
            changed[account].append(messages.balance(self._live.assets[asset], available, held))
        for account, data in changed.items():
            _post(self._balances[account], messages.message("balances", "update", data, self._live.seq))
        self._new_balances.clear()

    def _schedule_ticker(self, symbol: str) -> None:
        """A change is told after TICKER_INTERVAL_S, with all that came meanwhile: the last state is never lost."""
        if symbol in self._stale_tickers or not self._tickers.get(symbol):
            return
        self._stale_tickers.add(symbol)
        asyncio.get_running_loop().call_later(TICKER_INTERVAL_S, self._post_ticker, symbol)

    def _post_ticker(self, symbol: str) -> None:
        self._stale_tickers.discard(symbol)
        clients = self._tickers.get(symbol)
        if clients:
            _post(clients, self._ticker(symbol, "update"))

    def _ticker(self, symbol: str, kind: str) -> str:
        data = messages.ticker(self._live.markets[symbol], time.time_ns() // 1000)
        return messages.message("ticker", kind, [data], self._live.seq)

    def _post_executions(self, event: Applied) -> None:
        """An event's new orders, its fills, what it changed and what it closed go in separate messages, in this order, as
        Kraken's clients expect.
        """
        placed: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        fills: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        changes: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        states: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        sums: dict[int, tuple[int, int]] = {}
        for outcome in event.outcomes:
            match outcome:
                case Filled():
                    for order in self._sides(outcome):
                        sums.setdefault(order.seq, _sums_before(order, event))
                        lots, quote = sums[order.seq]
                        sums[order.seq] = lots, quote = lots + outcome.quantity_lots, quote + outcome.quote_atoms
                        market = self._live.markets[order.market].market
                        item = messages.execution(order, market, outcome, event.at_us, lots, quote)
                        fills[order.account].append(item)
                case OrderAccepted(order=seq, account=account) if account in self._executions:
                    if (known := self._live.order_by_seq(seq) or self._live.recently_closed(seq)) is not None:
                        placed[account].append(self._state(known.as_placed(), "new"))
                case OrderFilled(order=seq, account=account) | OrderCancelled(order=seq, account=account):
                    closed = self._live.recently_closed(seq)
                    if account in self._executions and closed is not None:
                        states[account].append(self._state(closed, EXEC_TYPES[closed.status]))
        for seq, kind in _changed(event).items():
            changed = self._live.order_by_seq(seq)
            if changed is not None and changed.account in self._executions:
                changes[changed.account].append(self._state(changed, kind))
        for items in (placed, fills, changes, states):
            for account, data in items.items():
                _post(self._executions[account], messages.message("executions", "update", data, event.seq))

    def _sides(self, fill: Filled) -> list[LiveOrder]:
        """The orders of a fill whose accounts are heard."""
        orders = []
        for seq, account in ((fill.taker_order, fill.taker_account), (fill.maker_order, fill.maker_account)):
            if account in self._executions:
                order = self._live.order_by_seq(seq) or self._live.recently_closed(seq)
                if order is not None:
                    orders.append(order)
        return orders

    def _state(self, order: LiveOrder, kind: str) -> dict[str, Any]:
        return messages.order_state(order, self._live.markets[order.market].market, kind)


def _changed(event: Applied) -> dict[int, str]:
    """The orders that the event changed in other ways than by fills, and how: by the last change of each."""
    changed: dict[int, str] = {}
    for outcome in event.outcomes:
        match outcome:
            case OrderTriggered(order=order):
                changed[order] = "status"
            case OrderAmended(order=order):
                changed[order] = "amended"
            case OrderRepriced(order=order):
                changed[order] = "restated"
            case OrderRefreshed(order=order):
                changed[order] = "iceberg_refill"
            case SelfTradePrevented(mode="decrement", taker_order=taker, maker_order=maker):
                changed[taker] = changed[maker] = "restated"
    return changed


def _print(event: Applied, fill: Filled) -> TradePrint:
    return TradePrint(
        fill.trade,
        event.seq,
        event.at_us,
        fill.price_ticks,
        fill.quantity_lots,
        fill.quote_atoms,
        fill.taker_side,
    )


def _forget(subscribers: dict[K, set[Client]], client: Client) -> None:
    """Ends the client's subscriptions, and drops what nobody hears any more."""
    for key in [key for key, clients in subscribers.items() if client in clients]:
        subscribers[key].discard(client)
        if not subscribers[key]:
            del subscribers[key]


def _sums_before(order: LiveOrder, event: Applied) -> tuple[int, int]:
    """What the order had filled before the event: lots and quote atoms."""
    lots, quote = order.filled_lots, order.filled_quote_atoms
    for outcome in event.outcomes:
        if type(outcome) is Filled and order.seq in (outcome.taker_order, outcome.maker_order):
            lots -= outcome.quantity_lots
            quote -= outcome.quote_atoms
    return lots, quote


def _changes(known: dict[int, int], top: list[tuple[int, int]], all_lots: dict[int, int]) -> list[tuple[int, int]]:
    """Levels that are new or different, and those that are gone with no lots; the receiver cuts at its depth."""
    changed = [(price, lots) for price, lots in top if known.get(price) != lots]
    return changed + [(price, 0) for price in known if price not in all_lots]


def _post(clients: set[Client], text: str) -> None:
    for client in clients:
        client.post(text)
