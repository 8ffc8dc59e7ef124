"""What orders have set off: triggered orders and the legs of orders that have ended take their turns in one queue."""

from trading.engine.outcomes import OrderTriggered, Reason

from . import matching, placing
from .world import Triggered, World

ITEMS_PER_EVENT = 100


def take_turns(world: World) -> None:
    for _ in range(ITEMS_PER_EVENT):
        if not world.queue:
            return
        item = world.queue.pop(0)
        if isinstance(item, Triggered):
            trigger(world, item)
        else:
            placing.place_brought(world, item.order)


def trigger(world: World, item: Triggered) -> None:
    order = item.order
    order.is_queued = False
    if not order.is_open or order.market.state != "open":
        return
    world.part(order)
    world.tell(OrderTriggered(order.number, order.account, order.market.name, item.price))
    world.touch_hold(order)
    world.remove(order)
    order.updated_at = world.now
    if not order.is_limit:
        order.time_in_force = "IOC"
    order.type = "limit" if order.is_limit else "market"
    order.trigger = None
    if not placing.takes_now(order):
        world.rest(order)
    elif matching.trips_breaker(order, matching.plan(world, order, order.mode)):
        world.tell_cancelled(order, None, Reason.CIRCUIT_BREAKER)
        world.trip(order.market)
    else:
        matching.take(world, order)
