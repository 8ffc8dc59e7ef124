"""Plain orders: limit and market orders that ask for nothing but what most do, and their cancelling.

Most commands end here in one step: an order comes to rest, or leaves the book, and one balance changes. What that takes is
written out where elsewhere it would be calls, for the engine's speed is made of it. All else goes the general way below.

A plain order's header says all that it asks for but its account, size and price; packed commands begin with it. Lowest byte
PLACE, then flags and the time in force, in the upper half the market's number.
"""

from typing import Final

from .accounts import Accounts
from .commands import PlaceOrder
from .errors import InvariantBroken
from .fees import PPM, ROUND_UP, cost_atoms
from .market import Market
from .matching import Matcher
from .open_orders import OpenOrders
from .order_book import NEWEST, Order
from .order_checks import (
    FOK,
    GTC,
    IOC,
    MAXIMUM_NOTIONAL_ATOMS,
    MAXIMUM_PRICE_TICKS,
    MAXIMUM_QUANTITY_LOTS,
    plain_refusal,
)
from .outcomes import CommandRejected, Reason
from .participant import Participant
from .placing import Placing
from .preview import breaks, market_cost_atoms, whole_refusal
from .taker import Taker, limit_rank

PLACE: Final = 1
CANCEL: Final = 2
IS_BUY: Final = 1 << 8
IS_MARKET: Final = 1 << 9
BY_BUDGET: Final = 1 << 10
IS_POST_ONLY: Final = 1 << 11
TIME_IN_FORCE_SHIFT: Final = 12
MARKET_SHIFT: Final = 32

SIDES: Final = {"buy": PLACE | IS_BUY, "sell": PLACE}
LIMIT_KINDS: Final = {
    ("GTC", "none"): GTC << TIME_IN_FORCE_SHIFT,
    ("GTC", "reject"): GTC << TIME_IN_FORCE_SHIFT | IS_POST_ONLY,
    ("IOC", "none"): IOC << TIME_IN_FORCE_SHIFT,
    ("FOK", "none"): FOK << TIME_IN_FORCE_SHIFT,
}
MARKET_KINDS: Final = {"IOC": IOC << TIME_IN_FORCE_SHIFT | IS_MARKET, "FOK": FOK << TIME_IN_FORCE_SHIFT | IS_MARKET}

TOO_MANY_ORDERS: Final = Reason.TOO_MANY_ORDERS
WOULD_TAKE: Final = Reason.WOULD_TAKE
INSUFFICIENT_FUNDS: Final = Reason.INSUFFICIENT_FUNDS
SELF_TRADE: Final = Reason.SELF_TRADE
PRICE_BAND: Final = Reason.PRICE_BAND
CIRCUIT_BREAKER: Final = Reason.CIRCUIT_BREAKER
IMMEDIATE_OR_CANCEL: Final = Reason.IMMEDIATE_OR_CANCEL
USER_CANCELLED: Final = Reason.USER_CANCELLED
UNKNOWN_ORDER: Final = CommandRejected(Reason.UNKNOWN_ORDER)


def plain_header(order: PlaceOrder) -> int:
    """The header of a plain order, its market aside; 0: it asks for more, or its fields make no order."""
    quantity, price, budget, time_in_force = (
        order.quantity_lots,
        order.price_ticks,
        order.budget_atoms,
        order.time_in_force,
    )
    if order.options is not None:
        return 0
    if order.type == "limit":
        kind = LIMIT_KINDS.get((time_in_force, order.post_only))
        if kind is None or quantity is None or price is None or budget is not None or quantity < 1 or price < 1:
            return 0
    else:
        kind = MARKET_KINDS.get(time_in_force)
        if order.type != "market" or kind is None or order.post_only != "none" or (price is not None and price < 1):
            return 0
        if budget is not None:
            if quantity is not None or budget < 1 or order.side != "buy" or time_in_force != "IOC":
                return 0
            kind |= BY_BUDGET
        elif quantity is None or quantity < 1:
            return 0
    return SIDES[order.side] | kind


class Kind:
    """What a header says, and what goes with it."""

    __slots__ = (
        "by_budget",
        "is_buy",
        "is_limit",
        "is_post_only",
        "market",
        "may_rest",
        "opposite",
        "same",
        "time_in_force",
    )

    def __init__(self, header: int, market: Market) -> None:
        self.market = market
        self.is_buy = header & IS_BUY != 0
        self.is_limit = header & IS_MARKET == 0
        self.by_budget = header & BY_BUDGET != 0
        self.is_post_only = header & IS_POST_ONLY != 0
        self.time_in_force = header >> TIME_IN_FORCE_SHIFT & 3
        self.may_rest = self.time_in_force == GTC
        self.same = market.book.same(self.is_buy)
        self.opposite = market.book.opposite(self.is_buy)


