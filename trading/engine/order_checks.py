"""What an order must look like, whatever the book and the balances are."""

from typing import Final

from .bounds import MAXIMUM_NOTIONAL_ATOMS, MAXIMUM_PRICE_TICKS, MAXIMUM_QUANTITY_LOTS
from .commands import Leg, Options, PlaceOrder
from .market import Market
from .outcomes import Reason

PEAKS: Final = 100
"""An iceberg's quantity is at most so many of its peaks: more would be more trades than one taker may make."""

LIMIT_TYPES: Final = ("limit", "stop_limit", "take_profit_limit")
TRIGGER_TYPES: Final = ("stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop")
NO_OPTIONS: Final = Options()

GTC: Final = 0
IOC: Final = 1
FOK: Final = 2
"""A plain order's time in force as a number."""

INVALID_ORDER: Final = Reason.INVALID_ORDER
ABOVE_MAXIMUM: Final = Reason.ABOVE_MAXIMUM
MARKET_CLOSED: Final = Reason.MARKET_CLOSED
BELOW_MINIMUM: Final = Reason.BELOW_MINIMUM


def plain_refusal(
    market: Market,
    is_limit: bool,
    may_rest: bool,
    lots: int,
    budget_atoms: int,
    limit_ticks: int,
    value_atoms: int,
    is_post_only: bool,
) -> Reason | None:
    """Why a plain order cannot be taken in this market, as the market is; None if it can."""
    if (
        limit_ticks > MAXIMUM_PRICE_TICKS
        or lots > MAXIMUM_QUANTITY_LOTS
        or value_atoms > MAXIMUM_NOTIONAL_ATOMS
        or budget_atoms > MAXIMUM_NOTIONAL_ATOMS
    ):
        return ABOVE_MAXIMUM
    if not market.is_open and not (is_limit and _takes_limit(market, may_rest, is_post_only, False)):
        return MARKET_CLOSED
    if budget_atoms:
        return BELOW_MINIMUM if budget_atoms < market.minimum_notional_atoms else None
    if lots < market.minimum_lots or (is_limit and value_atoms < market.minimum_notional_atoms):
        return BELOW_MINIMUM
    return None


def _is_market_shape(order: PlaceOrder) -> bool:
    cap, quantity, budget = order.price_ticks, order.quantity_lots, order.budget_atoms
    if (cap is not None and cap < 1) or order.post_only != "none":
        return False
    if quantity is not None:
        return quantity >= 1 and budget is None and order.time_in_force in ("IOC", "FOK")
    return budget is not None and budget >= 1 and order.side == "buy" and order.time_in_force == "IOC"


def _takes_limit(market: Market, may_rest: bool, is_post_only: bool, is_pegged: bool) -> bool:
    """Whether a market that is not open takes such a limit order."""
    if market.state == "post_only":
        return may_rest and (is_post_only or is_pegged)
    return market.state == "auction" and may_rest and not is_post_only and not is_pegged


# Orders with options


def special_refusal(order: PlaceOrder, options: Options, market: Market, at_us: int) -> Reason | None:
    """Why an order with options cannot be taken in this market, as the market is at that time; None if it can."""
    if not _is_shape(order, options):
        return INVALID_ORDER
    if _is_above(order, options, market):
        return ABOVE_MAXIMUM
    if options.deadline_us is not None and at_us > options.deadline_us:
        return Reason.DEADLINE_PASSED
    if options.expires_at_us is not None and options.expires_at_us <= at_us:
        return Reason.EXPIRED
    if not market.is_open and not _is_taken(order, options, market):
        return MARKET_CLOSED
    return BELOW_MINIMUM if _is_below(order, market) else None


def _is_shape(order: PlaceOrder, options: Options) -> bool:
    type_, time_in_force = order.type, order.time_in_force
    numbers = (
        order.price_ticks,
        order.quantity_lots,
        order.budget_atoms,
        options.display_lots,
        options.trigger_ticks,
        options.trailing_ticks,
        options.expires_at_us,
        options.deadline_us,
    )
    if any(number is not None and number < 1 for number in numbers):
        return False
    if (options.expires_at_us is not None) != (time_in_force == "GTD"):
        return False
    if not 0 <= options.peg_offset_ticks <= MAXIMUM_PRICE_TICKS or (options.peg == "none" and options.peg_offset_ticks):
        return False
    if order.budget_atoms is not None and options.self_trade_prevention == "decrement":
        return False
    if type_ == "limit":
        is_shape = _is_limit_shape(order, options)
    elif type_ == "market":
        is_shape = _is_market_shape(order) and _is_without_resting(options)
    elif type_ in TRIGGER_TYPES:
        is_shape = _is_trigger_shape(order, options)
    else:
        return False
    return is_shape and _are_legs(order, options)


def _is_without_resting(options: Options) -> bool:
    """Whether none of the options is there that needs an order to rest."""
    return (
        options.display_lots is None
        and options.trigger_ticks is None
        and options.trailing_ticks is None
        and options.peg == "none"
        and options.oco is None
    )


