"""Placing orders: from the checks to where an order ends, rests or waits. What an event sets off is placed here as well."""

from typing import Final

from .balances import Balances
from .commands import Leg, Options, PlaceOrder
from .errors import InvariantBroken
from .fees import PPM, ROUND_UP, cost_atoms
from .holds import hold_atoms, is_limit_type, waiting_hold_atoms
from .market import MAXIMUM_PEGGED_ORDERS, Market
from .matching import Matcher, Preview, Taker
from .numbers import leg_number
from .open_orders import Ended, OpenOrders, Triggered
from .order_book import NEWEST, PREVENTIONS, Order, Special
from .order_checks import (
    FOK,
    GTC,
    INVALID_ORDER,
    MAXIMUM_NOTIONAL_ATOMS,
    MAXIMUM_PRICE_TICKS,
    MAXIMUM_QUANTITY_LOTS,
    NO_OPTIONS,
    TRIGGER_TYPES,
    is_plain,
    leg_refusal,
    plain_refusal,
    plain_time_in_force,
    special_refusal,
)
from .outcomes import LegPlaced, MarketStateChanged, OrderRepriced, OrderTriggered, OrderWaiting, Reason
from .participant import Participant
from .pegs import target_ticks
from .rules import FIRST

NO_LIMIT_RANK: Final = -MAXIMUM_PRICE_TICKS - 1

TOO_MANY_ORDERS: Final = Reason.TOO_MANY_ORDERS
WOULD_TAKE: Final = Reason.WOULD_TAKE
NOT_FILLED_WHOLE: Final = Reason.NOT_FILLED_WHOLE
INSUFFICIENT_FUNDS: Final = Reason.INSUFFICIENT_FUNDS
SELF_TRADE: Final = Reason.SELF_TRADE
PRICE_BAND: Final = Reason.PRICE_BAND
CIRCUIT_BREAKER: Final = Reason.CIRCUIT_BREAKER
IMMEDIATE_OR_CANCEL: Final = Reason.IMMEDIATE_OR_CANCEL


