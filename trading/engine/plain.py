"""Plain orders: limit and market orders that ask for nothing but what most do, and their cancelling.

Most commands end here in one step: an order comes to rest, or leaves the book, and one balance changes. What that takes is
written out where elsewhere it would be calls, for the engine's speed is made of it. All else goes the general way below.

A plain order's header says all that it asks for but its account, size and price: PLACE, flags and the time in force, and above
them the market's number. Packed commands begin with it.
"""

from typing import Final

from .accounts import Accounts
from .commands import PlaceOrder
from .consequences import Consequences
from .errors import InvariantBroken
from .fees import PPM, ROUND_UP, cost_atoms
from .market import Market
from .matching import Matcher
from .open_orders import OpenOrders
from .order_book import NEWEST, Order
from .order_checks import FOK, GTC, IOC, plain_refusal
from .outcomes import CommandRejected, Reason
from .participant import Participant
from .placing import Placing
from .preview import breaks, market_cost_atoms, whole_refusal
from .record import BOUGHT, BUY_WITHDRAWN, NARROW_LIMIT, PLACED, WITHDRAWN
from .taker import Taker, limit_rank
from .words import IS_NATIVE

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
    """What a header says, and what goes with it. ``is_simple``: a limit order that is not fill-or-kill."""

    __slots__ = (
        "by_budget",
        "is_buy",
        "is_limit",
        "is_post_only",
        "is_simple",
        "market",
        "may_rest",
        "opposite",
        "participants",
        "placed_word",
        "same",
        "time_in_force",
    )

    def __init__(self, header: int, market: Market) -> None:
        self.market = market
        self.participants = market.participants
        self.is_buy = header & IS_BUY != 0
        self.is_limit = header & IS_MARKET == 0
        self.by_budget = header & BY_BUDGET != 0
        self.is_post_only = header & IS_POST_ONLY != 0
        self.time_in_force = header >> TIME_IN_FORCE_SHIFT & 3
        self.may_rest = self.time_in_force == GTC
        self.is_simple = self.is_limit and self.time_in_force != FOK
        self.same = market.book.same(self.is_buy)
        self.opposite = market.book.opposite(self.is_buy)
        self.placed_word = market.word | (BOUGHT if self.is_buy else PLACED)


