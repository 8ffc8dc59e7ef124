"""Placing orders that ask for more than most: from the checks to where an order ends, rests or waits.

What an event sets off acts here as well: triggered orders, and the legs that an order brings.
"""

from typing import Final

from .acceptance import refusal_now, refusal_of
from .accounts import Accounts
from .commands import Leg, Options, PlaceOrder
from .holds import hold_atoms, is_limit_type, waiting_hold_atoms
from .market import Market
from .matching import Matcher
from .new_orders import leg_order, special_of, special_order
from .numbers import leg_number
from .open_orders import Ended, OpenOrders, Triggered
from .order_book import Order, Special
from .order_checks import leg_refusal, special_refusal
from .outcomes import LegPlaced, MarketStateChanged, OrderRepriced, OrderTriggered, OrderWaiting, Reason
from .participant import Participant
from .pegs import target_ticks
from .preview import breaks
from .taker import meets, taker_of

SELF_TRADE: Final = Reason.SELF_TRADE
CIRCUIT_BREAKER: Final = Reason.CIRCUIT_BREAKER
IMMEDIATE_OR_CANCEL: Final = Reason.IMMEDIATE_OR_CANCEL


class Placing:
    """Shares its parts with the engine."""

    __slots__ = ("_accounts", "_matcher", "_orders")

    def __init__(self, orders: OpenOrders, matcher: Matcher, accounts: Accounts) -> None:
        self._orders = orders
        self._matcher = matcher
        self._accounts = accounts

    def place(self, command: PlaceOrder, options: Options, market: Market) -> None:
        orders = self._orders
        reason = special_refusal(command, options, market, orders.at_us)
        if reason is not None:
            orders.record.rejected(orders.seq, command.account, market.name, reason)
            return
        participant = self._accounts.participant(command.account, market)
        order = special_order(orders.seq, participant, command, options, orders.at_us)
        special = special_of(order)
        leg = options.oco
        reason = refusal_of(order, special, command, orders.at_us)
        if reason is not None:
            self.reject(order.number, participant, reason)
            return
        self._start(order, special, command.time_in_force in ("IOC", "FOK"))
        if leg is not None:
            self._tell_leg(leg, order, 1, order.is_buy, order.quantity_lots, order.number)
            self._place_other(order, special, leg, leg_number(order.number, 1), order.quantity_lots)

    def _start(self, order: Order, special: Special, immediate: bool) -> None:
        """Accepts a checked order, and lets it wait, follow its peg, or act."""
        orders = self._orders
        market = order.participant.market
        orders.record.accepted(order.number, order.participant)
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
        self._orders.record.add(
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
        orders.record.add(OrderWaiting(order.number, order.account, market.name, order.side, None))

    def _wait(self, order: Order, special: Special) -> None:
        """Lets an order wait for a trade that triggers it; the last one may have."""
        orders = self._orders
        market = order.participant.market
        orders.enlist(order)
        orders.hold_for(order)
        trigger_ticks = special.trigger_ticks or None
        orders.record.add(OrderWaiting(order.number, order.account, market.name, order.side, trigger_ticks))
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
        taker = taker_of(order)
        self._matcher.match(taker)
        taker.pass_to(order)
        if taker.filled_lots:
            order.updated_at_us = orders.at_us
        reason = taker.stopped_by
        if reason is None:
            orders.end(order)
            orders.record.order_filled(order.number, participant)
        elif is_limit and not immediate and reason is not SELF_TRADE:
            orders.rest(order)
        else:
            if is_limit and reason is not SELF_TRADE:
                reason = IMMEDIATE_OR_CANCEL
            orders.end(order)
            left_lots = -1 if taker.budget_atoms else order.remaining_lots
            orders.record.cancelled(order.number, participant, order.is_buy, 0, left_lots, reason)
        if special is not None and order.level is None:
            orders.follow(order, special)
        self.look(market, taker.first_ticks, taker.last_ticks)

    def look(self, market: Market, first_ticks: int, last_ticks: int) -> None:
        """Looks at the prices of some trades, of which these are the ends, for all that wait; 0: there were none."""
        if first_ticks == 0 or not market.triggers.waiting:
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
        orders.record.add(OrderTriggered(order.number, participant.account, market.name, price_ticks))
        orders.lift(order)
        order.updated_at_us = orders.at_us
        is_limit = is_limit_type(special.type)
        immediate = special.immediate or not is_limit
        special.extra_hold_atoms = -1
        special.type = "limit"
        takes = immediate or meets(market, order.is_buy, order.price_ticks)
        if takes and breaks(taker_of(order), orders.at_us):
            orders.end(order)
            left_lots = -1 if special.budget_atoms else order.remaining_lots
            orders.record.cancelled(order.number, participant, order.is_buy, 0, left_lots, CIRCUIT_BREAKER)
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
            leg_order(
                number, participant, is_buy, leg, ended.lots, ended.prevention, ended.keep_on_disconnect, orders.at_us
            )
            for number, leg in zip(numbers, ended.legs, strict=True)
        ]
        for place, leg in enumerate(ended.legs, start=1):
            self._tell_leg(leg, new[0], place, is_buy, ended.lots, ended.number)
        first, special = new[0], special_of(new[0])
        other = ended.legs[1] if len(ended.legs) == 2 else None
        reason = leg_refusal(ended.legs[0], ended.lots, market)
        if reason is None:
            reason = refusal_now(first, special, False, False, False, other, orders.at_us)
        if reason is None and other is not None:
            reason = leg_refusal(other, ended.lots, market)
        if reason is not None:
            for number in numbers:
                orders.record.rejected(number, participant.account, market.name, reason)
            if reason is CIRCUIT_BREAKER:
                self.close_market(market)
            return
        self._start(first, special, False)
        if other is not None:
            self._place_other(first, special, other, numbers[1], ended.lots)

    def _tell_leg(self, leg: Leg, order: Order, place: int, is_buy: bool, lots: int, parent: int) -> None:
        self._orders.record.add(
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
            orders.record.rejected(number, participant.account, order.market, Reason.ONE_CANCELS_OTHER)
            return
        other = leg_order(
            number,
            participant,
            order.is_buy,
            leg,
            lots,
            special.prevention,
            special.keep_on_disconnect,
            orders.at_us,
        )
        other_special = special_of(other)
        special.sibling, other_special.sibling = other, order
        other_special.extra_hold_atoms = max(0, waiting_hold_atoms(other, other_special) - hold_atoms(order))
        orders.record.accepted(number, participant)
        self._wait(other, other_special)

    def close_market(self, market: Market) -> None:
        """The circuit breaker."""
        market.set_state("cancel_only")
        self._orders.record.add(MarketStateChanged(market.name, "cancel_only", CIRCUIT_BREAKER.value))

    def reject(self, number: int, participant: Participant, reason: Reason) -> None:
        self._orders.record.rejected(number, participant.account, participant.market.name, reason)
        if reason is CIRCUIT_BREAKER:
            self.close_market(participant.market)
