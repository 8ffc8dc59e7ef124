"""Placing: the checks that need the market, the book and the balances; then what the order does first."""

from trading.engine.commands import PlaceOrder
from trading.engine.numbers import leg_number
from trading.engine.outcomes import LegPlaced, OrderAccepted, OrderRejected, OrderRepriced, Reason

from . import matching, pegs, shapes, waiting
from .shapes import MAXIMUM, draft
from .world import NO_OPTIONS, NaiveOrder, World

MAXIMUM_PEGGED = 100


def place(world: World, number: int, command: PlaceOrder) -> None:
    market = world.markets.get(command.market)
    if market is None:
        world.tell(OrderRejected(number, command.account, command.market, Reason.UNKNOWN_MARKET))
        return
    reason = shapes.refusal(command, market)
    if reason is not None:
        world.tell(OrderRejected(number, command.account, command.market, reason))
        return
    order, options = draft(world, number, command), command.options or NO_OPTIONS
    leg = None
    if options.oco is not None:
        terms = shapes.leg_command(order, options.oco, order.side, order.remaining)
        leg = draft(world, leg_number(number, 1), terms)
    reason = refusal(world, order, leg, options.deadline_us)
    if reason is not None:
        reject(world, order, reason)
        after_refusal(world, order, reason)
        return
    accept(world, order)
    if leg is not None:
        leg.quantity = leg.remaining = order.quantity or 0
        tell_leg(world, order, leg)
        link(world, order, leg)


def reject(world: World, order: NaiveOrder, reason: Reason) -> None:
    world.tell(OrderRejected(order.number, order.account, order.market.name, reason))


def after_refusal(world: World, order: NaiveOrder, reason: Reason) -> None:
    if reason == Reason.CIRCUIT_BREAKER:
        world.trip(order.market)


# Checks


def refusal(world: World, order: NaiveOrder, leg: NaiveOrder | None, deadline: int | None) -> Reason | None:
    """The first reason against the order, with the leg that it brings; None: it is accepted."""
    reason = refusal_by_market(world, order, deadline) or refusal_by_count(order, leg)
    if reason is not None:
        return reason
    return refusal_by_book(world, order) or refusal_by_funds(world, order, leg) or refusal_by_breaker(world, order)


def refusal_by_market(world: World, order: NaiveOrder, deadline: int | None) -> Reason | None:
    market, definition = order.market, order.market.definition
    if deadline is not None and world.now > deadline:
        return Reason.DEADLINE_PASSED
    if order.expires_at is not None and order.expires_at <= world.now:
        return Reason.EXPIRED
    if not takes(market.state, order):
        return Reason.MARKET_CLOSED
    if is_below_minimum(order, order.limit, order.quantity):
        return Reason.BELOW_MINIMUM
    if order.type == "limit" and not order.is_pegged and market.is_far(order.limit or 0, definition.price_band_ppm):
        return Reason.PRICE_BAND
    return None


def takes(state: str, order: NaiveOrder) -> bool:
    stays = order.type == "limit" and order.time_in_force in ("GTC", "GTD")
    if state == "post_only":
        return stays and (order.post_only != "none" or order.is_pegged)
    if state == "auction":
        return order.waits_for_trigger or (stays and order.post_only == "none" and not order.is_pegged)
    return state == "open"


def is_below_minimum(order: NaiveOrder, limit: int | None, quantity: int | None) -> bool:
    definition = order.market.definition
    if quantity is not None and quantity < definition.minimum_lots:
        return True
    if order.budget is not None:
        return order.budget < definition.minimum_notional_atoms
    value = (limit or 0) * (quantity or 0) * order.market.unit
    return order.is_limit and value < definition.minimum_notional_atoms


def refusal_by_count(order: NaiveOrder, leg: NaiveOrder | None) -> Reason | None:
    market = order.market
    if order.may_stay:
        mine = [o for o in market.orders if o.account == order.account]
        if len(mine) + (1 if leg is None else 2) > market.definition.maximum_open_orders:
            return Reason.TOO_MANY_ORDERS
    if order.is_pegged and len([o for o in market.orders if o.is_pegged]) >= MAXIMUM_PEGGED:
        return Reason.TOO_MANY_ORDERS
    return None


def refusal_by_book(world: World, order: NaiveOrder) -> Reason | None:
    best = order.market.best(order.opposite)
    has_no_price = order.post_only == "reject" or price_before(order, best) is None
    if order.post_only != "none" and order.meets(best) and has_no_price:
        return Reason.WOULD_TAKE
    if order.time_in_force == "FOK":
        would = matching.plan(world, order, "cancel_newest")
        if would.stop is not None:
            return Reason.SELF_TRADE if would.stop == Reason.SELF_TRADE else Reason.NOT_FILLED_WHOLE
    return None


def price_before(order: NaiveOrder, best: int | None) -> int | None:
    """The price that a post-only order takes instead of meeting the best opposite one; None: there is none."""
    if best is None:
        return None
    price = best - 1 if order.side == "buy" else best + 1
    return price if 1 <= price <= MAXIMUM else None