class PlainOrders:
    """Shares its parts with the engine."""

    __slots__ = ("_accounts", "_consequences", "_kinds", "_markets", "_matcher", "_orders", "_placing", "_words")

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
        self._words = orders.record.words
        self._matcher = matcher
        self._accounts = accounts
        self._placing = placing
        self._consequences = consequences
        self._markets = markets
        self._kinds: list[Kind | None] = []
        """By header, as far as there were orders of them."""

    def place(self, header: int, at_us: int, account: int, size: int, limit_ticks: int) -> None:
        """The next event: places an order of that header. ``size``: lots, or the budget. ``limit_ticks`` 0: no limit.

        Raises InvariantBroken.
        """
        orders = self._orders
        if orders.at_us <= at_us < orders.timers.next_us:
            number = orders.seq = orders.seq + 1
            orders.at_us = at_us
        else:
            number = self._consequences.begin(at_us)
        kind = self._kinds[header]
        if kind is None:
            kind = self._kind(header)
        market = kind.market
        participant = kind.participants.get(account)
        value_atoms = limit_ticks * size * market.tick_lot_atoms
        if (
            participant is None
            or not market.is_simple
            or not kind.is_simple
            or size < market.minimum_lots
            or not market.minimum_notional_atoms <= value_atoms <= market.simple_notional_atoms
        ):
            self._place(kind, account, size, limit_ticks)
            self._consequences.finish()
            return
        best = kind.opposite.best
        if kind.is_buy:
            crosses = best is not None and best.price_ticks <= limit_ticks
            rank, balance = limit_ticks, participant.quote
            held_atoms = value_atoms + (participant.rates.hold_ppm * value_atoms + ROUND_UP) // PPM
        else:
            crosses = best is not None and best.price_ticks >= limit_ticks
            rank, balance = -limit_ticks, participant.base
            held_atoms = size * market.lot_atoms
        available_atoms = balance.available_atoms - held_atoms
        if (
            crosses
            or not kind.may_rest
            or not orders.is_quiet
            or available_atoms < 0
            or participant.open_count >= market.maximum_open_orders
        ):
            self._take_simple(kind, participant, size, limit_ticks, value_atoms, crosses)
            self._consequences.finish()
            return
        order = Order(number, participant, kind.is_buy, limit_ticks, size, at_us)
        if kind.is_post_only:
            order.is_post_only = True
        level = kind.same.by_rank.get(rank)
        if level is None:
            level = kind.same.open_level(rank, order)
        else:
            tail = level.tail
            tail.next = order
            order.previous = tail
            level.tail = order
        order.level = level
        level.lots += size
        orders.by_number[number] = order
        last = participant.last_order
        if last is not None:
            last.own_next = order
            order.own_previous = last
        participant.last_order = order
        participant.open_count += 1
        balance.available_atoms = available_atoms
        held_atoms = balance.held_atoms = balance.held_atoms + held_atoms
        words = (kind.placed_word, number, account, limit_ticks, size, available_atoms, held_atoms)
        if available_atoms >= NARROW_LIMIT or held_atoms >= NARROW_LIMIT:
            orders.record.alone(order, balance, True)
        elif IS_NATIVE:
            self._words.put_7(words)
        else:
            self._words.list.extend(words)

    def cancel(self, at_us: int, account: int, number: int) -> None:
        """The next event: cancels an order for its account. Raises InvariantBroken."""
        orders = self._orders
        if orders.at_us <= at_us < orders.timers.next_us:
            orders.seq += 1
            orders.at_us = at_us
        else:
            self._consequences.begin(at_us)
        order = orders.by_number.get(number)
        level = None if order is None else order.level
        if order is None or level is None or order.special is not None or not orders.is_quiet:
            self.cancel_in_event(account, number)
            self._consequences.finish()
            return
        participant = order.participant
        if participant.account != account:
            orders.record.add(UNKNOWN_ORDER)
            self._consequences.finish()
            return
        market, lots, price_ticks = participant.market, order.remaining_lots, order.price_ticks
        if order.is_buy:
            side, balance, header = market.book.bids, participant.quote, BUY_WITHDRAWN
            value_atoms = price_ticks * lots * market.tick_lot_atoms
            freed_atoms = cost_atoms(value_atoms, order.rates.hold_ppm, order.fee_ppm_sum)
        else:
            side, balance, header = market.book.asks, participant.base, WITHDRAWN
            freed_atoms = lots * market.lot_atoms
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
        del orders.by_number[number]
        participant.delist(order)
        available_atoms = balance.available_atoms = balance.available_atoms + freed_atoms
        held_atoms = balance.held_atoms = balance.held_atoms - freed_atoms
        if held_atoms < 0:
            raise InvariantBroken(f"order {number} releases more {balance.asset} than is held")
        words = (market.word + header, number, account, price_ticks, lots, available_atoms, held_atoms)
        if available_atoms >= NARROW_LIMIT or held_atoms >= NARROW_LIMIT:
            orders.record.alone(order, balance, False)
        elif IS_NATIVE:
            self._words.put_7(words)
        else:
            self._words.list.extend(words)

    # The general way

    def place_in_event(self, header: int, account: int, size: int, limit_ticks: int) -> None:
        """Places an order of that header as a part of the running event."""
        self._place(self._kinds[header] or self._kind(header), account, size, limit_ticks)

    def cancel_in_event(self, account: int, number: int) -> None:
        """Cancels an order for its account as a part of the running event."""
        order = self._orders.find(account, number)
        if order is None:
            self._orders.record.add(UNKNOWN_ORDER)
        else:
            self._orders.close(order, USER_CANCELLED)

    def list_market(self) -> None:
        """There is one more market."""
        self._kinds.extend([None] * (1 << MARKET_SHIFT))

    def _kind(self, header: int) -> Kind:
        kind = self._kinds[header] = Kind(header, self._markets[header >> MARKET_SHIFT])
        return kind

    def _take_simple(
        self, kind: Kind, participant: Participant, lots: int, limit_ticks: int, value_atoms: int, crosses: bool
    ) -> None:
        """Lets a limit order take what it can, if nothing but its cost may speak against it."""
        market, rates = kind.market, participant.rates
        if (
            (kind.may_rest and (not crosses or participant.open_count >= market.maximum_open_orders))
            or kind.is_post_only
            or market.breaker_ppm
        ):
            self._place(kind, participant.account, lots, limit_ticks)
            return
        if kind.is_buy:
            rank, balance = -limit_ticks, participant.quote
            ppm = rates.higher_ppm if crosses else rates.hold_ppm
            needed_atoms = value_atoms + (ppm * value_atoms + ROUND_UP) // PPM
        else:
            rank, balance = limit_ticks, participant.base
            needed_atoms = lots * market.lot_atoms
        if needed_atoms > balance.available_atoms:
            self._orders.record.rejected(self._orders.seq, participant.account, market.name, INSUFFICIENT_FUNDS)
            return
        taker = Taker(self._orders.seq, participant, kind.is_buy, lots, 0, rank, NEWEST, rates.taker_ppm, 0)
        self._take(kind, taker, limit_ticks)

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
        order = Order(orders.seq, participant, kind.is_buy, limit_ticks, lots, orders.at_us)
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
        orders, participant, number = self._orders, taker.participant, taker.number
        record, wanted_lots = orders.record, taker.wanted_lots
        record.accepted(number, participant)
        self._matcher.match(taker)
        reason = taker.stopped_by
        if reason is None:
            record.order_filled(number, participant)
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
            record.cancelled(number, participant, kind.is_buy, 0, left_lots, reason)
        if kind.market.triggers.waiting:
            self._placing.look(kind.market, taker.first_ticks, taker.last_ticks)