def _is_limit_shape(order: PlaceOrder, options: Options) -> bool:
    quantity, display = order.quantity_lots, options.display_lots
    if order.price_ticks is None or quantity is None or order.budget_atoms is not None:
        return False
    if order.time_in_force not in ("GTC", "GTD", "IOC", "FOK") or order.post_only not in ("none", "reject", "reprice"):
        return False
    if options.trigger_ticks is not None or options.trailing_ticks is not None:
        return False
    may_rest = order.time_in_force in ("GTC", "GTD")
    if order.post_only != "none" and not may_rest:
        return False
    if display is not None and not (may_rest and display <= quantity <= display * PEAKS):
        return False
    return options.peg == "none" or (may_rest and _is_peg_shape(order, options))


def _is_peg_shape(order: PlaceOrder, options: Options) -> bool:
    if order.post_only != "none" or options.display_lots is not None or options.oco is not None or options.on_fill:
        return False
    follows_opposite = options.peg == ("best_offer" if order.side == "buy" else "best_bid")
    return not follows_opposite or options.peg_offset_ticks >= 1


def _is_trigger_shape(order: PlaceOrder, options: Options) -> bool:
    price, quantity, budget = order.price_ticks, order.quantity_lots, order.budget_atoms
    if options.display_lots is not None or options.peg != "none" or options.oco is not None:
        return False
    is_limit = order.type in LIMIT_TYPES
    if order.time_in_force not in (("GTC", "GTD", "IOC") if is_limit else ("GTC", "GTD")) or order.post_only != "none":
        return False
    if not _has_trigger(order.type, options.trigger_ticks, options.trailing_ticks):
        return False
    if is_limit:
        return price is not None and quantity is not None and budget is None
    if order.side == "sell":
        return quantity is not None and budget is None
    return budget is not None if quantity is None else budget is None and price is not None


def _has_trigger(type_: str, trigger_ticks: int | None, trailing_ticks: int | None) -> bool:
    if type_ == "trailing_stop":
        return trailing_ticks is not None
    return trigger_ticks is not None and trailing_ticks is None


def _are_legs(order: PlaceOrder, options: Options) -> bool:
    oco, on_fill = options.oco, options.on_fill
    if oco is not None:
        if order.type != "limit" or order.time_in_force not in ("GTC", "GTD") or options.display_lots is not None:
            return False
        if on_fill or options.peg != "none" or oco.type not in TRIGGER_TYPES or not _is_leg(oco, order.side == "buy"):
            return False
    if len(on_fill) > 2 or not all(_is_leg(leg, order.side == "sell") for leg in on_fill):
        return False
    return len(on_fill) < 2 or (on_fill[0].type == "limit" and on_fill[1].type in TRIGGER_TYPES)


def _is_leg(leg: Leg, is_buy: bool) -> bool:
    if any(number is not None and number < 1 for number in (leg.price_ticks, leg.trigger_ticks, leg.trailing_ticks)):
        return False
    if leg.type == "limit":
        return leg.price_ticks is not None and leg.trigger_ticks is None and leg.trailing_ticks is None
    if leg.type not in TRIGGER_TYPES or not _has_trigger(leg.type, leg.trigger_ticks, leg.trailing_ticks):
        return False
    return leg.price_ticks is not None or not (is_buy or leg.type in LIMIT_TYPES)


def _is_above(order: PlaceOrder, options: Options, market: Market) -> bool:
    quantity = order.quantity_lots or 0
    prices = [order.price_ticks, options.trigger_ticks, options.trailing_ticks]
    limits = [order.price_ticks]
    for leg in (options.oco, *options.on_fill):
        if leg is not None:
            prices += (leg.price_ticks, leg.trigger_ticks, leg.trailing_ticks)
            limits.append(leg.price_ticks)
    if any((price or 0) > MAXIMUM_PRICE_TICKS for price in prices) or quantity > MAXIMUM_QUANTITY_LOTS:
        return True
    if any((limit or 0) * quantity * market.tick_lot_atoms > MAXIMUM_NOTIONAL_ATOMS for limit in limits):
        return True
    return (order.budget_atoms or 0) > MAXIMUM_NOTIONAL_ATOMS


def _is_taken(order: PlaceOrder, options: Options, market: Market) -> bool:
    """Whether a market that is not open takes the order."""
    if order.type == "limit":
        may_rest = order.time_in_force in ("GTC", "GTD")
        return _takes_limit(market, may_rest, order.post_only != "none", options.peg != "none")
    return market.state == "auction" and order.type != "market"


def _is_below(order: PlaceOrder, market: Market) -> bool:
    quantity = order.quantity_lots
    if quantity is None:
        return (order.budget_atoms or 0) < market.minimum_notional_atoms
    if quantity < market.minimum_lots:
        return True
    value_atoms = (order.price_ticks or 0) * quantity * market.tick_lot_atoms
    return order.type in LIMIT_TYPES and value_atoms < market.minimum_notional_atoms


def leg_refusal(leg: Leg, quantity_lots: int, market: Market) -> Reason | None:
    """Why a leg cannot be placed for so much, as its market is now; its shape was looked at with its order's."""
    value_atoms = (leg.price_ticks or 0) * quantity_lots * market.tick_lot_atoms
    if quantity_lots > MAXIMUM_QUANTITY_LOTS or value_atoms > MAXIMUM_NOTIONAL_ATOMS:
        return ABOVE_MAXIMUM
    if not market.is_open and market.state != "auction":
        return MARKET_CLOSED
    if quantity_lots < market.minimum_lots:
        return BELOW_MINIMUM
    return BELOW_MINIMUM if leg.type in LIMIT_TYPES and value_atoms < market.minimum_notional_atoms else None