def refusal_by_funds(world: World, order: NaiveOrder, leg: NaiveOrder | None) -> Reason | None:
    needed = needs(world, order)
    if leg is not None:
        needed = max(needed, leg.hold_alone())
    is_funded = needed <= world.available(order.account, world.pays_with(order))
    return None if is_funded else Reason.INSUFFICIENT_FUNDS


def needs(world: World, order: NaiveOrder) -> int:
    """What must be available to place the order."""
    if order.waits_for_trigger or order.is_pegged or order.side == "sell" or order.budget is not None:
        return order.hold_alone()
    if order.type == "market":
        would = matching.plan(world, order, order.mode)
        value = sum(step.price * step.lots * order.market.unit for step in would.trades)
        return order.cost(value, order.taker_ppm)
    best = order.market.best(order.opposite)
    limit = order.limit
    if order.post_only != "none" and order.meets(best):
        limit = price_before(order, best)
    value = (limit or 0) * order.remaining * order.market.unit
    only_makes = order.post_only != "none" or order.market.state == "auction" or not order.meets(best)
    if world.rules >= 2 and only_makes:
        return order.cost(value, max(0, order.maker_ppm))
    return order.cost(value, max(order.maker_ppm, order.taker_ppm))


def refusal_by_breaker(world: World, order: NaiveOrder) -> Reason | None:
    if not takes_now(order):
        return None
    would = matching.plan(world, order, order.mode)
    return Reason.CIRCUIT_BREAKER if matching.trips_breaker(order, would) else None


def takes_now(order: NaiveOrder) -> bool:
    """Whether the order matches at once."""
    if order.market.state != "open" or order.waits_for_trigger or order.is_pegged or order.post_only != "none":
        return False
    return order.time_in_force in ("IOC", "FOK") or order.meets(order.market.best(order.opposite))


# What it does first


def accept(world: World, order: NaiveOrder) -> None:
    world.tell(OrderAccepted(order.number, order.account, order.market.name))
    if order.waits_for_trigger:
        waiting.wait(world, order)
    elif order.is_pegged:
        start_pegged(world, order)
    elif takes_now(order):
        matching.take(world, order)
    else:
        if order.post_only == "reprice":
            reprice(world, order)
        world.rest(order)


def start_pegged(world: World, order: NaiveOrder) -> None:
    order.price = pegs.price_of(order)
    if order.price is None:
        world.open(order)
        waiting.tell_waiting(world, order)
    else:
        world.rest(order)


def reprice(world: World, order: NaiveOrder) -> None:
    best = order.market.best(order.opposite)
    if order.meets(best):
        order.limit = price_before(order, best)
        name, left = order.market.name, order.remaining
        world.tell(OrderRepriced(order.number, order.account, name, order.side, None, order.limit, left))


# Legs


def tell_leg(world: World, parent: NaiveOrder, leg: NaiveOrder) -> None:
    world.tell(
        LegPlaced(
            order=leg.number,
            parent=parent.number,
            account=leg.account,
            market=leg.market.name,
            side=leg.side,
            type=leg.type,
            quantity_lots=leg.remaining,
            price_ticks=leg.limit,
            trigger_ticks=leg.trigger,
            trailing_ticks=leg.trailing,
        )
    )


def link(world: World, order: NaiveOrder, leg: NaiveOrder) -> None:
    """The leg waits beside the order if that rests untraded; the one that acts first cancels the other."""
    if not order.is_open or order.filled > 0:
        reject(world, leg, Reason.ONE_CANCELS_OTHER)
        return
    order.partner, leg.partner = leg, order
    accept(world, leg)


def place_brought(world: World, parent: NaiveOrder) -> None:
    """Places the legs of an order that has ended, for what it has filled."""
    commands = [shapes.leg_command(parent, terms, parent.opposite, parent.filled) for terms in parent.on_fill]
    legs = [draft(world, leg_number(parent.number, i), command) for i, command in enumerate(commands, start=1)]
    for leg in legs:
        tell_leg(world, parent, leg)
    reason = refusal_of_legs(world, commands, legs)
    if reason is not None:
        for leg in legs:
            reject(world, leg, reason)
        after_refusal(world, legs[0], reason)
        return
    accept(world, legs[0])
    if len(legs) == 2:
        link(world, legs[0], legs[1])


def refusal_of_legs(world: World, commands: list[PlaceOrder], legs: list[NaiveOrder]) -> Reason | None:
    """The first reason against the first leg, which asks for the room and the funds of both; then against the second."""
    for place, (command, leg) in enumerate(zip(commands, legs, strict=True)):
        if shapes.is_above_maximum(command, leg.market):
            return Reason.ABOVE_MAXIMUM
        other = legs[1] if place == 0 and len(legs) == 2 else None
        reason = refusal(world, leg, other, None)
        if reason is not None:
            return reason
    return None
