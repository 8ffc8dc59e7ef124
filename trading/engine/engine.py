"""The engine: a fold over events. The same events give the same outcomes and the same state, on any machine.

``apply`` is total: an expected refusal is an outcome with its reason, a broken invariant raises. Time is the event's.
The state is ``assets``, ``markets`` with their books, balances, fee tiers, open orders, the version of the rules and the
numbers of the last event and trade; everything in it is an integer or a name. One thread applies the events.
"""

from collections.abc import Iterator

from .balances import Balance, Balances, buy_hold_atoms, sell_hold_atoms
from .commands import (
    CancelAll,
    CancelOrder,
    Command,
    Credit,
    DefineAsset,
    DefineMarket,
    Event,
    PlaceOrder,
    ReverseCredit,
    SetFeeTier,
    SetMarketState,
    SetRules,
)
from .errors import InvariantBroken, UnknownRules
from .market import MAXIMUM_FEE_TIERS, Market, is_valid_asset, is_valid_market
from .matching import Matcher, Taker, preview
from .order_book import BookSide, OpenOrders, Order
from .order_checks import MAXIMUM_PRICE_TICKS, refusal
from .outcomes import (
    AssetDefined,
    BalanceChanged,
    CommandRejected,
    Credited,
    CreditReversed,
    FeeTierSet,
    MarketDefined,
    MarketStateChanged,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRested,
    Outcome,
    Reason,
    RulesSet,
)
from .participant import Participant
from .rules import FIRST, LATEST

new = tuple.__new__  # all that the constructor of a NamedTuple does, at half its cost: for the outcomes of every order

__all__ = ["Engine", "InvariantBroken", "UnknownRules"]

MAXIMUM_CREDIT_ATOMS = 10**36
USER_CANCELLED = Reason.USER_CANCELLED
NO_LIMIT_RANK = -MAXIMUM_PRICE_TICKS - 1


