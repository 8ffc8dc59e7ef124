"""Amending: an open order keeps its number, its fills and, where it becomes no dearer for others, its place."""

from .bounds import MAXIMUM_NOTIONAL_ATOMS, MAXIMUM_PRICE_TICKS, MAXIMUM_QUANTITY_LOTS
from .commands import AmendOrder
from .fees import cost_atoms
from .holds import hold_atoms
from .open_orders import OpenOrders
from .order_book import Order, Special
from .order_checks import LIMIT_TYPES, PEAKS
from .outcomes import CommandRejected, OrderAmended, Reason
from .placing import Placing
from .preview import breaks
from .taker import meets, taker_of


class Amended:
    """What the order is to become."""

    __slots__ = ("price_ticks", "quantity_lots", "trigger_ticks")

    def __init__(self, order: Order, command: AmendOrder) -> None:
        special = order.special
        self.price_ticks = order.price_ticks if command.price_ticks is None else command.price_ticks
        self.quantity_lots = order.quantity_lots if command.quantity_lots is None else command.quantity_lots
        old_trigger_ticks = 0 if special is None else special.trigger_ticks
        self.trigger_ticks = old_trigger_ticks if command.trigger_ticks is None else command.trigger_ticks


class Amending:
    __slots__ = ("_orders", "_placing")

    def __init__(self, orders: OpenOrders, placing: Placing) -> None:
        self._orders = orders
        self._placing = placing

    def amend(self, command: AmendOrder) -> None:
        orders = self._orders
        order = orders.find(command.account, command.order)
        if order is None:
            orders.record.add(CommandRejected(Reason.UNKNOWN_ORDER))
            return
        new = Amended(order, command)
        reason = self._refusal(order, command, new)
        if reason is not None:
            orders.record.add(CommandRejected(reason))
            if reason is Reason.CIRCUIT_BREAKER:
                self._placing.close_market(order.participant.market)
        elif _stays_in_place(order, new):
            self._amend_in_place(order, command, new)
        else:
            self._requeue(order, new)

    # Refusals

    def _refusal(self, order: Order, command: AmendOrder, new: Amended) -> Reason | None:
        market = order.participant.market
        if command.deadline_us is not None and 1 <= command.deadline_us < self._orders.at_us:
            return Reason.DEADLINE_PASSED
        if not _is_shape(order, command, new):
            return Reason.INVALID_ORDER
        limit_ticks = _limit_ticks(order, new)
        value_atoms = limit_ticks * new.quantity_lots * market.tick_lot_atoms
        if (
            limit_ticks > MAXIMUM_PRICE_TICKS
            or new.trigger_ticks > MAXIMUM_PRICE_TICKS
            or new.quantity_lots > MAXIMUM_QUANTITY_LOTS
            or value_atoms > MAXIMUM_NOTIONAL_ATOMS
        ):
            return Reason.ABOVE_MAXIMUM
        if market.state == "halted" or (market.state == "cancel_only" and not _only_less(order, command)):
            return Reason.MARKET_CLOSED
        special = order.special
        is_budget = special is not None and special.budget_atoms > 0
        if not is_budget and new.quantity_lots < market.minimum_lots:
            return Reason.BELOW_MINIMUM
        if (special is None or special.type in LIMIT_TYPES) and value_atoms < market.minimum_notional_atoms:
            return Reason.BELOW_MINIMUM
        if not is_budget and new.quantity_lots <= order.filled_lots:
            return Reason.BELOW_FILLED
        return self._refusal_now(order, new)

    def _refusal_now(self, order: Order, new: Amended) -> Reason | None:
        """What the book, the reference price and the funds have against it."""
        market = order.participant.market
        is_limit = order.level is not None and not order.is_pegged
        moves = new.price_ticks != order.price_ticks
        is_banded = is_limit and moves and market.band_ppm > 0
        if is_banded and market.is_outside(new.price_ticks, market.band_ppm, self._orders.at_us):
            return Reason.PRICE_BAND
        would_take = is_limit and not _stays_in_place(order, new) and meets(market, order.is_buy, new.price_ticks)
        if would_take and (order.is_post_only or market.state == "post_only"):
            return Reason.WOULD_TAKE
        takes = would_take and market.is_open
        needed_atoms = _needed_atoms(order, new, takes) - hold_atoms(order)
        if needed_atoms > order.participant.holding(order.is_buy).available_atoms:
            return Reason.INSUFFICIENT_FUNDS
        if takes:
            old = order.price_ticks, order.quantity_lots, order.remaining_lots
            _apply(order, new)
            is_broken = breaks(taker_of(order), self._orders.at_us)
            order.price_ticks, order.quantity_lots, order.remaining_lots = old
            if is_broken:
                return Reason.CIRCUIT_BREAKER
        return None

    # Doing it

    def _amend_in_place(self, order: Order, command: AmendOrder, new: Amended) -> None:
        orders = self._orders
        market, special, level = order.participant.market, order.special, order.level
        held_atoms = hold_atoms(order)
        previous_ticks = 0 if level is None else order.price_ticks
        shown_lots = order.shown_lots
        is_waiting = special is not None and order.is_for_trigger and market.triggers.has(order)
        if special is not None and is_waiting:
            market.triggers.discard(order, special)
        _apply(order, new)
        order.updated_at_us = orders.at_us
        if special is not None:
            special.trigger_ticks = new.trigger_ticks
            if special.display_lots:
                special.shown_lots = min(special.shown_lots, order.remaining_lots)
            if is_waiting:
                market.triggers.add(order, special)
        if level is not None:
            level.lots -= shown_lots - order.shown_lots
            market.changed_seq = orders.seq
        balance = order.participant.holding(order.is_buy)
        balance.release(held_atoms)
        balance.hold(hold_atoms(order))
        orders.touch(balance)
        self._tell(order, previous_ticks, True)
        if special is not None and is_waiting and command.trigger_ticks is not None:
            self._placing.look_at(order, special)

    def _requeue(self, order: Order, new: Amended) -> None:
        orders = self._orders
        previous_ticks = order.price_ticks
        orders.lift(order)
        _apply(order, new)
        order.updated_at_us = orders.at_us
        self._tell(order, previous_ticks, False)
        if order.is_pegged:
            orders.rest(order)
        else:
            self._placing.act(order, True, False)

    def _tell(self, order: Order, previous_ticks: int, kept_place: bool) -> None:
        special = order.special
        price_ticks = order.price_ticks
        if special is not None and special.peg != "none":
            price_ticks = special.limit_ticks
        self._orders.record.add(
            OrderAmended(
                order.number,
                order.account,
                order.market,
                order.side,
                previous_ticks or None,
                price_ticks or None,
                order.quantity_lots,
                order.remaining_lots,
                special.trigger_ticks or None if special is not None and order.is_for_trigger else None,
                kept_place,
            )
        )


