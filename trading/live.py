"""The state that this process answers from: a copy of the engine's, kept on the event loop by its publications.

The engine thread never touches it and it never touches the engine, so no lock is needed; each publication is applied
whole before anything else runs, so what is read is always the state at one sequence number.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from typing import NamedTuple

from trading.engine.commands import DefineAsset, DefineMarket, FeeTier, PlaceOrder, Side
from trading.engine.engine import Engine
from trading.engine.order_book import Order as EngineOrder
from trading.engine.outcomes import (
    AssetDefined,
    BalanceChanged,
    FeeTierSet,
    Filled,
    LegPlaced,
    MarketDefined,
    MarketStateChanged,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderRefreshed,
    OrderRejected,
    OrderRepriced,
    OrderRested,
    OrderTriggered,
    OrderWaiting,
    SelfTradePrevented,
)
from trading.engine.outcomes import Outcome as EngineOutcome

from .applied import Applied
from .closures import Closure, Mark, closure_of, mark_of
from .instruments import Asset, Market
from .market_data.depth import Depth
from .market_data.ticker import Minute, RollingTicker
from .order_facts import brought, cancelled_reason, cancelled_status, is_pegged, leg_id, leg_order, reduced_orders
from .publications import Publication, book_levels
from .queries import OrderRow

HOUSE = 0
"""The engine's account for the fees it has taken; the live state does not follow it."""

RECENT_TRADES = 1000
RECENTLY_CLOSED = 20_000
"""Closed orders kept in memory for answers; older ones are read from the read models."""


class TradePrint(NamedTuple):
    """A trade as the public sees it."""

    id: int
    seq: int
    at_us: int
    price_ticks: int
    quantity_lots: int
    quote_atoms: int
    taker_side: Side


class LiveOrder:
    """An order as it stands. ``seq`` is its number, ``order_id`` the id clients know it by.

    ``price_ticks`` is its limit or cap, wherever a pegged one rests.
    """

    __slots__ = (
        "account",
        "budget_atoms",
        "client_order_id",
        "created_at_us",
        "fee_atoms",
        "filled_lots",
        "filled_quote_atoms",
        "market",
        "options",
        "order_id",
        "post_only",
        "price_ticks",
        "quantity_lots",
        "reason",
        "seq",
        "side",
        "status",
        "time_in_force",
        "type",
        "updated_at_us",
        "updated_seq",
    )

    def __init__(self, seq: int, order_id: str, at_us: int, command: PlaceOrder) -> None:
        self.seq = seq
        self.order_id = order_id
        self.account = command.account
        self.client_order_id = command.client_order_id
        self.market = command.market
        self.side: Side = command.side
        self.type: str = command.type
        self.time_in_force: str = command.time_in_force
        self.post_only: str = command.post_only
        self.price_ticks = command.price_ticks
        self.quantity_lots = command.quantity_lots
        self.budget_atoms = command.budget_atoms
        self.options = command.options
        self.filled_lots = 0
        self.filled_quote_atoms = 0
        self.fee_atoms = 0
        self.status = "open"
        self.reason: str | None = None
        self.created_at_us = at_us
        self.updated_at_us = at_us
        self.updated_seq = seq

    def as_placed(self) -> "LiveOrder":
        """The order before anything became of it."""
        placed = copy(self)
        placed.filled_lots = placed.filled_quote_atoms = placed.fee_atoms = 0
        placed.status, placed.reason = ("waiting" if self.status == "waiting" else "open"), None
        placed.updated_at_us = self.created_at_us
        return placed


@dataclass(slots=True)
class MarketState:
    """All that is live about one market."""

    market: Market
    depth: Depth
    ticker: RollingTicker
    trades: deque[TradePrint]
    mark: Mark | None = None