class Placing:
    """Shares its parts with the engine. ``fee_tiers`` and ``owners`` by account; ``rules``: see ``rules``."""

    __slots__ = ("_balances", "_matcher", "_orders", "fee_tiers", "markets", "owners", "rules")

    def __init__(self, orders: OpenOrders, matcher: Matcher, balances: Balances) -> None:
        self._orders = orders
        self._matcher = matcher
        self._balances = balances
        self.markets: dict[str, Market] = {}
        self.fee_tiers: dict[int, int] = {}
        self.owners: dict[int, int] = {}
        self.rules = FIRST

    def place(self, command: PlaceOrder) -> bool:
        """Places the order of a command; its number is the event's. Says whether the event is over with that."""
        orders = self._orders
        market = self.markets.get(command.market)
        if market is None:
            orders.out.rejected(orders.seq, command.account, command.market, Reason.UNKNOWN_MARKET)
            return False
        account, side, post_only = command.account, command.side, command.post_only
        if account <= 0 or (side != "buy" and side != "sell"):
            orders.out.rejected(orders.seq, account, market.name, INVALID_ORDER)
        elif is_plain(command):
            time_in_force = plain_time_in_force(command)
            if time_in_force < 0:
                orders.out.rejected(orders.seq, account, market.name, INVALID_ORDER)
                return False
            return self.place_plain(
                account,
                market,
                side == "buy",
                command.type == "limit",
                time_in_force,
                command.quantity_lots or 0,
                command.budget_atoms or 0,
                command.price_ticks or 0,
                post_only != "none",
            )
        else:
            self._place_special(command, command.options or NO_OPTIONS, market)
        return False

    def participant(self, account: int, market: Market) -> Participant:
        participant = market.participants.get(account)
        if participant is not None:
            return participant
        owner, tier = self.owners.get(account, account), self.fee_tiers.get(account, 0)
        return market.join(account, owner, self._balances, tier)

    # Plain orders

    def place_plain(
        self,
        account: int,
        market: Market,
        is_buy: bool,
        is_limit: bool,
        time_in_force: int,
        lots: int,
        budget_atoms: int,
        limit_ticks: int,
        is_post_only: bool,
    ) -> bool:
        """Places an order that asks for nothing but what most do. Its shape has been checked. 0: not given.

        Says whether the event is over with that.
        """
        orders = self._orders
        participant = market.participants.get(account)
        value_atoms = limit_ticks * lots * market.tick_lot_atoms
        best = market.book.asks.best if is_buy else market.book.bids.best
        crosses = best is not None and (best.price_ticks <= limit_ticks if is_buy else best.price_ticks >= limit_ticks)
        if (
            time_in_force == GTC
            and not crosses
            and orders.is_quiet
            and market.is_simple
            and participant is not None
            and self.rules >= 2
            and participant.open_count < market.maximum_open_orders
            and limit_ticks <= MAXIMUM_PRICE_TICKS
            and market.minimum_lots <= lots <= MAXIMUM_QUANTITY_LOTS
            and market.minimum_notional_atoms <= value_atoms <= MAXIMUM_NOTIONAL_ATOMS
        ):
            # What most commands are, in one step: a limit order that rests, and all that it changes is one balance.
            if is_buy:
                balance = participant.quote
                held_atoms = value_atoms + (participant.rates.hold_ppm * value_atoms + ROUND_UP) // PPM
            else:
                balance = participant.base
                held_atoms = lots * market.lot_atoms
            if held_atoms <= balance.available_atoms:
                order = Order(orders.seq, participant, is_buy, limit_ticks, lots, orders.at_us)
                if is_post_only:
                    order.is_post_only = True
                orders.rest_alone(order, balance, held_atoms)
                return True
        number = orders.seq
        reason = plain_refusal(
            market, is_limit, time_in_force, lots, budget_atoms, limit_ticks, value_atoms, is_post_only
        )
        if reason is not None:
            orders.out.rejected(number, account, market.name, reason)
            return False
        if participant is None:
            participant = self.participant(account, market)
        if is_limit and time_in_force == GTC and (not crosses or not market.is_open):
            self._rest_plain(participant, is_buy, lots, limit_ticks, value_atoms, is_post_only, crosses)
        else:
            self._take_plain(
                participant, is_buy, is_limit, time_in_force, lots, budget_atoms, limit_ticks, value_atoms, is_post_only
            )
        return False

    def _rest_plain(
        self,
        participant: Participant,
        is_buy: bool,
        lots: int,
        limit_ticks: int,
        value_atoms: int,
        is_post_only: bool,
        crosses: bool,
    ) -> None:
        """Lets a limit order rest that takes nothing: there is nothing to take, or it is an auction."""
        orders, market, rates = self._orders, participant.market, participant.rates
        if is_buy:
            balance = participant.quote
            needed_atoms = cost_atoms(value_atoms, rates.hold_ppm if self.rules >= 2 else rates.higher_ppm, 0)
        else:
            balance = participant.base
            needed_atoms = lots * market.lot_atoms
        reason: Reason | None = None
        if market.band_ppm and self._is_outside(market, limit_ticks, market.band_ppm):
            reason = PRICE_BAND
        elif participant.open_count >= market.maximum_open_orders:
            reason = TOO_MANY_ORDERS
        elif crosses and is_post_only:
            reason = WOULD_TAKE
        elif needed_atoms > balance.available_atoms:
            reason = INSUFFICIENT_FUNDS
        if reason is not None:
            orders.out.rejected(orders.seq, participant.account, market.name, reason)
            return
        order = Order(orders.seq, participant, is_buy, limit_ticks, lots, orders.at_us)
        order.is_post_only = is_post_only
        orders.out.accepted(order.number, participant)
        orders.rest(order)

    def _take_plain(
        self,
        participant: Participant,
        is_buy: bool,
        is_limit: bool,
        time_in_force: int,
        lots: int,
        budget_atoms: int,
        limit_ticks: int,
        value_atoms: int,
        is_post_only: bool,
    ) -> None:
        orders, market = self._orders, participant.market
        number = orders.seq
        reason = self._taking_refusal(
            participant, is_buy, is_limit, time_in_force, lots, budget_atoms, limit_ticks, value_atoms, is_post_only
        )
        if reason is not None:
            self._reject(number, participant, reason)
            return
        orders.out.accepted(number, participant)
        rank = limit_rank(is_buy, limit_ticks)
        taker = Taker(number, participant, is_buy, lots, budget_atoms, rank, NEWEST, participant.rates, 0)
        self._matcher.match(taker)
        reason = taker.stopped_by
        if reason is None:
            orders.out.order_filled(number, participant)
        elif time_in_force == GTC and reason is not SELF_TRADE:
            order = Order(number, participant, is_buy, limit_ticks, lots, orders.at_us)
            _take_over(order, taker)
            orders.rest(order)
        else:
            if time_in_force == FOK:
                raise InvariantBroken(f"order {number} was to be filled whole, matching ended by {reason}")
            if is_limit and reason is not SELF_TRADE:
                reason = IMMEDIATE_OR_CANCEL
            left_lots = -1 if budget_atoms else lots - taker.filled_lots
            orders.out.cancelled(number, participant, is_buy, 0, left_lots, reason)
        self.look(market, taker.first_ticks, taker.last_ticks)

    def _taking_refusal(
        self,
        participant: Participant,
        is_buy: bool,
        is_limit: bool,
        time_in_force: int,
        lots: int,
        budget_atoms: int,
        limit_ticks: int,
        value_atoms: int,
        is_post_only: bool,
    ) -> Reason | None:
        """Why an order that may take cannot be placed as the book, the account's orders and funds are now."""
        market, rates = participant.market, participant.rates
        crosses = meets(market, is_buy, limit_ticks)
        if is_limit and market.band_ppm and self._is_outside(market, limit_ticks, market.band_ppm):
            return PRICE_BAND
        if time_in_force == GTC:
            if participant.open_count >= market.maximum_open_orders:
                return TOO_MANY_ORDERS
            if is_post_only:
                return WOULD_TAKE
        elif time_in_force == FOK:
            reason = _whole_refusal(participant, is_buy, lots, limit_ticks)
            if reason is not None:
                return reason
        if budget_atoms:
            needed_atoms = budget_atoms
        elif not is_buy:
            needed_atoms = lots * market.lot_atoms
        elif is_limit:
            needed_atoms = cost_atoms(value_atoms, rates.higher_ppm if crosses or self.rules < 2 else rates.hold_ppm, 0)
        else:
            needed_atoms = _market_cost_atoms(participant, lots, limit_ticks, NEWEST)
        balance = participant.quote if is_buy else participant.base
        if needed_atoms > balance.available_atoms:
            return INSUFFICIENT_FUNDS
        if market.breaker_ppm and self._breaks(
            participant, is_buy, lots, budget_atoms, limit_ticks, NEWEST, rates.taker_ppm, 0
        ):
            return CIRCUIT_BREAKER
        return None

    # Orders with options

    def _place_special(self, command: PlaceOrder, options: Options, market: Market) -> None:
        orders = self._orders
        reason = special_refusal(command, options, market, orders.at_us)
        if reason is not None:
            orders.out.rejected(orders.seq, command.account, market.name, reason)
            return
        participant = self.participant(command.account, market)
        order = special_order(orders.seq, participant, command, options, orders.at_us)
        special = _special_of(order)
        is_fok, immediate = command.time_in_force == "FOK", command.time_in_force in ("IOC", "FOK")
        reprices = command.post_only == "reprice"
        leg = options.oco
        reason = self._special_refusal(order, special, immediate, is_fok, reprices, leg)
        if reason is not None:
            self._reject(order.number, participant, reason)
            return
        self._start(order, special, immediate)
        if leg is not None:
            self._tell_leg(leg, order, 1, order.is_buy, order.quantity_lots, order.number)
            self._place_other(order, special, leg, leg_number(order.number, 1), order.quantity_lots)

    def refusal_at(self, order: Order, special: Special, command: PlaceOrder, at_us: int) -> Reason | None:
        """Why the order could not be placed now, if it were that time."""
        orders = self._orders
        now_us, orders.at_us = orders.at_us, at_us
        is_fok, immediate = command.time_in_force == "FOK", command.time_in_force in ("IOC", "FOK")
        leg = None if command.options is None else command.options.oco
        reason = self._special_refusal(order, special, immediate, is_fok, command.post_only == "reprice", leg)
        orders.at_us = now_us
        return reason

    def _special_refusal(
        self, order: Order, special: Special, immediate: bool, is_fok: bool, reprices: bool, other: Leg | None
    ) -> Reason | None:
        """Why the order cannot be placed as things are now. ``other``: its OCO leg. Gives a repriced order its price."""
        participant, market = order.participant, order.participant.market
        is_plain_limit = special.type == "limit" and special.peg == "none"
        if market.band_ppm and is_plain_limit and self._is_outside(market, order.price_ticks, market.band_ppm):
            return PRICE_BAND
        if special.type in TRIGGER_TYPES or not immediate:
            room = market.maximum_open_orders - participant.open_count
            if room < (1 if other is None else 2):
                return TOO_MANY_ORDERS
            if special.peg != "none" and len(market.pegged) >= MAXIMUM_PEGGED_ORDERS:
                return TOO_MANY_ORDERS
        crosses = is_plain_limit and market.state != "auction" and meets(market, order.is_buy, order.price_ticks)
        if crosses and order.is_post_only:
            if not reprices or not _step_back(order):
                return WOULD_TAKE
            crosses = False
        if is_fok:
            reason = _whole_refusal(participant, order.is_buy, order.quantity_lots, order.price_ticks)
            if reason is not None:
                return reason
        needed_atoms = self._needed_atoms(order, special, crosses)
        if other is not None:
            needed_atoms = max(needed_atoms, self._leg_hold_atoms(other, order))
        if needed_atoms > participant.holding(order.is_buy).available_atoms:
            return INSUFFICIENT_FUNDS
        takes = crosses or special.type == "market" or (immediate and special.type == "limit")
        return CIRCUIT_BREAKER if takes and self.breaks(order, special) else None

    def _needed_atoms(self, order: Order, special: Special, crosses: bool) -> int:
        """What must be available for the order to be accepted."""
        participant, market = order.participant, order.participant.market
        if special.type == "market":
            if special.budget_atoms:
                return special.budget_atoms
            if order.is_buy:
                return _market_cost_atoms(participant, order.remaining_lots, order.price_ticks, special.prevention)
            return order.remaining_lots * market.lot_atoms
        if not order.is_buy or special.type != "limit" or special.peg != "none":
            return hold_atoms(order)
        rates = order.rates
        rate_ppm = rates.higher_ppm if crosses or self.rules < 2 else rates.hold_ppm
        return cost_atoms(order.price_ticks * order.remaining_lots * market.tick_lot_atoms, rate_ppm, 0)

    def _leg_hold_atoms(self, leg: Leg, order: Order) -> int:
        other = _leg_order(0, order.participant, order.is_buy, leg, order.quantity_lots, 0, False, 0)
        return waiting_hold_atoms(other, _special_of(other))

    def _start(self, order: Order, special: Special, immediate: bool) -> None:
        """Accepts a checked order, and lets it wait, follow its peg, or act."""
        orders = self._orders
        market = order.participant.market
        orders.out.accepted(order.number, order.participant)
        if special.type == "market":
            special.type = "limit"
            self.act(order, False, True)
        elif special.type != "limit":
            self._wait(order, special)
        elif special.peg != "none":
            self._follow_peg(order, special, market)
        else:
            if special.limit_ticks:
                self._tell_repriced(order)
            self.act(order, True, immediate)

    def _tell_repriced(self, order: Order) -> None:
        market = order.participant.market
        self._orders.out.add(
            OrderRepriced(
                order.number, order.account, market.name, order.side, None, order.price_ticks, order.remaining_lots
            )
        )

    def _follow_peg(self, order: Order, special: Special, market: Market) -> None:
        orders = self._orders
        order.price_ticks = target_ticks(order, special, market)
        if order.price_ticks:
            orders.rest(order)
            return
        orders.enlist(order)
        orders.hold_for(order)
        orders.out.add(OrderWaiting(order.number, order.account, market.name, order.side, None))

    def _wait(self, order: Order, special: Special) -> None:
        """Lets an order wait for a trade that triggers it; the last one may have."""
        orders = self._orders
        market = order.participant.market
        orders.enlist(order)
        orders.hold_for(order)
        trigger_ticks = special.trigger_ticks or None
        orders.out.add(OrderWaiting(order.number, order.account, market.name, order.side, trigger_ticks))
        if special.type == "trailing_stop" and not special.trigger_ticks:
            special.is_active = True
            special.extreme_ticks = market.last_ticks
        market.triggers.add(order, special)
        self.look_at(order, special)

    def look_at(self, order: Order, special: Special) -> None:
        """Looks at the last price for this waiting order alone, if its market is open."""
        market = order.participant.market
        if market.is_open and market.last_ticks and market.triggers.take_one(order, special, market.last_ticks):
            self._orders.queue.append(Triggered(order.number, market.last_ticks))

    # Acting

    def act(self, order: Order, is_limit: bool, immediate: bool) -> None:
        """Matches an order that is in no book as far as it goes; what is left of it rests or is cancelled."""
        orders = self._orders
        participant = order.participant
        market = participant.market
        if not immediate and not (market.is_open and meets(market, order.is_buy, order.price_ticks)):
            orders.rest(order)
            return
        special = order.special
        taker = Taker(
            order.number,
            participant,
            order.is_buy,
            order.remaining_lots,
            0 if special is None else special.budget_atoms,
            limit_rank(order.is_buy, order.price_ticks),
            NEWEST if special is None else special.prevention,
            order.rates,
            order.fee_ppm_sum,
        )
        self._matcher.match(taker)
        _take_over(order, taker)
        if taker.filled_lots:
            order.updated_at_us = orders.at_us
        reason = taker.stopped_by
        if reason is None:
            orders.end(order)
            orders.out.order_filled(order.number, participant)
        elif is_limit and not immediate and reason is not SELF_TRADE:
            orders.rest(order)
        else:
            if is_limit and reason is not SELF_TRADE:
                reason = IMMEDIATE_OR_CANCEL
            orders.end(order)
            left_lots = -1 if taker.budget_atoms else order.remaining_lots
            orders.out.cancelled(order.number, participant, order.is_buy, 0, left_lots, reason)
        if special is not None and order.level is None:
            orders.follow(order, special)
        self.look(market, taker.first_ticks, taker.last_ticks)

    def look(self, market: Market, first_ticks: int, last_ticks: int) -> None:
        """Looks at the prices of some trades, of which these are the ends, for all that wait; 0: there were none."""
        if market.triggers.is_empty or first_ticks == 0:
            return
        for price_ticks in (first_ticks, last_ticks):
            for order in market.triggers.take(price_ticks):
                self._orders.queue.append(Triggered(order.number, price_ticks))

    # What was set off

    def take_turn(self, item: Triggered | Ended) -> None:
        """Does what has come to its turn in the queue."""
        if isinstance(item, Ended):
            self._place_legs(item)
            return
        order = self._orders.by_number.get(item.number)
        if order is not None and order.special is not None:
            self._trigger(order, order.special, item.price_ticks)

    def _trigger(self, order: Order, special: Special, price_ticks: int) -> None:
        orders = self._orders
        participant = order.participant
        market = participant.market
        if not market.is_open:
            market.triggers.add(order, special)
            return
        orders.unlink(special)
        orders.out.add(OrderTriggered(order.number, participant.account, market.name, price_ticks))
        orders.lift(order)
        order.updated_at_us = orders.at_us
        is_limit = is_limit_type(special.type)
        immediate = special.immediate or not is_limit
        special.extra_hold_atoms = -1
        special.type = "limit"
        takes = immediate or meets(market, order.is_buy, order.price_ticks)
        if takes and self.breaks(order, special):
            orders.end(order)
            left_lots = -1 if special.budget_atoms else order.remaining_lots
            orders.out.cancelled(order.number, participant, order.is_buy, 0, left_lots, CIRCUIT_BREAKER)
            self.close_market(market)
        else:
            self.act(order, is_limit, immediate)

    def _place_legs(self, ended: Ended) -> None:
        """Places the legs of an order that has ended, for what it has filled."""
        orders = self._orders
        participant, is_buy = ended.participant, not ended.is_buy
        market = participant.market
        numbers = [leg_number(ended.number, place) for place in range(1, len(ended.legs) + 1)]
        new = [
            _leg_order(
                number, participant, is_buy, leg, ended.lots, ended.prevention, ended.keep_on_disconnect, orders.at_us
            )
            for number, leg in zip(numbers, ended.legs, strict=True)
        ]
        for place, leg in enumerate(ended.legs, start=1):
            self._tell_leg(leg, new[0], place, is_buy, ended.lots, ended.number)
        first, special = new[0], _special_of(new[0])
        other = ended.legs[1] if len(ended.legs) == 2 else None
        reason = leg_refusal(ended.legs[0], ended.lots, market)
        if reason is None:
            reason = self._special_refusal(first, special, False, False, False, other)
        if reason is None and other is not None:
            reason = leg_refusal(other, ended.lots, market)
        if reason is not None:
            for number in numbers:
                orders.out.rejected(number, participant.account, market.name, reason)
            if reason is CIRCUIT_BREAKER:
                self.close_market(market)
            return
        self._start(first, special, False)
        if other is not None:
            self._place_other(first, special, other, numbers[1], ended.lots)

    def _tell_leg(self, leg: Leg, order: Order, place: int, is_buy: bool, lots: int, parent: int) -> None:
        self._orders.out.add(
            LegPlaced(
                leg_number(parent, place),
                parent,
                order.account,
                order.market,
                "buy" if is_buy else "sell",
                leg.type,
                lots,
                leg.price_ticks,
                leg.trigger_ticks,
                leg.trailing_ticks,
            )
        )

    def _place_other(self, order: Order, special: Special, leg: Leg, number: int, lots: int) -> None:
        """Lets the second of two OCO legs wait, if the first rests without having traded."""
        orders = self._orders
        participant = order.participant
        if order.level is None or order.filled_lots:
            orders.out.rejected(number, participant.account, order.market, Reason.ONE_CANCELS_OTHER)
            return
        other = _leg_order(
            number,
            participant,
            order.is_buy,
            leg,
            lots,
            special.prevention,
            special.keep_on_disconnect,
            orders.at_us,
        )
        other_special = _special_of(other)
        special.sibling, other_special.sibling = other, order
        other_special.extra_hold_atoms = max(0, waiting_hold_atoms(other, other_special) - hold_atoms(order))
        orders.out.accepted(number, participant)
        self._wait(other, other_special)

    # Limits of the market

    def breaks(self, order: Order, special: Special | None) -> bool:
        """Whether an order would now trade at a price that the circuit breaker does not allow."""
        prevention = NEWEST if special is None else special.prevention
        budget_atoms = 0 if special is None else special.budget_atoms
        return self._breaks(
            order.participant,
            order.is_buy,
            order.remaining_lots,
            budget_atoms,
            order.price_ticks,
            prevention,
            order.rates.taker_ppm,
            order.fee_ppm_sum,
        )

    def _breaks(
        self,
        participant: Participant,
        is_buy: bool,
        lots: int,
        budget_atoms: int,
        limit_ticks: int,
        prevention: int,
        taker_ppm: int,
        fee_ppm_sum: int,
    ) -> bool:
        market = participant.market
        if not market.breaker_ppm or not market.is_open:
            return False
        rank = limit_rank(is_buy, limit_ticks)
        found = Preview(market, participant.owner, is_buy, lots, rank, prevention, budget_atoms, taker_ppm, fee_ppm_sum)
        return found.first_ticks > 0 and (
            self._is_outside(market, found.first_ticks, market.breaker_ppm)
            or self._is_outside(market, found.last_ticks, market.breaker_ppm)
        )

    def _is_outside(self, market: Market, price_ticks: int, ppm: int) -> bool:
        return market.is_outside(price_ticks, ppm, self._orders.at_us)

    def close_market(self, market: Market) -> None:
        """The circuit breaker."""
        market.set_state("cancel_only")
        self._orders.out.add(MarketStateChanged(market.name, "cancel_only", CIRCUIT_BREAKER.value))

    def _reject(self, number: int, participant: Participant, reason: Reason) -> None:
        self._orders.out.rejected(number, participant.account, participant.market.name, reason)
        if reason is CIRCUIT_BREAKER:
            self.close_market(participant.market)


