"""Amending: what may be changed of an open order, and whether it keeps its place."""

from trading.engine.commands import AmendOrder
from trading.engine.outcomes import CommandRejected, OrderAmended, Reason

from . import matching, waiting
from .placing import is_below_minimum
from .shapes import MAXIMUM, MAXIMUM_VALUE
from .world import NaiveOrder, World


def amend(world: World, command: AmendOrder) -> None:
    mine = [o for o in world.open_orders(command.account) if o.number == command.order]
    if not mine:
        world.tell(CommandRejected(Reason.UNKNOWN_ORDER))
        return
    order = mine[0]
    reason = refusal(world, order, command)
    if reason is not None:
        world.tell(CommandRejected(reason))
        if reason == Reason.CIRCUIT_BREAKER:
            world.trip(order.market)
        return
    change(world, order, command)


def wanted(order: NaiveOrder, command: AmendOrder) -> NaiveOrder:
    """The order as it would be, on paper: it stands nowhere."""
    paper = NaiveOrder(**{name: getattr(order, name) for name in NaiveOrder.__slots__})
    if command.quantity_lots is not None:
        paper.quantity = command.quantity_lots
        paper.remaining = command.quantity_lots - order.filled
    if command.price_ticks is not None:
        paper.limit = command.price_ticks
    if command.trigger_ticks is not None:
        paper.trigger = command.trigger_ticks
    return paper


def loses_place(order: NaiveOrder, paper: NaiveOrder) -> bool:
    """Whether it leaves its queue: at another price, or with more in it. One that is in no queue has no place to lose."""
    if order.price is None:
        return False
    return paper.limit != order.limit or paper.remaining > order.remaining


def refusal(world: World, order: NaiveOrder, command: AmendOrder) -> Reason | None:
    if command.deadline_us is not None and world.now > command.deadline_us:
        return Reason.DEADLINE_PASSED
    if not is_amendment(order, command):
        return Reason.INVALID_ORDER
    paper, market = wanted(order, command), order.market
    price, quantity = paper.limit or 0, paper.quantity or 0
    if max(price, quantity, command.trigger_ticks or 0) > MAXIMUM or price * quantity * market.unit > MAXIMUM_VALUE:
        return Reason.ABOVE_MAXIMUM
    if not takes(market.state, order, command):
        return Reason.MARKET_CLOSED
    if is_below_minimum(order, paper.limit, paper.quantity):
        return Reason.BELOW_MINIMUM
    if paper.quantity is not None and paper.quantity <= order.filled:
        return Reason.BELOW_FILLED
    rests_at_limit = order.price is not None and not order.is_pegged
    if rests_at_limit and price != order.limit and market.is_far(price, market.definition.price_band_ppm):
        return Reason.PRICE_BAND
    moves = rests_at_limit and loses_place(order, paper)
    meets = moves and paper.meets(market.best(order.opposite))
    if meets and (order.post_only != "none" or market.state == "post_only"):
        return Reason.WOULD_TAKE
    takes_now = meets and market.state == "open"
    return refusal_by_funds(world, order, paper, takes_now) or refusal_by_breaker(world, paper, takes_now)


def is_amendment(order: NaiveOrder, command: AmendOrder) -> bool:
    quantity, price, trigger = command.quantity_lots, command.price_ticks, command.trigger_ticks
    if quantity is None and price is None and trigger is None:
        return False
    if any(number is not None and number < 1 for number in (quantity, price, trigger, command.deadline_us)):
        return False
    if order.partner is not None:
        return False
    if price is not None and (order.limit is None or order.is_pegged):
        return False
    if trigger is not None and (not order.waits_for_trigger or order.type == "trailing_stop"):
        return False
    if quantity is None:
        return True
    if order.budget is not None:
        return False
    return order.display is None or quantity <= 100 * order.display


def takes(state: str, order: NaiveOrder, command: AmendOrder) -> bool:
    if state == "cancel_only":
        alone = command.price_ticks is None and command.trigger_ticks is None
        return alone and command.quantity_lots is not None and command.quantity_lots < (order.quantity or 0)
    return state != "halted"


def refusal_by_funds(world: World, order: NaiveOrder, paper: NaiveOrder, takes_now: bool) -> Reason | None:
    needed = paper.hold()
    if takes_now and order.side == "buy":
        value = (paper.limit or 0) * paper.remaining * order.market.unit
        needed = paper.cost(value, max(order.maker_ppm, order.taker_ppm))
    more = needed - order.hold()
    is_funded = more <= world.available(order.account, world.pays_with(order))
    return None if is_funded else Reason.INSUFFICIENT_FUNDS


def refusal_by_breaker(world: World, paper: NaiveOrder, takes_now: bool) -> Reason | None:
    if takes_now and matching.trips_breaker(paper, matching.plan(world, paper, paper.mode)):
        return Reason.CIRCUIT_BREAKER
    return None


def change(world: World, order: NaiveOrder, command: AmendOrder) -> None:
    paper, previous = wanted(order, command), order.price
    leaves = loses_place(order, paper)
    order.quantity, order.remaining = paper.quantity, paper.remaining
    order.limit, order.trigger = paper.limit, paper.trigger
    order.updated_at = world.now
    world.touch_hold(order)
    world.tell(
        OrderAmended(
            order=order.number,
            account=order.account,
            market=order.market.name,
            side=order.side,
            previous_price_ticks=previous,
            price_ticks=order.limit,
            quantity_lots=order.quantity or 0,
            remaining_lots=order.remaining,
            trigger_ticks=order.trigger,
            kept_place=not leaves,
        )
    )
    if leaves:
        go_on(world, order)
    elif order.price is not None:
        order.shown = min(order.shown, order.remaining)
        world.change(order.market)
    elif command.trigger_ticks is not None:
        waiting.look_alone(world, order)


def go_on(world: World, order: NaiveOrder) -> None:
    """It has left its queue: it matches if it can, else it rests again, a pegged one where it was."""
    world.remove(order)
    if order.is_pegged:
        world.rest(order)
        return
    order.price = None
    if order.market.state == "open" and order.meets(order.market.best(order.opposite)):
        matching.take(world, order)
    else:
        world.rest(order)
