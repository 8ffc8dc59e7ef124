"""Plain orders: limit and market orders that ask for nothing but what most do, and their cancelling.

What they ask for, and the general way of them, as a part of any event. Most never come here: ``plain_loop`` ends them.

A plain order's header says all that it asks for but its account, size and price: PLACE, flags and the time in force, and above
them the market's number. Packed commands begin with it.
"""

from typing import Final

from .accounts import Accounts
from .commands import PlaceOrder
from .consequences import Consequences
from .errors import InvariantBroken
from .fees import cost_atoms
from .market import Market
from .matching import Matcher
from .open_orders import OpenOrders
from .order_book import NEWEST, new_order
from .order_checks import FOK, GTC, IOC, plain_refusal
from .outcomes import CommandRejected, Reason
from .participant import Participant
from .placing import Placing
from .preview import breaks, market_cost_atoms, whole_refusal
from .record import BOUGHT, BUY_TAKEN, PLACED, TAKEN
from .taker import Taker, limit_rank

CANCEL: Final = 0
PLACE: Final = 1
IS_BUY: Final = 1 << 1
IS_MARKET: Final = 1 << 2
BY_BUDGET: Final = 1 << 3
IS_POST_ONLY: Final = 1 << 4
TIME_IN_FORCE_SHIFT: Final = 5
MARKET_SHIFT: Final = 7

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
    side, time_in_force = order.side, order.time_in_force
    if order.options is not None or (side != "buy" and side != "sell"):
        return 0
    if order.type == "limit":
        kind = _limit_kind(order)
    elif order.type == "market":
        kind = _market_kind(order)
    else:
        return 0
    if kind == 0:
        return 0
    if time_in_force == "GTC":
        kind |= GTC << TIME_IN_FORCE_SHIFT
    elif time_in_force == "IOC":
        kind |= IOC << TIME_IN_FORCE_SHIFT
    elif time_in_force == "FOK":
        kind |= FOK << TIME_IN_FORCE_SHIFT
    else:
        return 0
    return kind | IS_BUY if side == "buy" else kind


def _limit_kind(order: PlaceOrder) -> int:
    quantity, price = order.quantity_lots, order.price_ticks
    if quantity is None or price is None or order.budget_atoms is not None or quantity < 1 or price < 1:
        return 0
    if order.post_only == "none":
        return PLACE
    return PLACE | IS_POST_ONLY if order.post_only == "reject" and order.time_in_force == "GTC" else 0


def _market_kind(order: PlaceOrder) -> int:
    quantity, cap, budget = order.quantity_lots, order.price_ticks, order.budget_atoms
    if order.post_only != "none" or order.time_in_force == "GTC" or (cap is not None and cap < 1):
        return 0
    if budget is None:
        return PLACE | IS_MARKET if quantity is not None and quantity >= 1 else 0
    is_shape = quantity is None and budget >= 1 and order.side == "buy" and order.time_in_force == "IOC"
    return PLACE | IS_MARKET | BY_BUDGET if is_shape else 0


class Kind:
    """What a header says, and what goes with it.

    ``participants``: whose orders of this kind the loop over plain commands takes; nobody's unless it is a limit order that is not
    fill-or-kill. ``most_open``: as many of an account's orders may be open before one of this kind rests; 0: it never does.
    """

    __slots__ = (
        "by_budget",
        "is_buy",
        "is_limit",
        "is_post_only",
        "levels",
        "market",
        "may_rest",
        "most_open",
        "opposite",
        "participants",
        "placed_word",
        "same",
        "taken_word",
        "takes",
        "time_in_force",
        "waiting",
    )

    def __init__(self, header: int, market: Market) -> None:
        self.market = market
        self.is_buy = header & IS_BUY != 0
        self.is_limit = header & IS_MARKET == 0
        self.by_budget = header & BY_BUDGET != 0
        self.is_post_only = header & IS_POST_ONLY != 0
        self.time_in_force = header >> TIME_IN_FORCE_SHIFT & 3
        self.may_rest = self.time_in_force == GTC
        is_simple = self.is_limit and self.time_in_force != FOK
        self.participants = market.participants if is_simple else {}
        self.most_open = market.maximum_open_orders if self.may_rest else 0
        self.same = market.book.same(self.is_buy)
        self.levels = self.same.by_price
        self.opposite = market.book.opposite(self.is_buy)
        self.placed_word = market.word | (BOUGHT if self.is_buy else PLACED)
        self.taken_word = market.word | (BUY_TAKEN if self.is_buy else TAKEN)
        self.takes = not self.is_post_only
        self.waiting = market.triggers.waiting