def _is_shape(order: Order, command: AmendOrder, new: Amended) -> bool:
    special = order.special
    numbers = (command.quantity_lots, command.price_ticks, command.trigger_ticks)
    if all(number is None for number in numbers) or any(number is not None and number < 1 for number in numbers):
        return False
    if command.deadline_us is not None and command.deadline_us < 1:
        return False
    if special is None:
        return command.trigger_ticks is None
    if special.sibling is not None:
        return False
    if command.quantity_lots is not None and special.budget_atoms:
        return False
    if command.price_ticks is not None and (order.price_ticks == 0 or special.peg != "none"):
        return False
    if command.trigger_ticks is not None and (not order.is_for_trigger or special.type == "trailing_stop"):
        return False
    return new.quantity_lots <= special.display_lots * PEAKS or special.display_lots == 0


def _limit_ticks(order: Order, new: Amended) -> int:
    special = order.special
    return special.limit_ticks if special is not None and special.peg != "none" else new.price_ticks


def _only_less(order: Order, command: AmendOrder) -> bool:
    quantity_lots = command.quantity_lots
    return (
        quantity_lots is not None
        and quantity_lots < order.quantity_lots
        and command.price_ticks is None
        and command.trigger_ticks is None
    )


def _stays_in_place(order: Order, new: Amended) -> bool:
    """Whether the order stays where it is; one that is in no queue always does."""
    if order.level is None:
        return True
    return new.price_ticks == order.price_ticks and new.quantity_lots <= order.quantity_lots


def _needed_atoms(order: Order, new: Amended, takes: bool) -> int:
    """What the amended order will hold, or could cost where it takes."""
    old = order.price_ticks, order.quantity_lots, order.remaining_lots
    _apply(order, new)
    if takes and order.is_buy:
        value_atoms = order.price_ticks * order.remaining_lots * order.participant.market.tick_lot_atoms
        needed_atoms = cost_atoms(value_atoms, order.rates.higher_ppm, order.fee_ppm_sum)
    else:
        needed_atoms = hold_atoms(order)
    order.price_ticks, order.quantity_lots, order.remaining_lots = old
    return needed_atoms


def _apply(order: Order, new: Amended) -> None:
    special: Special | None = order.special
    order.price_ticks = new.price_ticks
    if special is None or not special.budget_atoms:
        order.remaining_lots += new.quantity_lots - order.quantity_lots
        order.quantity_lots = new.quantity_lots