def meets(market: Market, is_buy: bool, limit_ticks: int) -> bool:
    """Whether the best opposite price is within a limit (0: none)."""
    if is_buy:
        best = market.book.asks.best
        return best is not None and (limit_ticks == 0 or best.price_ticks <= limit_ticks)
    best = market.book.bids.best
    return best is not None and best.price_ticks >= limit_ticks


def limit_rank(is_buy: bool, limit_ticks: int) -> int:
    """The worst rank of the opposite side within a limit (0: none)."""
    if limit_ticks == 0:
        return NO_LIMIT_RANK
    return -limit_ticks if is_buy else limit_ticks


def _whole_refusal(participant: Participant, is_buy: bool, lots: int, limit_ticks: int) -> Reason | None:
    """Why a fill-or-kill order cannot be filled whole now; None if it can."""
    rank = limit_rank(is_buy, limit_ticks)
    found = Preview(participant.market, participant.owner, is_buy, lots, rank, NEWEST, 0, 0, 0)
    if found.met_own:
        return SELF_TRADE
    return None if found.lots == lots else NOT_FILLED_WHOLE


def _market_cost_atoms(participant: Participant, lots: int, cap_ticks: int, prevention: int) -> int:
    """What the book would charge a market buy of so many lots now, fee included."""
    market = participant.market
    found = Preview(market, participant.owner, True, lots, limit_rank(True, cap_ticks), prevention, 0, 0, 0)
    return cost_atoms(found.tick_lots * market.tick_lot_atoms, participant.rates.taker_ppm, 0)