class Engine:
    """The state of the exchange at ``seq``, and how the next event changes it."""

    def __init__(self) -> None:
        self.seq = 0
        self.at_us = 0
        self.rules = FIRST
        self.assets: dict[str, DefineAsset] = {}
        self.markets: dict[str, Market] = {}
        self.balances = Balances()
        self.open_orders = OpenOrders()
        self.matcher = Matcher(self.balances, self.open_orders)
        self.fee_tiers: dict[int, int] = {}

    @property
    def orders(self) -> dict[int, Order]:
        """The open orders by number, oldest first."""
        return self.open_orders.by_number

    def account_orders(self, account: int) -> Iterator[Order]:
        """The account's open orders, oldest first."""
        return self.open_orders.of(account)

    def fee_tier(self, account: int) -> int:
        return self.fee_tiers.get(account, 0)

    def balance(self, account: int, asset: str) -> tuple[int, int]:
        """(available, held) in atomic units."""
        return self.balances.read(account, asset)

    def all_balances(self) -> Iterator[tuple[int, str, int, int]]:
        """(account, asset, available, held) of every balance that is not zero, by account and asset."""
        return iter(self.balances)

    def apply(self, event: Event) -> list[Outcome]:
        """Applies the next event.

        Raises InvariantBroken if it is not the next, or if the state breaks its rules; UnknownRules.
        """
        if event.seq != self.seq + 1:
            raise InvariantBroken(f"event {event.seq} cannot follow event {self.seq}")
        if event.at_us < self.at_us:
            raise InvariantBroken(f"event {event.seq} is at {event.at_us}, before {self.at_us}")
        self.seq = event.seq
        self.at_us = event.at_us
        command = event.command
        if isinstance(command, PlaceOrder):
            return self._place_order(command)
        if isinstance(command, CancelOrder):
            return self._cancel_order(command)
        return self._apply_rare(command)

    def _apply_rare(self, command: Command) -> list[Outcome]:
        match command:
            case CancelAll():
                return self._cancel_all(command)
            case Credit():
                return self._credit(command)
            case ReverseCredit():
                return self._reverse_credit(command)
            case SetFeeTier():
                return self._set_fee_tier(command)
            case SetMarketState():
                return self._set_market_state(command)
            case SetRules():
                return self._set_rules(command)
            case DefineMarket():
                return self._define_market(command)
            case DefineAsset():
                return self._define_asset(command)
        raise InvariantBroken(f"event {self.seq} is no command: {type(command).__name__}")

    # Rules, definitions, states, credits

    def _set_rules(self, command: SetRules) -> list[Outcome]:
        if command.version > LATEST:
            raise UnknownRules(f"event {self.seq} sets rules {command.version}, this version of Kontor knows {LATEST}")
        if command.version <= self.rules:
            return [CommandRejected(Reason.RULES_NOT_NEWER)]
        self.rules = command.version
        return [RulesSet(command.version)]

    def _define_asset(self, command: DefineAsset) -> list[Outcome]:
        if command.asset in self.assets:
            return [CommandRejected(Reason.ALREADY_DEFINED)]
        if not is_valid_asset(command):
            return [CommandRejected(Reason.INVALID_DEFINITION)]
        self.assets[command.asset] = command
        return [AssetDefined(command.asset)]

    def _define_market(self, command: DefineMarket) -> list[Outcome]:
        if command.market in self.markets:
            return [CommandRejected(Reason.ALREADY_DEFINED)]
        base = self.assets.get(command.base)
        if base is None or command.quote not in self.assets:
            return [CommandRejected(Reason.UNKNOWN_ASSET)]
        if not is_valid_market(command, base):
            return [CommandRejected(Reason.INVALID_DEFINITION)]
        self.markets[command.market] = Market(command, base)
        return [MarketDefined(command.market)]

    def _set_market_state(self, command: SetMarketState) -> list[Outcome]:
        market = self.markets.get(command.market)
        if market is None:
            return [CommandRejected(Reason.UNKNOWN_MARKET)]
        market.state = command.state
        return [MarketStateChanged(command.market, command.state, command.reason)]

    def _set_fee_tier(self, command: SetFeeTier) -> list[Outcome]:
        if command.account <= 0:
            return [CommandRejected(Reason.INVALID_AMOUNT)]
        if not 0 <= command.tier < MAXIMUM_FEE_TIERS:
            return [CommandRejected(Reason.UNKNOWN_FEE_TIER)]
        self.fee_tiers[command.account] = command.tier
        for market in self.markets.values():
            market.set_tier(command.account, command.tier)
        return [FeeTierSet(command.account, command.tier)]

    def _credit(self, command: Credit) -> list[Outcome]:
        reason = self._credit_refusal(command)
        if reason is not None:
            return [CommandRejected(reason)]
        balance = self.balances.of(command.account, command.asset)
        balance.receive(command.amount_atoms)
        return [Credited(command.account, command.asset, command.amount_atoms), _balance_changed(balance)]

    def _reverse_credit(self, command: ReverseCredit) -> list[Outcome]:
        """That ``credit`` is such a credit, and not yet reversed, is for who appends the command and the ledger to hold."""
        reason = self._credit_refusal(command)
        if reason is not None:
            return [CommandRejected(reason)]
        available_atoms, _ = self.balances.read(command.account, command.asset)
        if available_atoms < command.amount_atoms:
            return [CommandRejected(Reason.INSUFFICIENT_FUNDS)]
        balance = self.balances.of(command.account, command.asset)
        balance.pay(command.amount_atoms)
        return [CreditReversed(command.account, command.asset, command.amount_atoms), _balance_changed(balance)]

    def _credit_refusal(self, command: Credit | ReverseCredit) -> Reason | None:
        if command.asset not in self.assets:
            return Reason.UNKNOWN_ASSET
        if command.account <= 0 or command.amount_atoms < 1:
            return Reason.INVALID_AMOUNT
        return Reason.ABOVE_MAXIMUM if command.amount_atoms > MAXIMUM_CREDIT_ATOMS else None

    # Cancelling

    def _cancel_order(self, command: CancelOrder) -> list[Outcome]:
        order = self.open_orders.by_number.get(command.order)
        if order is None or order.account != command.account:
            return [CommandRejected(Reason.UNKNOWN_ORDER)]
        balance = self._close(order)
        return [_cancelled(order), _balance_changed(balance)]

    def _cancel_all(self, command: CancelAll) -> list[Outcome]:
        if command.account <= 0:
            return [CommandRejected(Reason.INVALID_ORDER)]
        if command.market is not None and command.market not in self.markets:
            return [CommandRejected(Reason.UNKNOWN_MARKET)]
        outcomes: list[Outcome] = []
        released: dict[str, Balance] = {}
        for order in list(self.account_orders(command.account)):
            if command.market in (None, order.market) and command.side in (None, order.side):
                balance = self._close(order)
                released[balance.asset] = balance
                outcomes.append(_cancelled(order))
        outcomes.extend(_balance_changed(balance) for balance in released.values())
        return outcomes

    def _close(self, order: Order) -> Balance:
        """Takes an open order out of its book and releases its hold; returns the balance that held."""
        market = self.markets[order.market]
        if order.side == "buy":
            market.book.bids.remove(order)
            balance = order.participant.quote
        else:
            market.book.asks.remove(order)
            balance = order.participant.base
        self.open_orders.remove(order)
        balance.release(market.hold_atoms(order))
        return balance

    # Placing

    def _place_order(self, command: PlaceOrder) -> list[Outcome]:
        number, account, time_in_force = self.seq, command.account, command.time_in_force
        market = self.markets.get(command.market)
        if market is None:
            return [OrderRejected(number, account, command.market, Reason.UNKNOWN_MARKET)]
        reason = refusal(command, market)
        if reason is not None:
            return [OrderRejected(number, account, command.market, reason)]
        participant = market.participants.get(account)
        if participant is None:
            participant = market.join(account, self.balances, self.fee_tier(account))
        opposite = market.book.asks if command.side == "buy" else market.book.bids
        limit_rank = NO_LIMIT_RANK if command.price_ticks is None else opposite.sign * command.price_ticks
        best = opposite.best
        crosses = best is not None and best.rank >= limit_rank
        if time_in_force == "GTC":
            if participant.open_orders >= market.definition.maximum_open_orders:
                return [OrderRejected(number, account, market.name, Reason.TOO_MANY_ORDERS)]
            if crosses and command.post_only == "reject":
                return [OrderRejected(number, account, market.name, Reason.WOULD_TAKE)]
        elif time_in_force == "FOK":
            reason = _whole_refusal(command, opposite, limit_rank)
            if reason is not None:
                return [OrderRejected(number, account, market.name, reason)]
        may_take = crosses or self.rules < 2
        if not _is_funded(command, market, participant, opposite, limit_rank, may_take):
            return [OrderRejected(number, account, market.name, Reason.INSUFFICIENT_FUNDS)]
        outcomes: list[Outcome] = [new(OrderAccepted, (number, account, market.name))]
        if crosses or time_in_force != "GTC":
            self._take(command, market, participant, limit_rank, outcomes)
        else:
            outcomes.append(_balance_changed(self._rest(command, market, participant, None, outcomes)))
        return outcomes

    def _take(
        self,
        command: PlaceOrder,
        market: Market,
        participant: Participant,
        limit_rank: int,
        outcomes: list[Outcome],
    ) -> None:
        """Matches an accepted order, then fills, rests or cancels what is left of it, and reports the balances."""
        number, side = self.seq, command.side
        taker = Taker(number, participant, side, command.quantity_lots, command.budget_atoms, limit_rank)
        makers = self.matcher.match(market, taker, self.at_us, outcomes)
        reason = taker.stopped_by
        if reason is None:
            outcomes.append(new(OrderFilled, (number, participant.account, market.name)))
        elif command.time_in_force == "GTC" and reason is not Reason.SELF_TRADE:
            self._rest(command, market, participant, taker, outcomes)
        else:
            if command.time_in_force == "FOK":
                raise InvariantBroken(f"order {number} was to be filled whole, matching ended by {reason}")
            if command.type == "limit" and reason is not Reason.SELF_TRADE:
                reason = Reason.IMMEDIATE_OR_CANCEL
            left_lots = None if command.quantity_lots is None else command.quantity_lots - taker.filled_lots
            outcomes.append(
                new(OrderCancelled, (number, participant.account, market.name, side, None, left_lots, reason))
            )
        if makers:
            _report_balances(outcomes, participant, makers, side)

    def _rest(
        self,
        command: PlaceOrder,
        market: Market,
        participant: Participant,
        taker: Taker | None,
        outcomes: list[Outcome],
    ) -> Balance:
        """Puts a limit order, or what its taking has left of it, into the book; returns the balance that now holds."""
        price_ticks, quantity_lots = command.price_ticks, command.quantity_lots
        if price_ticks is None or quantity_lots is None:
            raise InvariantBroken(f"order {self.seq} cannot rest without price and quantity")
        side = command.side
        order = Order(self.seq, participant, market.name, side, price_ticks, quantity_lots, self.at_us)
        if taker is not None:
            order.remaining_lots = quantity_lots - taker.filled_lots
            order.filled_quote_atoms = taker.quote_atoms
            order.fee_ppm_sum = taker.fee_ppm_sum
        if side == "buy":
            balance = participant.quote
            market.book.bids.append(order)
        else:
            balance = participant.base
            market.book.asks.append(order)
        balance.hold(market.hold_atoms(order))
        self.open_orders.add(order)
        outcomes.append(
            new(OrderRested, (self.seq, participant.account, market.name, side, price_ticks, order.remaining_lots))
        )
        return balance


