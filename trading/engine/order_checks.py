"""What an order must look like, whatever the book and the balances are. The gateway asks the same before the journal.

The bounds keep every product of one order below 10^18 quote atoms, which a signed 64-bit integer holds.
"""

from .commands import PlaceOrder
from .market import Market
from .outcomes import Reason

MAXIMUM_PRICE_TICKS = 10**12
MAXIMUM_QUANTITY_LOTS = 10**12
MAXIMUM_NOTIONAL_ATOMS = 10**18


def refusal(order: PlaceOrder, market: Market) -> Reason | None:
    """Why this order cannot be taken in this market, as the market is now; None if it can."""
    if order.account <= 0 or (order.side != "buy" and order.side != "sell"):
        return Reason.INVALID_ORDER
    if order.type == "limit":
        return _limit_refusal(order, market)
    if order.type == "market":
        return _market_refusal(order, market)
    return Reason.INVALID_ORDER


def _limit_refusal(order: PlaceOrder, market: Market) -> Reason | None:
    price, quantity, time_in_force, post_only = (
        order.price_ticks,
        order.quantity_lots,
        order.time_in_force,
        order.post_only,
    )
    if price is None or quantity is None or order.budget_atoms is not None or price < 1 or quantity < 1:
        return Reason.INVALID_ORDER
    if post_only != "none" and (post_only != "reject" or time_in_force != "GTC"):
        return Reason.INVALID_ORDER
    if time_in_force != "GTC" and time_in_force != "IOC" and time_in_force != "FOK":
        return Reason.INVALID_ORDER
    value_atoms = price * quantity * market.tick_lot_atoms
    if price > MAXIMUM_PRICE_TICKS or quantity > MAXIMUM_QUANTITY_LOTS or value_atoms > MAXIMUM_NOTIONAL_ATOMS:
        return Reason.ABOVE_MAXIMUM
    if market.state != "open":
        return Reason.MARKET_CLOSED
    definition = market.definition
    if quantity < definition.minimum_lots or value_atoms < definition.minimum_notional_atoms:
        return Reason.BELOW_MINIMUM
    return None


def _market_refusal(order: PlaceOrder, market: Market) -> Reason | None:
    """By quantity, or a buy by budget; in either case the price, if there is one, is the cap."""
    cap, quantity, budget = order.price_ticks, order.quantity_lots, order.budget_atoms
    if (cap is not None and cap < 1) or order.post_only != "none":
        return Reason.INVALID_ORDER
    if quantity is not None:
        if quantity < 1 or budget is not None or (order.time_in_force != "IOC" and order.time_in_force != "FOK"):
            return Reason.INVALID_ORDER
        value_atoms = (cap or 0) * quantity * market.tick_lot_atoms
        is_above = quantity > MAXIMUM_QUANTITY_LOTS or value_atoms > MAXIMUM_NOTIONAL_ATOMS
        is_below = quantity < market.definition.minimum_lots
    else:
        if budget is None or budget < 1 or order.side != "buy" or order.time_in_force != "IOC":
            return Reason.INVALID_ORDER
        is_above = budget > MAXIMUM_NOTIONAL_ATOMS
        is_below = budget < market.definition.minimum_notional_atoms
    if is_above or (cap is not None and cap > MAXIMUM_PRICE_TICKS):
        return Reason.ABOVE_MAXIMUM
    if market.state != "open":
        return Reason.MARKET_CLOSED
    return Reason.BELOW_MINIMUM if is_below else None
