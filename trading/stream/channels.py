"""Who hears what: the subscriptions of the stream, and the messages that each event makes for them.

An Observer of the runtime: everything here runs on the event loop. A message is made once and posted to all who hear
it; nothing is made for what nobody hears.
"""

import asyncio
import time
from collections import defaultdict
from typing import Any

from accounts.problems import INVALID_PARAMETER, Problem
from trading import submission
from trading.applied import Applied
from trading.engine.outcomes import BalanceChanged, Filled, MarketStateChanged
from trading.live import LiveState, TradePrint
from trading.problems import TOO_MANY_SUBSCRIPTIONS
from trading.publications import Publication
from trading.runtime import Runtime

from . import executions, history, messages, opening
from .books import BookFeed, BookKind
from .candle_feed import CandleFeed
from .client import Client, Subscription
from .feeds import Feed, Kind, PrivateFeed, PublicFeed, Registry, Subject
from .level3_feed import Level3Feed
from .opening import Level3Market
from .shapes import BalanceData, Channel, StatusData

TICKER_INTERVAL_S = 0.1
SNAPSHOT_TRADES = 50
SUBSCRIPTIONS_LIMIT = 500
"""Of one connection."""


class Channels:
    """The subscriptions of all clients of this process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._books: Registry[BookFeed] = Registry()
        self._level3: Registry[Level3Feed] = Registry()
        self._level3_markets: dict[str, Level3Market] = {}
        self._candles: Registry[CandleFeed] = Registry()
        self._trades: Registry[PublicFeed] = Registry()
        self._tickers: Registry[PublicFeed] = Registry()
        self._statuses: Registry[PublicFeed] = Registry()
        self._executions: Registry[PrivateFeed] = Registry()
        self._balances: Registry[PrivateFeed] = Registry()
        self._registries: dict[Channel, Registry[Any]] = {
            "book": self._books,
            "level3": self._level3,
            "ohlc": self._candles,
            "trade": self._trades,
            "ticker": self._tickers,
            "status": self._statuses,
            "executions": self._executions,
            "balances": self._balances,
        }
        self._new_trades: defaultdict[str, list[TradePrint]] = defaultdict(list)
        self._new_balances: dict[tuple[int, str], tuple[int, int]] = {}
        self._stale_tickers: set[str] = set()
        self._told_status: StatusData | None = None

    @property
    def _live(self) -> LiveState:
        return self._runtime.live

    # Subscribing: each returns the snapshot to post after the acknowledgement, or nothing

    def add_book(self, client: Client, symbol: str, kind: BookKind) -> str:
        feed = self._books.enter(symbol, kind, lambda: BookFeed(self._live, symbol, kind))
        snapshot = feed.snapshot()
        self._subscribe(client, feed, ("book", symbol, kind))
        return snapshot

    async def add_level3(self, client: Client, symbol: str, depth: int, account: int | None) -> str:
        """Raises Problem if the engine cannot be asked for the queues."""
        queues = await opening.queues(self._runtime, self._level3_markets, symbol)
        feed = self._level3.enter(symbol, depth, lambda: Level3Feed(self._live, symbol, depth))
        feed.join_as(client, account)
        client.subscriptions.add(("level3", symbol, depth))
        return feed.snapshot(queues, account)

    async def add_candles(self, client: Client, symbol: str, interval_min: int) -> str:
        """Raises Problem if the candles cannot be read."""
        feed = self._candles.enter(symbol, interval_min, lambda: CandleFeed(self._live, symbol, interval_min))
        try:
            await opening.candles(self._runtime, feed, symbol, interval_min)
        except Exception:
            self._candles.forget_if_unheard(symbol, interval_min)
            raise
        self._subscribe(client, self._candles.enter(symbol, interval_min, lambda: feed), ("ohlc", symbol, interval_min))
        return feed.snapshot(max(time.time_ns() // 1000, self._live.at_us))

    def add_trades(self, client: Client, symbol: str) -> str | None:
        feed = self._trades.enter(symbol, None, lambda: PublicFeed("trade"))
        self._subscribe(client, feed, ("trade", symbol, None))
        state = self._live.markets[symbol]
        recent = list(state.trades)[-SNAPSHOT_TRADES:]
        if client.is_krakens and not recent:
            return None
        return messages.snapshot("trade", (messages.trade(state.market, one) for one in recent), self._live.seq)

    def add_ticker(self, client: Client, symbol: str) -> str:
        feed = self._tickers.enter(symbol, None, lambda: PublicFeed("ticker"))
        self._subscribe(client, feed, ("ticker", symbol, None))
        data = messages.ticker(self._live.markets[symbol], time.time_ns() // 1000)
        return messages.snapshot("ticker", [data], self._live.seq)

    def add_status(self, client: Client, status: StatusData) -> str:
        feed = self._statuses.enter("", None, lambda: PublicFeed("status"))
        self._subscribe(client, feed, ("status", "", None))
        self._told_status = status
        return messages.snapshot("status", [status], self._live.seq)

    def add_executions(self, client: Client, account: int) -> str:
        feed = self._executions.enter(account, None, lambda: PrivateFeed("executions"))
        self._subscribe(client, feed, ("executions", account, None))
        data = [
            messages.order_state(order, self._live.markets[order.market].market, "new")
            for order in self._live.open_orders(account)
        ]
        return messages.snapshot("executions", data, self._live.seq)

    def add_balances(self, client: Client, account: int) -> str:
        feed = self._balances.enter(account, None, lambda: PrivateFeed("balances"))
        self._subscribe(client, feed, ("balances", account, None))
        data = [
            messages.balance(asset, *self._live.balance(account, name))
            for name, asset in sorted(self._live.assets.items())
        ]
        return messages.snapshot("balances", data, self._live.seq)

    async def missed(self, client: Client, channel: Channel, account: int, after: int) -> history.Missed:
        """Subscribes a client that knows all up to the event ``after``; what it must be told before it is released.

        Raises Problem, and the client is not subscribed then.
        """
        if after > self._live.seq:
            with submission.reading():
                await self._runtime.catch_up()
            if after > self._live.seq:
                raise Problem(INVALID_PARAMETER, f"from_sequence: the last event is {self._live.seq}.")
        registry = self._executions if channel == "executions" else self._balances
        feed = registry.enter(account, None, lambda: PrivateFeed(channel))
        feed.hold(client)
        client.subscriptions.add((channel, account, None))
        try:
            if channel == "executions":
                markets = {name: state.market for name, state in self._live.markets.items()}
                found = await submission.read(
                    self._runtime, history.executions, account=account, after=after, markets=markets
                )
            else:
                assets = dict(self._live.assets)
                found = await submission.read(
                    self._runtime, history.balances, account=account, after=after, assets=assets
                )
        except BaseException:
            self.remove(client, (channel, account, None))
            raise
        return found  # type: ignore[no-any-return]

    def release(self, client: Client, channel: Channel, account: int, told: int) -> None:
        """The client has been told all up to this event, and hears from now on what comes after."""
        registry = self._executions if channel == "executions" else self._balances
        for feed in registry.of(account):
            feed.release(client, told)

    def check_limit(self, client: Client) -> None:
        """Raises Problem if the connection may have no further subscription."""
        if len(client.subscriptions) >= SUBSCRIPTIONS_LIMIT:
            raise Problem(TOO_MANY_SUBSCRIPTIONS, f"One connection has at most {SUBSCRIPTIONS_LIMIT} subscriptions.")

    def remove_matching(self, client: Client, channel: Channel, subject: Subject, fits: Any) -> None:
        """Ends the client's subscriptions to this, of kinds for which ``fits`` is true."""
        for one in [one for one in client.subscriptions if one[:2] == (channel, subject) and fits(one[2])]:
            self.remove(client, one)

    def remove_client(self, client: Client) -> None:
        for one in list(client.subscriptions):
            self.remove(client, one)

    def remove(self, client: Client, subscription: Subscription) -> None:
        channel, subject, kind = subscription
        client.subscriptions.discard(subscription)
        self._registries[channel].leave(subject, kind, client)
        if channel == "level3" and subject not in self._level3.subjects:
            self._level3_markets.pop(str(subject), None)

    def _subscribe(self, client: Client, feed: Feed, subscription: tuple[Channel, Subject, Kind]) -> None:
        feed.join(client)
        client.subscriptions.add(subscription)

    # Observing

    def on_event(self, event: Applied) -> None:
        for market in self._level3_markets.values():
            market.add(event)
        for outcome in event.outcomes:
            kind = type(outcome)
            if kind is Filled:
                self._on_fill(event, outcome)  # type: ignore[arg-type]
            elif kind is BalanceChanged and outcome.account in self._balances.subjects:  # type: ignore[union-attr]
                self._on_balance(outcome)  # type: ignore[arg-type]
        if self._executions.subjects:
            for account, told in executions.told(event, self._live, self._executions.subjects).items():
                for feed in self._executions.of(account):
                    feed.tell_parts(told.parts(), event.seq)

    def _on_fill(self, event: Applied, fill: Filled) -> None:
        if fill.market in self._trades.subjects:
            print_ = TradePrint(
                fill.trade,
                event.seq,
                event.at_us,
                fill.price_ticks,
                fill.quantity_lots,
                fill.quote_atoms,
                fill.taker_side,
            )
            self._new_trades[fill.market].append(print_)
        for feed in self._candles.of(fill.market):
            feed.add(event.seq, event.at_us, fill)

    def _on_balance(self, changed: BalanceChanged) -> None:
        self._new_balances[changed.account, changed.asset] = (changed.available_atoms, changed.held_atoms)

    def on_batch(self, publication: Publication) -> None:
        touched = {market for market, _, _ in publication.levels} | publication.books.keys()
        for symbol in touched:
            for feed in self._books.of(symbol):
                feed.changed()
            self._schedule_ticker(symbol)
        for symbol, market in self._level3_markets.items():
            market.tell(self._level3.of(symbol))
        self._post_trades()
        self._post_balances()

    def _post_trades(self) -> None:
        for symbol, trades in self._new_trades.items():
            market = self._live.markets[symbol].market
            for feed in self._trades.of(symbol):
                feed.tell([messages.trade(market, trade) for trade in trades], self._live.seq)
        self._new_trades.clear()

    def _post_balances(self) -> None:
        changed: defaultdict[int, list[BalanceData]] = defaultdict(list)
        for (account, asset), (available, held) in self._new_balances.items():
            changed[account].append(messages.balance(self._live.assets[asset], available, held))
        for account, data in changed.items():
            for feed in self._balances.of(account):
                feed.tell(data, self._live.seq)
        self._new_balances.clear()

    def _schedule_ticker(self, symbol: str) -> None:
        """A change is told after TICKER_INTERVAL_S, with all that came meanwhile: the last state is never lost."""
        if symbol in self._stale_tickers or symbol not in self._tickers.subjects:
            return
        self._stale_tickers.add(symbol)
        asyncio.get_running_loop().call_later(TICKER_INTERVAL_S, self._post_ticker, symbol)

    def _post_ticker(self, symbol: str) -> None:
        self._stale_tickers.discard(symbol)
        for feed in self._tickers.of(symbol):
            feed.tell([messages.ticker(self._live.markets[symbol], time.time_ns() // 1000)], self._live.seq)

    def tell_status(self, status: StatusData) -> None:
        """Tells who hears it, if it is not what was told last."""
        if status != self._told_status:
            self._told_status = status
            for feed in self._statuses.of(""):
                feed.tell([status], self._live.seq)


def changes_status(event: Applied) -> bool:
    return MarketStateChanged in map(type, event.outcomes)