class LiveState:
    """Assets, markets, balances and open orders at ``seq``. Read and written on the event loop only."""

    def __init__(self) -> None:
        self.seq = 0
        self.at_us = 0
        self.assets: dict[str, Asset] = {}
        self.markets: dict[str, MarketState] = {}
        self.closure: Closure | None = None
        """Why nothing new is taken, while that is so."""
        self.fee_tiers: dict[int, int] = {}
        self.balances: dict[int, dict[str, tuple[int, int]]] = {}
        self._open: dict[int, LiveOrder] = {}
        self._by_account: dict[int, dict[int, LiveOrder]] = {}
        self._by_id: dict[str, LiveOrder] = {}
        self._closed: dict[str, LiveOrder] = {}
        self._closed_by_seq: dict[int, LiveOrder] = {}
        self._closings: deque[LiveOrder] = deque()
        """The same orders in the order in which they closed."""
        self._legs: dict[int, LiveOrder] = {}
        """Legs that were told of and not yet accepted or refused, by number."""

    # Reading

    def balance(self, account: int, asset: str) -> tuple[int, int]:
        """(available, held) in atoms."""
        return self.balances.get(account, {}).get(asset, (0, 0))

    @property
    def open_count(self) -> int:
        """Orders of everybody that are open or waiting."""
        return len(self._open)

    def open_orders(self, account: int) -> Iterator[LiveOrder]:
        """The account's open orders, oldest first."""
        return iter(self._by_account.get(account, {}).values())

    def order(self, order_id: str) -> LiveOrder | None:
        """An open or recently closed order, anybody's."""
        return self._by_id.get(order_id) or self._closed.get(order_id)

    def order_by_seq(self, seq: int) -> LiveOrder | None:
        """An open order by its number."""
        return self._open.get(seq)

    def recently_closed(self, seq: int) -> LiveOrder | None:
        """A recently closed order by its number."""
        return self._closed_by_seq.get(seq)

    def fees(self, market: Market, account: int | None) -> FeeTier:
        tiers = market.definition.fee_tiers
        tier = 0 if account is None else self.fee_tiers.get(account, 0)
        return tiers[min(tier, len(tiers) - 1)]

    # Writing

    def load(self, engine: Engine, rows: Iterable[OrderRow]) -> None:
        """Takes the engine's state over. ``rows``: every open order as the read models have it, oldest first.

        They may be ahead of the engine; what it knows better is taken from there, all else will be told again.
        """
        self.seq, self.at_us = engine.seq, engine.at_us
        for asset in engine.assets.values():
            self._define_asset(asset)
        for market in engine.markets.values():
            state = self._define_market(market.definition)
            state.market.state = market.state
            state.depth.load(*book_levels(market))
        self.fee_tiers = dict(engine.accounts.fee_tiers)
        for account, name, available, held in engine.all_balances():
            if account == HOUSE:
                continue
            self.balances.setdefault(account, {})[name] = (available, held)
        for row in rows:
            self._open_order(_loaded(row, engine.orders[row.seq]))

    def load_reasons(self, reasons: Iterable[tuple[str, str]]) -> None:
        """Puts back why each market has its state. The read models may be ahead, and what they are ahead by is told again."""
        for market, reason in reasons:
            if market in self.markets:
                self.markets[market].mark = mark_of(reason)
        self._note_closure()

    def load_history(self, market: str, minutes: Iterable[Minute], trades: Iterable[TradePrint]) -> None:
        """Puts back the last 24 hours of minutes and the recent trades, both in order of time."""
        state = self.markets[market]
        for minute in minutes:
            state.ticker.load(minute)
        state.trades.extend(trades)
        if state.trades:
            state.ticker.last = state.trades[-1].price_ticks

    def set_levels(self, publication: Publication) -> None:
        """Takes over the book levels that a publication touched, after its events were applied."""
        for (market, side, price), lots in publication.levels.items():
            self.markets[market].depth.side(side).set(price, lots)
        for market, (bids, asks) in publication.books.items():
            depth = self.markets[market].depth = Depth()
            depth.load(bids, asks)

    def apply(self, event: Applied) -> None:
        """Takes over one event."""
        self.seq, self.at_us = event.seq, event.at_us
        balances = self.balances
        for place, outcome in enumerate(event.outcomes):
            kind = type(outcome)
            if isinstance(outcome, BalanceChanged):
                account, asset, available, held = outcome
                mine = balances.get(account)
                if mine is None:
                    mine = balances[account] = {}
                mine[asset] = (available, held)
            elif kind is OrderAccepted:
                self._open_order(self._new_order(event, outcome.order))  # type: ignore[union-attr]
            elif kind is Filled:
                self._fill(event, outcome)  # type: ignore[arg-type]
            elif kind is OrderFilled:
                self._close(event, outcome.order, "filled", None)  # type: ignore[union-attr]
            elif kind is OrderCancelled:
                self._cancel(event, outcome)  # type: ignore[arg-type]
            elif kind is OrderRejected:
                order = self._new_order(event, outcome.order)  # type: ignore[union-attr]
                order.status, order.reason = "rejected", outcome.reason.value  # type: ignore[union-attr]
                self._remember_closed(order)
            elif kind is not OrderRested:
                self._apply_rare(event, place, outcome)

    def _apply_rare(self, event: Applied, place: int, outcome: EngineOutcome) -> None:
        match event.command, outcome:
            case DefineAsset() as asset, AssetDefined():
                self._define_asset(asset)
            case DefineMarket() as market, MarketDefined():
                self._define_market(market)
            case _, MarketStateChanged(market=name, state=state, reason=reason):
                self.markets[name].market.state = state
                self.markets[name].mark = mark_of(reason)
                self._note_closure()
            case _, FeeTierSet(account=account, tier=tier):
                self.fee_tiers[account] = tier
            case _, LegPlaced(order=number, parent=parent):
                brought_by = self._open.get(parent) or self._closed_by_seq.get(parent)
                leg = leg_order(outcome, None if brought_by is None else brought_by.options)
                self._legs[number] = LiveOrder(number, leg_id(number), event.at_us, leg)
            case _, OrderWaiting(order=number):
                self._touch(event, number).status = "waiting"
            case _, OrderTriggered(order=number):
                self._touch(event, number).status = "open"
            case _, OrderAmended():
                self._amend(self._touch(event, outcome.order), outcome)
            case _, OrderRepriced(order=number, price_ticks=price):
                order = self._touch(event, number)
                if order.post_only == "reprice":
                    order.price_ticks = price
                else:
                    order.status = "waiting" if price is None else "open"
            case _, OrderRefreshed(order=number):
                self._touch(event, number)
            case _, SelfTradePrevented():
                self._prevent(event, place, outcome)

    def _note_closure(self) -> None:
        self.closure = closure_of(state.mark for state in self.markets.values())

    def _new_order(self, event: Applied, number: int) -> LiveOrder:
        """The order of this number, which this event brings."""
        place = brought(event.command) if number == event.seq else None
        if place is None:
            leg = self._legs.pop(number)
            leg.updated_seq = event.seq
            return leg
        return LiveOrder(number, event.command_id, event.at_us, place)

    def _touch(self, event: Applied, number: int) -> LiveOrder:
        """An open order that this event changes."""
        order = self._open[number]
        order.updated_at_us, order.updated_seq = event.at_us, event.seq
        return order

    def _amend(self, order: LiveOrder, amended: OrderAmended) -> None:
        if not is_pegged(order.options):
            order.price_ticks = amended.price_ticks
        if order.quantity_lots is not None:
            order.quantity_lots = amended.quantity_lots
        if order.options is not None and amended.trigger_ticks is not None:
            order.options = replace(order.options, trigger_ticks=amended.trigger_ticks)

    def _prevent(self, event: Applied, place: int, prevented: SelfTradePrevented) -> None:
        for number in (prevented.taker_order, prevented.maker_order):
            self._touch(event, number)
        for number in reduced_orders(event.outcomes, place):
            order = self._open[number]
            if order.quantity_lots is not None:
                order.quantity_lots -= prevented.prevented_lots

    def _define_asset(self, definition: DefineAsset) -> None:
        self.assets[definition.asset] = Asset(definition)

    def _define_market(self, definition: DefineMarket) -> MarketState:
        market = Market(definition, self.assets[definition.base], self.assets[definition.quote])
        state = MarketState(market, Depth(), RollingTicker(), deque(maxlen=RECENT_TRADES))
        self.markets[definition.market] = state
        return state

    def _open_order(self, order: LiveOrder) -> LiveOrder:
        self._open[order.seq] = self._by_id[order.order_id] = order
        self._by_account.setdefault(order.account, {})[order.seq] = order
        return order

    def _fill(self, event: Applied, fill: Filled) -> None:
        for seq, fee in ((fill.taker_order, fill.taker_fee_atoms), (fill.maker_order, fill.maker_fee_atoms)):
            order = self._open[seq]
            order.filled_lots += fill.quantity_lots
            order.filled_quote_atoms += fill.quote_atoms
            order.fee_atoms += fee
            order.updated_at_us, order.updated_seq = event.at_us, event.seq
        state = self.markets[fill.market]
        state.ticker.add(event.at_us, fill.price_ticks, fill.quantity_lots, fill.quote_atoms)
        state.trades.append(
            TradePrint(
                fill.trade,
                event.seq,
                event.at_us,
                fill.price_ticks,
                fill.quantity_lots,
                fill.quote_atoms,
                fill.taker_side,
            )
        )

    def _cancel(self, event: Applied, outcome: OrderCancelled) -> None:
        status = cancelled_status(outcome, self._open[outcome.order].filled_lots)
        self._close(event, outcome.order, status, cancelled_reason(outcome, event.record.request_id))

    def _close(self, event: Applied, seq: int, status: str, reason: str | None) -> None:
        order = self._open.pop(seq)
        del self._by_id[order.order_id]
        mine = self._by_account[order.account]
        del mine[seq]
        if not mine:
            del self._by_account[order.account]
        order.status, order.reason = status, reason
        order.updated_at_us, order.updated_seq = event.at_us, event.seq
        self._remember_closed(order)

    def _remember_closed(self, order: LiveOrder) -> None:
        self._closed[order.order_id] = self._closed_by_seq[order.seq] = order
        self._closings.append(order)
        if len(self._closings) > RECENTLY_CLOSED:
            oldest = self._closings.popleft()
            del self._closed[oldest.order_id], self._closed_by_seq[oldest.seq]


def _loaded(row: OrderRow, order: EngineOrder) -> LiveOrder:
    """An open order from its row, with what the engine knows better."""
    place = PlaceOrder(
        account=row.account,
        market=row.market,
        side=row.side,
        type=row.type,
        time_in_force=row.time_in_force,
        quantity_lots=None if row.quantity_lots is None else order.quantity_lots,
        budget_atoms=row.budget_atoms,
        price_ticks=row.price_ticks,
        post_only=row.post_only,
        client_order_id=row.client_order_id,
        options=row.options,
    )
    loaded = LiveOrder(row.seq, row.order_id, row.created_at_us, place)
    loaded.status = "waiting" if order.level is None else "open"
    loaded.filled_lots = order.quantity_lots - order.remaining_lots
    loaded.filled_quote_atoms = order.filled_quote_atoms
    loaded.fee_atoms = -(-order.fee_ppm_sum // 1_000_000)
    loaded.updated_at_us, loaded.updated_seq = row.updated_at_us, row.updated_seq
    return loaded