class PlainOrders:
    """Shares its parts with the engine."""

    __slots__ = ("_accounts", "_kinds", "_markets", "_matcher", "_orders", "_placing")

    def __init__(
        self,
        orders: OpenOrders,
        matcher: Matcher,
        accounts: Accounts,
        placing: Placing,
        markets: dict[str, Market],
    ) -> None:
        self._orders = orders
        self._matcher = matcher
        self._accounts = accounts
        self._placing = placing
        self._markets = markets
        self._kinds: dict[int, Kind] = {}

    def place(self, header: int, account: int, size: int, limit_ticks: int) -> bool:
        """Places an order of that header; its number is the event's. ``size``: lots, or the budget. 0: no limit.

        Says whether the event is over with that.
        """
        kind = self._kinds.get(header)
        if kind is None:
            kind = self._kind(header)
        orders, market = self._orders, kind.market
        participant = market.participants.get(account)
        if (
            kind.may_rest
            and participant is not None
            and market.is_simple
            and orders.is_quiet
            and participant.open_count < market.maximum_open_orders
            and market.minimum_lots <= size <= MAXIMUM_QUANTITY_LOTS
            and limit_ticks <= MAXIMUM_PRICE_TICKS
        ):
            value_atoms = limit_ticks * size * market.tick_lot_atoms
            if kind.is_buy:
                rank = limit_ticks
                balance = participant.quote
                held_atoms = value_atoms + (participant.rates.hold_ppm * value_atoms + ROUND_UP) // PPM
            else:
                rank = -limit_ticks
                balance = participant.base
                held_atoms = size * market.lot_atoms
            best = kind.opposite.best
            if (
                (best is None or best.rank < -rank)
                and held_atoms <= balance.available_atoms
                and market.minimum_notional_atoms <= value_atoms <= MAXIMUM_NOTIONAL_ATOMS
            ):
                number = orders.seq
                order = Order(number, participant, kind.is_buy, limit_ticks, size, orders.at_us)
                if kind.is_post_only:
                    order.is_post_only = True
                same = kind.same
                level = same.by_rank.get(rank)
                if level is None:
                    level = same.open_level(rank, order)
                else:
                    tail = level.tail
                    tail.next = order
                    order.previous = tail
                    level.tail = order
                order.level = level
                level.lots += size
                participant.orders[number] = order
                participant.open_count += 1
                balance.available_atoms -= held_atoms
                balance.held_atoms += held_atoms
                orders.out.placed(order, balance)
                return True
        self._place(kind, account, size, limit_ticks)
        return False

    def cancel(self, account: int, number: int) -> bool:
        """Cancels an open order for its account; says whether the event is over with that."""
        orders = self._orders
        order = orders.find(account, number)
        if order is None:
            orders.out.add(UNKNOWN_ORDER)
            return False
        level = order.level
        if order.special is not None or not orders.is_quiet or level is None:
            orders.close(order, USER_CANCELLED)
            return False
        participant = order.participant
        market, lots = participant.market, order.remaining_lots
        if order.is_buy:
            side, balance = market.book.bids, participant.quote
            value_atoms = level.price_ticks * lots * market.tick_lot_atoms
            held_atoms = cost_atoms(value_atoms, order.rates.hold_ppm, order.fee_ppm_sum)
        else:
            side, balance = market.book.asks, participant.base
            held_atoms = lots * market.lot_atoms
        before, after = order.previous, order.next
        # It is gone for good, so nothing of it but its neighbours need know.
        if before is not None:
            level.lots -= lots
            before.next = after
            if after is not None:
                after.previous = before
            else:
                level.tail = before
        elif after is not None:
            level.lots -= lots
            after.previous = None
            level.head = after
        else:
            side.close_level(level)
        del participant.orders[number]
        participant.open_count -= 1
        balance.available_atoms += held_atoms
        balance.held_atoms -= held_atoms
        if balance.held_atoms < 0:
            raise InvariantBroken(f"order {number} releases more {balance.asset} than is held")
        orders.out.withdrawn(order, balance)
        return True

    def _kind(self, header: int) -> Kind:
        markets = list(self._markets.values())
        kind = self._kinds[header] = Kind(header, markets[header >> MARKET_SHIFT])
        return kind

    # The general way

    def _place(self, kind: Kind, account: int, size: int, limit_ticks: int) -> None:
        orders, market = self._orders, kind.market
        lots, budget_atoms = (0, size) if kind.by_budget else (size, 0)
        value_atoms = limit_ticks * lots * market.tick_lot_atoms
        reason = plain_refusal(
            market, kind.is_limit, kind.may_rest, lots, budget_atoms, limit_ticks, value_atoms, kind.is_post_only
        )
        if reason is not None:
            orders.out.rejected(orders.seq, account, market.name, reason)
            return
        participant = self._accounts.participant(account, market)
        rank = limit_rank(kind.is_buy, limit_ticks)
        best = kind.opposite.best
        crosses = best is not None and best.rank >= rank
        if kind.may_rest and (not crosses or not market.is_open):
            self._rest(kind, participant, lots, limit_ticks, value_atoms, crosses)
            return
        ppm = participant.rates.taker_ppm
        taker = Taker(orders.seq, participant, kind.is_buy, lots, budget_atoms, rank, NEWEST, ppm, 0)
        reason = self._taking_refusal(kind, taker, limit_ticks, value_atoms, crosses)
        if reason is not None:
            self._placing.reject(taker.number, participant, reason)
        else:
            self._take(kind, taker, limit_ticks)

    def _rest(
        self,
        kind: Kind,
        participant: Participant,
        lots: int,
        limit_ticks: int,
        value_atoms: int,
        crosses: bool,
    ) -> None:
        """Lets a limit order rest that takes nothing: there is nothing to take, or it is an auction."""
        orders, market, rates = self._orders, participant.market, participant.rates
        if kind.is_buy:
            balance = participant.quote
            needed_atoms = cost_atoms(value_atoms, rates.hold_ppm if market.rules >= 2 else rates.higher_ppm, 0)
        else:
            balance = participant.base
            needed_atoms = lots * market.lot_atoms
        reason: Reason | None = None
        if market.band_ppm and market.is_outside(limit_ticks, market.band_ppm, orders.at_us):
            reason = PRICE_BAND
        elif participant.open_count >= market.maximum_open_orders:
            reason = TOO_MANY_ORDERS
        elif crosses and kind.is_post_only:
            reason = WOULD_TAKE
        elif needed_atoms > balance.available_atoms:
            reason = INSUFFICIENT_FUNDS
        if reason is not None:
            orders.out.rejected(orders.seq, participant.account, market.name, reason)
            return
        order = Order(orders.seq, participant, kind.is_buy, limit_ticks, lots, orders.at_us)
        order.is_post_only = kind.is_post_only
        orders.out.accepted(order.number, participant)
        orders.rest(order)

    def _taking_refusal(
        self, kind: Kind, taker: Taker, limit_ticks: int, value_atoms: int, crosses: bool
    ) -> Reason | None:
        """Why an order that may take cannot be placed as the book, the account's orders and funds are now."""
        orders, participant = self._orders, taker.participant
        market, rates = participant.market, participant.rates
        if market.band_ppm and kind.is_limit and market.is_outside(limit_ticks, market.band_ppm, orders.at_us):
            return PRICE_BAND
        if kind.may_rest:
            if participant.open_count >= market.maximum_open_orders:
                return TOO_MANY_ORDERS
            if kind.is_post_only:
                return WOULD_TAKE
        elif kind.time_in_force == FOK:
            reason = whole_refusal(taker)
            if reason is not None:
                return reason
        if not kind.is_buy:
            needed_atoms = taker.wanted_lots * market.lot_atoms
        elif kind.is_limit:
            needed_atoms = cost_atoms(
                value_atoms, rates.higher_ppm if crosses or market.rules < 2 else rates.hold_ppm, 0
            )
        else:
            needed_atoms = taker.budget_atoms or market_cost_atoms(taker)
        balance = participant.quote if kind.is_buy else participant.base
        if needed_atoms > balance.available_atoms:
            return INSUFFICIENT_FUNDS
        return CIRCUIT_BREAKER if market.breaker_ppm and breaks(taker, orders.at_us) else None

    def _take(self, kind: Kind, taker: Taker, limit_ticks: int) -> None:
        orders, participant, number = self._orders, taker.participant, taker.number
        out, wanted_lots = orders.out, taker.wanted_lots
        out.accepted(number, participant)
        self._matcher.match(taker)
        reason = taker.stopped_by
        if reason is None:
            out.order_filled(number, participant)
        elif kind.may_rest and reason is not SELF_TRADE:
            order = Order(number, participant, kind.is_buy, limit_ticks, wanted_lots, orders.at_us)
            taker.pass_to(order)
            orders.rest(order)
        else:
            if kind.time_in_force == FOK:
                raise InvariantBroken(f"order {number} was to be filled whole, matching ended by {reason}")
            if kind.is_limit and reason is not SELF_TRADE:
                reason = IMMEDIATE_OR_CANCEL
            left_lots = -1 if taker.budget_atoms else wanted_lots - taker.filled_lots
            out.cancelled(number, participant, kind.is_buy, 0, left_lots, reason)
        if kind.market.triggers.waiting:
            self._placing.look(kind.market, taker.first_ticks, taker.last_ticks)
