"""Pegged orders: where each belongs, and moving those that belong elsewhere. O(pegged orders of the market) in an event."""

from .bounds import MAXIMUM_PRICE_TICKS
from .market import Market
from .open_orders import OpenOrders
from .order_book import BookSide, Order, Special
from .outcomes import OrderRepriced


def target_ticks(order: Order, special: Special, market: Market) -> int:
    """Where a pegged order belongs, which is not in the book now; 0: nowhere."""
    book = market.book
    reference = _best_unpegged_ticks(book.bids if special.peg == "best_bid" else book.asks)
    if reference == 0:
        return 0
    opposite = book.opposite(order.is_buy).best
    if order.is_buy:
        price = min(reference - special.peg_offset_ticks, special.limit_ticks)
        if opposite is not None:
            price = min(price, opposite.price_ticks - 1)
    else:
        price = max(reference + special.peg_offset_ticks, special.limit_ticks)
        if opposite is not None:
            price = max(price, opposite.price_ticks + 1)
    return price if 1 <= price <= MAXIMUM_PRICE_TICKS else 0


def _best_unpegged_ticks(side: BookSide) -> int:
    for level in side:
        for order in level:
            if not order.is_pegged:
                return level.price_ticks
    return 0


def reprice(market: Market, orders: OpenOrders) -> None:
    """Looks at every pegged order, oldest first, and moves it where it belongs. What it holds does not change."""
    for order in list(market.pegged.values()):
        special = order.special
        if special is not None:
            _reprice_one(order, special, market, orders)


def _reprice_one(order: Order, special: Special, market: Market, orders: OpenOrders) -> None:
    previous = order.price_ticks
    if _stays(order, special, market):
        return
    if order.level is not None:
        orders.leave_book(order)
    order.price_ticks = target_ticks(order, special, market)
    order.updated_at_us = orders.at_us
    if order.price_ticks:
        orders.enter_book(order)
    participant = order.participant
    orders.record.add(
        OrderRepriced(
            order.number,
            participant.account,
            market.name,
            order.side,
            previous or None,
            order.price_ticks or None,
            order.remaining_lots,
        )
    )


def _stays(order: Order, special: Special, market: Market) -> bool:
    """Its own place in the book does not matter: what it follows is not pegged, what it must not meet is opposite."""
    return target_ticks(order, special, market) == order.price_ticks