class PlainOrders:
    """Shares its parts with the engine."""

    __slots__ = ("_accounts", "_consequences", "_markets", "_matcher", "_orders", "_placing", "kinds")

    def __init__(
        self,
        orders: OpenOrders,
        matcher: Matcher,
        accounts: Accounts,
        placing: Placing,
        consequences: Consequences,
        markets: list[Market],
    ) -> None:
        self._orders = orders
        self._matcher = matcher
        self._accounts = accounts
        self._placing = placing
        self._consequences = consequences
        self._markets = markets
        self.kinds: list[Kind | None] = [None] * (1 << MARKET_SHIFT)
        """By header, as far as there were orders of them; room for one market more than there are."""

    def apply(self, header: int, at_us: int, account: int, size: int, limit_ticks: int) -> None:
        """The next event: places an order of that header, or cancels the one of number ``size``.

        Of an order ``size`` is its lots, or the budget; ``limit_ticks`` 0: it has no limit. Raises InvariantBroken.
        """
        self._consequences.begin(at_us)
        if header == CANCEL:
            self.cancel_in_event(account, size)
        else:
            self.place_in_event(header, account, size, limit_ticks)
        self._consequences.finish()

    def place_in_event(self, header: int, account: int, size: int, limit_ticks: int) -> None:
        """Places an order of that header as a part of the running event."""
        self._place(self.kinds[header] or self._kind(header), account, size, limit_ticks)

    def cancel_in_event(self, account: int, number: int) -> None:
        """Cancels an order for its account as a part of the running event."""
        order = self._orders.find(account, number)
        if order is None:
            self._orders.record.add(UNKNOWN_ORDER)
        else:
            self._orders.close(order, USER_CANCELLED)

    def list_market(self) -> None:
        """There is one more market."""
        self.kinds.extend([None] * (1 << MARKET_SHIFT))

    def _kind(self, header: int) -> Kind:
        kind = self.kinds[header] = Kind(header, self._markets[header >> MARKET_SHIFT])
        return kind

    def _place(self, kind: Kind, account: int, size: int, limit_ticks: int) -> None:
        orders, market = self._orders, kind.market
        lots, budget_atoms = (0, size) if kind.by_budget else (size, 0)
        value_atoms = limit_ticks * lots * market.tick_lot_atoms
        reason = plain_refusal(
            market, kind.is_limit, kind.may_rest, lots, budget_atoms, limit_ticks, value_atoms, kind.is_post_only
        )
        if reason is not None:
            orders.record.rejected(orders.seq, account, market.name, reason)
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
            orders.record.rejected(orders.seq, participant.account, market.name, reason)
            return
        order = new_order(orders.seq, participant, kind.is_buy, limit_ticks, lots, orders.at_us)
        order.is_post_only = kind.is_post_only
        orders.record.accepted(order.number, participant)
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
        self._orders.record.accepted(taker.number, taker.participant)
        self.go_on(kind, taker, limit_ticks)

    def go_on(self, kind: Kind, taker: Taker, limit_ticks: int) -> None:
        """Lets a taker of a kind that is accepted, and may have traded already, take what it still can."""
        orders, participant, number = self._orders, taker.participant, taker.number
        record, quantity_lots = orders.record, taker.wanted_lots + taker.filled_lots
        self._matcher.match(taker)
        reason = taker.stopped_by
        if reason is None:
            record.order_filled(number, participant)
        elif kind.may_rest and reason is not SELF_TRADE:
            order = new_order(number, participant, kind.is_buy, limit_ticks, quantity_lots, orders.at_us)
            taker.pass_to(order)
            orders.rest(order)
        else:
            if kind.time_in_force == FOK:
                raise InvariantBroken(f"order {number} was to be filled whole, matching ended by {reason}")
            if kind.is_limit and reason is not SELF_TRADE:
                reason = IMMEDIATE_OR_CANCEL
            left_lots = -1 if taker.budget_atoms else quantity_lots - taker.filled_lots
            record.cancelled(number, participant, kind.is_buy, 0, left_lots, reason)
        if kind.waiting:
            self._placing.look(kind.market, taker.first_ticks, taker.last_ticks)