def _whole_refusal(command: PlaceOrder, opposite: BookSide, limit_rank: int) -> Reason | None:
    """Why a fill-or-kill order cannot be filled whole now; None if it can."""
    quantity_lots = command.quantity_lots or 0
    lots, _, met_own = preview(opposite, command.account, quantity_lots, limit_rank)
    if met_own:
        return Reason.SELF_TRADE
    return None if lots == quantity_lots else Reason.NOT_FILLED_WHOLE


def _is_funded(
    command: PlaceOrder,
    market: Market,
    participant: Participant,
    opposite: BookSide,
    limit_rank: int,
    may_take: bool,
) -> bool:
    """Whether the account has available what the order can cost at the most.

    A buy at a limit that may take: its value and the higher of both fees, for it may rest as well; else the maker's fee.
    A buy at the market by quantity: exactly what the book would charge it now.
    """
    if command.budget_atoms is not None:
        return command.budget_atoms <= participant.quote.available_atoms
    quantity_lots = command.quantity_lots or 0
    if command.side == "sell":
        return sell_hold_atoms(quantity_lots, market.lot_atoms) <= participant.base.available_atoms
    if command.type == "limit":
        value_atoms = (command.price_ticks or 0) * quantity_lots * market.tick_lot_atoms
        rate_ppm = participant.higher_ppm if may_take else participant.maker_ppm
    else:
        _, tick_lots, _ = preview(opposite, command.account, quantity_lots, limit_rank)
        value_atoms = tick_lots * market.tick_lot_atoms
        rate_ppm = participant.taker_ppm
    return buy_hold_atoms(value_atoms, rate_ppm, 0) <= participant.quote.available_atoms


def _cancelled(order: Order) -> OrderCancelled:
    return new(
        OrderCancelled,
        (
            order.number,
            order.account,
            order.market,
            order.side,
            order.price_ticks,
            order.remaining_lots,
            USER_CANCELLED,
        ),
    )


def _balance_changed(balance: Balance) -> BalanceChanged:
    return new(BalanceChanged, (balance.account, balance.asset, balance.available_atoms, balance.held_atoms))


def _report_balances(outcomes: list[Outcome], taker: Participant, makers: list[Participant], taker_side: str) -> None:
    """What trades changed: the taker's two balances, then each maker's; of each first what it paid with."""
    if taker_side == "buy":
        outcomes.append(_balance_changed(taker.quote))
        outcomes.append(_balance_changed(taker.base))
        for maker in makers:
            outcomes.append(_balance_changed(maker.base))
            outcomes.append(_balance_changed(maker.quote))
    else:
        outcomes.append(_balance_changed(taker.base))
        outcomes.append(_balance_changed(taker.quote))
        for maker in makers:
            outcomes.append(_balance_changed(maker.quote))
            outcomes.append(_balance_changed(maker.base))
