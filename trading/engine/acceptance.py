"""Why an order that asks for more than most cannot be placed as the book, the account's orders and its funds are now."""

from .bounds import MAXIMUM_PRICE_TICKS
from .commands import Leg, PlaceOrder
from .fees import cost_atoms
from .holds import hold_atoms, waiting_hold_atoms
from .market import MAXIMUM_PEGGED_ORDERS
from .new_orders import leg_order, special_of
from .order_book import Order, Special
from .order_checks import TRIGGER_TYPES
from .outcomes import Reason
from .preview import breaks, market_cost_atoms, whole_refusal
from .taker import meets, taker_of


def refusal_of(order: Order, special: Special, command: PlaceOrder, at_us: int) -> Reason | None:
    """Why the order of a command cannot be placed at that time."""
    is_fok, immediate = command.time_in_force == "FOK", command.time_in_force in ("IOC", "FOK")
    leg = None if command.options is None else command.options.oco
    return refusal_now(order, special, immediate, is_fok, command.post_only == "reprice", leg, at_us)


def refusal_now(
    order: Order, special: Special, immediate: bool, is_fok: bool, reprices: bool, other: Leg | None, at_us: int
) -> Reason | None:
    """Why the order cannot be placed now; None if it can. ``other``: its OCO leg. Gives a repriced order its price."""
    participant, market = order.participant, order.participant.market
    is_plain_limit = special.type == "limit" and special.peg == "none"
    if market.band_ppm and is_plain_limit and market.is_outside(order.price_ticks, market.band_ppm, at_us):
        return Reason.PRICE_BAND
    if special.type in TRIGGER_TYPES or not immediate:
        room = market.maximum_open_orders - participant.open_count
        if room < (1 if other is None else 2):
            return Reason.TOO_MANY_ORDERS
        if special.peg != "none" and len(market.pegged) >= MAXIMUM_PEGGED_ORDERS:
            return Reason.TOO_MANY_ORDERS
    crosses = is_plain_limit and market.state != "auction" and meets(market, order.is_buy, order.price_ticks)
    if crosses and order.is_post_only:
        if not reprices or not _step_back(order):
            return Reason.WOULD_TAKE
        crosses = False
    if is_fok:
        reason = whole_refusal(taker_of(order))
        if reason is not None:
            return reason
    needed_atoms = _needed_atoms(order, special, crosses)
    if other is not None:
        needed_atoms = max(needed_atoms, _leg_hold_atoms(other, order))
    if needed_atoms > participant.holding(order.is_buy).available_atoms:
        return Reason.INSUFFICIENT_FUNDS
    takes = crosses or special.type == "market" or (immediate and special.type == "limit")
    return Reason.CIRCUIT_BREAKER if takes and breaks(taker_of(order), at_us) else None


def _needed_atoms(order: Order, special: Special, crosses: bool) -> int:
    """What must be available for the order to be accepted."""
    market = order.participant.market
    if special.type == "market":
        if special.budget_atoms:
            return special.budget_atoms
        if order.is_buy:
            return market_cost_atoms(taker_of(order))
        return order.remaining_lots * market.lot_atoms
    if not order.is_buy or special.type != "limit" or special.peg != "none":
        return hold_atoms(order)
    rates = order.rates
    rate_ppm = rates.higher_ppm if crosses or market.rules < 2 else rates.hold_ppm
    return cost_atoms(order.price_ticks * order.remaining_lots * market.tick_lot_atoms, rate_ppm, 0)


def _leg_hold_atoms(leg: Leg, order: Order) -> int:
    other = leg_order(0, order.participant, order.is_buy, leg, order.quantity_lots, 0, False, 0)
    return waiting_hold_atoms(other, special_of(other))


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
