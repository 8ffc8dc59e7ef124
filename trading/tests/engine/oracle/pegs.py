"""Pegged orders: the price that each follows, and how they move at the end of an event."""

from trading.engine.outcomes import OrderRepriced

from .shapes import MAXIMUM
from .world import NaiveMarket, NaiveOrder, World


def price_of(order: NaiveOrder) -> int | None:
    """Where the order belongs, with the book as it is without it; None: there is no price for it."""
    market = order.market
    assert order.limit is not None
    followed = "buy" if order.peg == "best_bid" else "sell"
    prices = [o.price for o in market.orders if o.side == followed and o.price is not None and not o.is_pegged]
    if not prices:
        return None
    best_opposite = market.best(order.opposite, other_than=order)
    if order.side == "buy":
        reference = max(prices) if followed == "buy" else min(prices)
        price = min(reference - order.peg_offset, order.limit)
        if best_opposite is not None:
            price = min(price, best_opposite - 1)
    else:
        reference = max(prices) if followed == "buy" else min(prices)
        price = max(reference + order.peg_offset, order.limit)
        if best_opposite is not None:
            price = max(price, best_opposite + 1)
    return price if 1 <= price <= MAXIMUM else None


def move(world: World) -> None:
    """Moves the pegged orders of the markets whose books have changed; markets in the order of their definition."""
    for market in world.markets.values():
        if market in world.changed and market.state in ("open", "post_only"):
            move_in(world, market)


def move_in(world: World, market: NaiveMarket) -> None:
    for order in sorted((o for o in market.orders if o.is_pegged), key=lambda o: o.age):
        previous, price = order.price, price_of(order)
        if price != previous:
            world.put(order, price)
            order.updated_at = world.now
            left = order.remaining
            world.tell(OrderRepriced(order.number, order.account, market.name, order.side, previous, price, left))
