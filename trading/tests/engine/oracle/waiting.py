"""Orders that wait for a trade price: which prices trigger them. Their turn comes in the cascade."""

from trading.engine.outcomes import OrderWaiting

from .world import NaiveMarket, NaiveOrder, Triggered, World


def wait(world: World, order: NaiveOrder) -> None:
    """The order waits from now on. A trailing stop without an activation price follows from the last price."""
    world.open(order)
    tell_waiting(world, order)
    if order.type == "trailing_stop" and order.trigger is None:
        order.extreme = order.market.last
    look_alone(world, order)


def tell_waiting(world: World, order: NaiveOrder) -> None:
    trigger = None if order.is_pegged else order.trigger
    world.tell(OrderWaiting(order.number, order.account, order.market.name, order.side, trigger))


def look_alone(world: World, order: NaiveOrder) -> None:
    """The last price is looked at for one order, if the market is open."""
    market = order.market
    if market.state == "open" and market.last is not None and not order.is_queued:
        queue_if_triggered(world, order, market.last)


def look(world: World, market: NaiveMarket, price: int) -> None:
    """A trade price is looked at for all that wait in the market, oldest first."""
    waiting = [o for o in market.orders if o.waits_for_trigger and not o.is_queued]
    for order in sorted(waiting, key=lambda o: o.age):
        queue_if_triggered(world, order, price)


def queue_if_triggered(world: World, order: NaiveOrder, price: int) -> None:
    if is_triggered(order, price):
        order.is_queued = True
        world.queue.append(Triggered(order, price))


def is_triggered(order: NaiveOrder, price: int) -> bool:
    if order.type == "trailing_stop":
        return trails_into(order, price)
    assert order.trigger is not None
    falls = order.side == "sell"
    if order.type in ("take_profit", "take_profit_limit"):
        falls = not falls
    return price <= order.trigger if falls else price >= order.trigger


def trails_into(order: NaiveOrder, price: int) -> bool:
    """Lets a trailing stop follow the price; whether the price has come back to it by the distance."""
    assert order.trailing is not None
    if order.extreme is None:
        if order.trigger is not None and (price < order.trigger if order.side == "sell" else price > order.trigger):
            return False
        order.extreme = price
    order.extreme = max(order.extreme, price) if order.side == "sell" else min(order.extreme, price)
    return abs(price - order.extreme) >= order.trailing
