"""The state that this process answers from: a copy of the engine's, kept on the event loop by its publications.

The engine thread never touches it and it never touches the engine, so no lock is needed; each publication is applied
whole before anything else runs, so what is read is always the state at one sequence number.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from trading.engine.commands import DefineAsset, DefineMarket, FeeTier, PlaceOrder, SetMarketState, Side
from trading.engine.engine import Engine
from trading.engine.outcomes import (
    AssetDefined,
    BalanceChanged,
    FeeTierSet,
    Filled,
    MarketDefined,
    MarketStateChanged,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    Reason,
)
from trading.engine.outcomes import Outcome as EngineOutcome

from .fold import Applied
from .instruments import Asset, Market
from .market_data.depth import Depth
from .market_data.ticker import Minute, RollingTicker
from .replica import Level

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


def cancelled_status(outcome: OrderCancelled, filled_lots: int) -> str:
    """The status of an order whose rest was cancelled. One that has spent its budget has done all it was asked to."""
    return "filled" if outcome.reason is Reason.BUDGET_SPENT and filled_lots else "cancelled"


class Placed(NamedTuple):
    """How an open order came to be: its event, and the number of the event that last changed it."""

    seq: int
    order_id: str
    at_us: int
    command: PlaceOrder
    updated_seq: int


class LiveOrder:
    """An order as it stands. ``seq`` is its number, ``order_id`` the id clients know it by."""

    __slots__ = (
        "account",
        "budget_atoms",
        "client_order_id",
        "created_at_us",
        "fee_atoms",
        "filled_lots",
        "filled_quote_atoms",
        "market",
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
        self.filled_lots = 0
        self.filled_quote_atoms = 0
        self.fee_atoms = 0
        self.status = "open"
        self.reason: str | None = None
        self.created_at_us = at_us
        self.updated_at_us = at_us
        self.updated_seq = seq


@dataclass(slots=True)
class MarketState:
    """All that is live about one market."""

    market: Market
    depth: Depth
    ticker: RollingTicker
    trades: deque[TradePrint]


class LiveState:
    """Assets, markets, balances and open orders at ``seq``. Read and written on the event loop only."""

    def __init__(self) -> None:
        self.seq = 0
        self.at_us = 0
        self.assets: dict[str, Asset] = {}
        self.markets: dict[str, MarketState] = {}
        self.fee_tiers: dict[int, int] = {}
        self.balances: dict[int, dict[str, tuple[int, int]]] = {}
        self._open: dict[int, LiveOrder] = {}
        self._by_account: dict[int, dict[int, LiveOrder]] = {}
        self._by_id: dict[str, LiveOrder] = {}
        self._closed: OrderedDict[str, LiveOrder] = OrderedDict()
        self._closed_by_seq: dict[int, LiveOrder] = {}

    # Reading

    def balance(self, account: int, asset: str) -> tuple[int, int]:
        """(available, held) in atoms."""
        return self.balances.get(account, {}).get(asset, (0, 0))

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

    def load(self, engine: Engine, placed: Iterable[Placed]) -> None:
        """Takes the engine's state over. ``placed``: every open order, in order of number."""
        self.seq, self.at_us = engine.seq, engine.at_us
        for asset in engine.assets.values():
            self._define_asset(asset)
        for market in engine.markets.values():
            state = self._define_market(market.definition)
            state.market.state = market.state
            state.depth.load(
                bids=((level.price_ticks, level.lots) for level in market.book.bids),
                asks=((level.price_ticks, level.lots) for level in market.book.asks),
            )
        self.fee_tiers = dict(engine.fee_tiers)
        for account, name, available, held in engine.all_balances():
            if account == HOUSE:
                continue
            self.balances.setdefault(account, {})[name] = (available, held)
        for seq, order_id, at_us, command, updated_seq in placed:
            resting = engine.orders[seq]
            order = self._open_order(LiveOrder(seq, order_id, at_us, command))
            order.updated_seq = updated_seq
            order.filled_lots = resting.quantity_lots - resting.remaining_lots
            order.filled_quote_atoms = resting.filled_quote_atoms
            order.fee_atoms = -(-resting.fee_ppm_sum // 1_000_000)
            order.updated_at_us = resting.updated_at_us

    def load_history(self, market: str, minutes: Iterable[Minute], trades: Iterable[TradePrint]) -> None:
        """Puts back the last 24 hours of minutes and the recent trades, both in order of time."""
        state = self.markets[market]
        for minute in minutes:
            state.ticker.load(minute)
        state.trades.extend(trades)
        if state.trades:
            state.ticker.last = state.trades[-1].price_ticks

    def set_levels(self, levels: dict[Level, int]) -> None:
        """Takes over the book levels that a publication touched, after its events were applied."""
        for (market, side, price), lots in levels.items():
            self.markets[market].depth.side(side).set(price, lots)

    def apply(self, event: Applied) -> None:
        """Takes over one event."""
        self.seq, self.at_us = event.seq, event.at_us
        command = event.command
        for outcome in event.outcomes:
            kind = type(outcome)
            if isinstance(outcome, BalanceChanged):
                balance = (outcome.available_atoms, outcome.held_atoms)
                self.balances.setdefault(outcome.account, {})[outcome.asset] = balance
            elif kind is OrderAccepted and type(command) is PlaceOrder:
                self._open_order(LiveOrder(event.seq, event.command_id, event.at_us, command))
            elif kind is Filled:
                self._fill(event, outcome)  # type: ignore[arg-type]
            elif kind is OrderFilled:
                self._close(event, outcome.order, "filled", None)  # type: ignore[union-attr]
            elif kind is OrderCancelled:
                self._cancel(event, outcome)  # type: ignore[arg-type]
            elif kind is OrderRejected and type(command) is PlaceOrder:
                order = LiveOrder(event.seq, event.command_id, event.at_us, command)
                order.status, order.reason = "rejected", outcome.reason.value  # type: ignore[union-attr]
                self._remember_closed(order)
            else:
                self._apply_rare(event, outcome)

    def _apply_rare(self, event: Applied, outcome: EngineOutcome) -> None:
        match event.command, outcome:
            case DefineAsset() as asset, AssetDefined():
                self._define_asset(asset)
            case DefineMarket() as market, MarketDefined():
                self._define_market(market)
            case SetMarketState() as change, MarketStateChanged():
                self.markets[change.market].market.state = change.state
            case _, FeeTierSet(account=account, tier=tier):
                self.fee_tiers[account] = tier

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
        self._close(event, outcome.order, status, outcome.reason.value)

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
        if len(self._closed) > RECENTLY_CLOSED:
            _, oldest = self._closed.popitem(last=False)
            del self._closed_by_seq[oldest.seq]