def _take_over(order: Order, taker: Taker) -> None:
    """What an order has got as a taker."""
    if taker.budget_atoms:
        order.quantity_lots = taker.filled_lots
        order.remaining_lots = 0
    else:
        order.quantity_lots -= taker.prevented_lots
        order.remaining_lots -= taker.prevented_lots + taker.filled_lots
    order.filled_quote_atoms += taker.quote_atoms
    order.fee_ppm_sum = taker.fee_ppm_sum


def _step_back(order: Order) -> bool:
    """Gives an order that would take the price one tick away from the touch; says whether there is one."""
    book = order.participant.market.book
    best = book.opposite(order.is_buy).best
    special = order.special
    if best is None or special is None:
        return False
    price_ticks = best.price_ticks - 1 if order.is_buy else best.price_ticks + 1
    if not 1 <= price_ticks <= MAXIMUM_PRICE_TICKS:
        return False
    special.limit_ticks = order.price_ticks
    order.price_ticks = price_ticks
    return True


def special_order(number: int, participant: Participant, command: PlaceOrder, options: Options, at_us: int) -> Order:
    """The order of a command that asks for more than most."""
    order = Order(
        number, participant, command.side == "buy", command.price_ticks or 0, command.quantity_lots or 0, at_us
    )
    order.is_post_only = command.post_only != "none"
    special = order.special = Special(command.type)
    special.budget_atoms = command.budget_atoms or 0
    special.expires_at_us = options.expires_at_us or 0
    special.prevention = PREVENTIONS.index(options.self_trade_prevention)
    special.keep_on_disconnect = options.keep_on_disconnect
    special.display_lots = options.display_lots or 0
    special.trigger_ticks = options.trigger_ticks or 0
    special.trailing_ticks = options.trailing_ticks or 0
    special.immediate = command.time_in_force == "IOC"
    special.on_fill = options.on_fill
    special.peg = options.peg
    special.peg_offset_ticks = options.peg_offset_ticks
    if options.peg != "none":
        special.limit_ticks = order.price_ticks
        order.price_ticks = 0
    return order


def _leg_order(
    number: int,
    participant: Participant,
    is_buy: bool,
    leg: Leg,
    lots: int,
    prevention: int,
    keep_on_disconnect: bool,
    at_us: int,
) -> Order:
    order = Order(number, participant, is_buy, leg.price_ticks or 0, lots, at_us)
    special = order.special = Special(leg.type)
    special.prevention = prevention
    special.keep_on_disconnect = keep_on_disconnect
    special.trigger_ticks = leg.trigger_ticks or 0
    special.trailing_ticks = leg.trailing_ticks or 0
    return order


def _special_of(order: Order) -> Special:
    if order.special is None:
        raise InvariantBroken(f"order {order.number} is a plain one")
    return order.special
