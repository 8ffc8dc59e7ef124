"""Orders as commands and legs ask for them."""

from .commands import Leg, Options, PlaceOrder
from .errors import InvariantBroken
from .order_book import PREVENTIONS, Order, Special, new_order
from .participant import Participant


def special_order(number: int, participant: Participant, command: PlaceOrder, options: Options, at_us: int) -> Order:
    """The order of a command that asks for more than most."""
    order = new_order(
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


def leg_order(
    number: int,
    participant: Participant,
    is_buy: bool,
    leg: Leg,
    lots: int,
    prevention: int,
    keep_on_disconnect: bool,
    at_us: int,
) -> Order:
    order = new_order(number, participant, is_buy, leg.price_ticks or 0, lots, at_us)
    special = order.special = Special(leg.type)
    special.prevention = prevention
    special.keep_on_disconnect = keep_on_disconnect
    special.trigger_ticks = leg.trigger_ticks or 0
    special.trailing_ticks = leg.trailing_ticks or 0
    return order


def special_of(order: Order) -> Special:
    if order.special is None:
        raise InvariantBroken(f"order {order.number} is a plain one")
    return order.special
