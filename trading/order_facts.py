"""What the engine's outcomes say of orders, for all who keep a view of them: ids, how an order came to be, its status.

Orders are known by their numbers, see ``trading.engine.numbers``. Nothing is kept here, so any thread may ask.
"""

from collections.abc import Sequence

from .engine.commands import CancelReplace, Command, Options, PlaceOrder
from .engine.numbers import leg_of, parent_number
from .engine.outcomes import LegPlaced, OrderCancelled, Outcome, Reason, SelfTradePrevented
from .journal.records import derived_command_id
from .origins import is_staffs

OPEN_STATUSES = ("open", "waiting")
"""Of orders that have not ended: in the book or on the way there; waiting outside of it for a price."""

LEG_BITS = 2
NO_OPTIONS = Options()


def age(number: int) -> int:
    """Grows with time: by the event that brought the order, then by the leg. A cursor for lists of orders."""
    return parent_number(number) << LEG_BITS | leg_of(number)


def leg_id(number: int) -> str:
    """The id by which clients know a leg. It has no command of its own: its number says it all."""
    return derived_command_id("leg", parent_number(number), leg_of(number))


def brought(command: Command) -> PlaceOrder | None:
    """The order that a command itself brings, if it does; its number is the event's."""
    if type(command) is PlaceOrder:
        return command
    return command.place if type(command) is CancelReplace else None


def leg_order(leg: LegPlaced, parent: Options | None) -> PlaceOrder:
    """A leg as if it had been placed by itself. ``parent``: the options of the order that brought it, if they are known."""
    inherited = parent or NO_OPTIONS
    options = Options(
        trigger_ticks=leg.trigger_ticks,
        trailing_ticks=leg.trailing_ticks,
        self_trade_prevention=inherited.self_trade_prevention,
        keep_on_disconnect=inherited.keep_on_disconnect,
    )
    return PlaceOrder(
        account=leg.account,
        market=leg.market,
        side=leg.side,
        type=leg.type,
        time_in_force="GTC",
        quantity_lots=leg.quantity_lots,
        price_ticks=leg.price_ticks,
        options=None if options == NO_OPTIONS else options,
    )


def is_pegged(options: Options | None) -> bool:
    """Whether the order's price is only the limit of where it may rest."""
    return options is not None and options.peg != "none"


def cancelled_status(outcome: OrderCancelled, filled_lots: int) -> str:
    """The status of an order whose rest was cancelled. One that has spent its budget has done all it was asked to."""
    if outcome.reason is Reason.EXPIRED:
        return "expired"
    return "filled" if outcome.reason is Reason.BUDGET_SPENT and filled_lots else "cancelled"


def cancelled_reason(outcome: OrderCancelled, origin: str) -> str:
    """Why it was cancelled, as everybody is told. ``origin``: of the event, the journal's ``request_id``. The staff cancel by the
    user's own commands, so the engine knows no difference.
    """
    if outcome.reason is Reason.USER_CANCELLED and is_staffs(origin):
        return Reason.OPERATOR_CANCELLED.value
    return outcome.reason.value


def reduced_orders(outcomes: Sequence[Outcome], place: int) -> list[int]:
    """Which of two orders go on with less, of which an event told at this place that they did not trade with each other.

    One that is cancelled is told of right after, the maker first, with nothing between but what went with it. What it tells
    as remaining is all that it had, so its quantity stays.
    """
    prevented = outcomes[place]
    if type(prevented) is not SelfTradePrevented or prevented.mode != "decrement":
        return []
    reduced = [prevented.taker_order, prevented.maker_order]
    for number in range(place + 1, len(outcomes)):
        following = outcomes[number]
        if type(following) is not OrderCancelled:
            break
        if following.reason is Reason.SELF_TRADE and following.order in reduced:
            reduced.remove(following.order)
        elif following.reason is not Reason.ONE_CANCELS_OTHER:
            break
    return reduced
