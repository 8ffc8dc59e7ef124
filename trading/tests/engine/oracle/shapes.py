"""What makes an order: which fields go together, and how large its numbers may be. Neither book nor balances matter."""

from collections.abc import Iterator

from trading.engine.commands import Leg, Options, PlaceOrder, Side
from trading.engine.outcomes import Reason

from .world import LIMIT_TYPES, NO_OPTIONS, TRIGGER_TYPES, NaiveMarket, NaiveOrder, World

MAXIMUM = 10**12
MAXIMUM_VALUE = 10**18
STAYS = ("GTC", "GTD")


def refusal(command: PlaceOrder, market: NaiveMarket) -> Reason | None:
    """Why this is no order; None if it is one."""
    if not is_order(command):
        return Reason.INVALID_ORDER
    return Reason.ABOVE_MAXIMUM if is_above_maximum(command, market) else None


def is_order(command: PlaceOrder) -> bool:
    options = command.options or NO_OPTIONS
    if command.account < 1 or command.side not in ("buy", "sell") or options.peg_offset_ticks < 0:
        return False
    if any(number is not None and number < 1 for number in numbers(command, options)):
        return False
    if (options.expires_at_us is not None) != (command.time_in_force == "GTD"):
        return False
    if not are_legs(command, options):
        return False
    if command.type == "limit":
        return is_limit(command, options)
    if command.type == "market":
        return is_market(command, options)
    return command.type in TRIGGER_TYPES and is_trigger(command, options)


def numbers(command: PlaceOrder, options: Options) -> Iterator[int | None]:
    yield from (command.price_ticks, command.quantity_lots, command.budget_atoms)
    yield from (options.expires_at_us, options.deadline_us, options.display_lots)
    yield from (options.trigger_ticks, options.trailing_ticks)
    for leg in legs(options):
        yield from (leg.price_ticks, leg.trigger_ticks, leg.trailing_ticks)


def legs(options: Options) -> tuple[Leg, ...]:
    return options.on_fill if options.oco is None else (options.oco, *options.on_fill)


def is_limit(command: PlaceOrder, options: Options) -> bool:
    if command.price_ticks is None or command.quantity_lots is None or command.budget_atoms is not None:
        return False
    if options.trigger_ticks is not None or options.trailing_ticks is not None:
        return False
    if command.time_in_force not in ("GTC", "GTD", "IOC", "FOK"):
        return False
    stays = command.time_in_force in STAYS
    if command.post_only not in ("none", "reject", "reprice") or (command.post_only != "none" and not stays):
        return False
    if options.display_lots is not None and not (stays and is_display(options.display_lots, command.quantity_lots)):
        return False
    if options.peg == "none":
        if options.peg_offset_ticks != 0:
            return False
    elif not stays or command.post_only != "none" or not is_peg(command.side, options):
        return False
    return options.oco is None or (
        stays and options.peg == "none" and options.display_lots is None and not options.on_fill
    )


def is_display(display: int, quantity: int) -> bool:
    return display <= quantity <= 100 * display


def is_peg(side: Side, options: Options) -> bool:
    if options.display_lots is not None or options.oco is not None or options.on_fill:
        return False
    across = (side, options.peg) in (("buy", "best_offer"), ("sell", "best_bid"))
    return (1 if across else 0) <= options.peg_offset_ticks <= MAXIMUM


def is_market(command: PlaceOrder, options: Options) -> bool:
    if command.post_only != "none" or has_more_than_a_market_order(options):
        return False
    if command.quantity_lots is not None:
        return command.budget_atoms is None and command.time_in_force in ("IOC", "FOK")
    return command.time_in_force == "IOC" and is_budget(command, options)


def has_more_than_a_market_order(options: Options) -> bool:
    others = (options.expires_at_us, options.display_lots, options.trigger_ticks, options.trailing_ticks, options.oco)
    return any(other is not None for other in others) or options.peg != "none" or options.peg_offset_ticks != 0


def is_budget(command: PlaceOrder, options: Options) -> bool:
    """A buy for an amount of quote."""
    return command.budget_atoms is not None and command.side == "buy" and options.self_trade_prevention != "decrement"


def is_trigger(command: PlaceOrder, options: Options) -> bool:
    times = (*STAYS, "IOC") if command.type in LIMIT_TYPES else STAYS
    if command.time_in_force not in times or command.post_only != "none":
        return False
    if options.display_lots is not None or options.peg != "none" or options.peg_offset_ticks or options.oco is not None:
        return False
    if not has_trigger(command.type, options.trigger_ticks, options.trailing_ticks):
        return False
    if command.type in LIMIT_TYPES:
        return None not in (command.price_ticks, command.quantity_lots) and command.budget_atoms is None
    if command.quantity_lots is None:
        return is_budget(command, options)
    return command.budget_atoms is None and (command.side == "sell" or command.price_ticks is not None)


def has_trigger(type_: str, trigger: int | None, trailing: int | None) -> bool:
    if type_ == "trailing_stop":
        return trailing is not None
    return trigger is not None and trailing is None


def are_legs(command: PlaceOrder, options: Options) -> bool:
    """Whether the legs are: the OCO leg on the order's side, those of a bracket on the other."""
    opposite: Side = "sell" if command.side == "buy" else "buy"
    if options.oco is not None and not (options.oco.type in TRIGGER_TYPES and is_leg(options.oco, command.side)):
        return False
    if not all(is_leg(leg, opposite) for leg in options.on_fill):
        return False
    if len(options.on_fill) == 2:
        first, second = options.on_fill
        return first.type == "limit" and second.type in TRIGGER_TYPES
    return len(options.on_fill) < 2


def is_leg(leg: Leg, side: Side) -> bool:
    if leg.type == "limit":
        return leg.price_ticks is not None and leg.trigger_ticks is None and leg.trailing_ticks is None
    if leg.type not in TRIGGER_TYPES or not has_trigger(leg.type, leg.trigger_ticks, leg.trailing_ticks):
        return False
    needs_price = leg.type in LIMIT_TYPES or side == "buy"
    return leg.price_ticks is not None or not needs_price


def is_above_maximum(command: PlaceOrder, market: NaiveMarket) -> bool:
    options = command.options or NO_OPTIONS
    quantity = command.quantity_lots
    if (quantity or 0) > MAXIMUM or (command.budget_atoms or 0) > MAXIMUM_VALUE:
        return True
    one = [(command.price_ticks, options.trigger_ticks, options.trailing_ticks)]
    one += [(leg.price_ticks, leg.trigger_ticks, leg.trailing_ticks) for leg in legs(options)]
    return any(
        max(price or 0, trigger or 0, trailing or 0) > MAXIMUM
        or (price or 0) * (quantity or 0) * market.unit > MAXIMUM_VALUE
        for price, trigger, trailing in one
    )


def leg_command(parent: NaiveOrder, leg: Leg, side: Side, quantity: int) -> PlaceOrder:
    """A leg as the command that would place it."""
    return PlaceOrder(
        account=parent.account,
        market=parent.market.name,
        side=side,
        type=leg.type,
        time_in_force="GTC",
        quantity_lots=quantity,
        price_ticks=leg.price_ticks,
        options=Options(
            self_trade_prevention=parent.mode,
            keep_on_disconnect=parent.keep_on_disconnect,
            trigger_ticks=leg.trigger_ticks,
            trailing_ticks=leg.trailing_ticks,
        ),
    )


def draft(world: World, number: int, command: PlaceOrder) -> NaiveOrder:
    """The order that the command asks for; nobody knows of it yet."""
    market, options = world.markets[command.market], command.options or NO_OPTIONS
    tiers = market.definition.fee_tiers
    tier = world.tiers.get(command.account, 0)
    rates = tiers[tier] if tier < len(tiers) else tiers[-1]
    return NaiveOrder(
        number=number,
        account=command.account,
        market=market,
        side=command.side,
        type=command.type,
        time_in_force=command.time_in_force,
        limit=command.price_ticks,
        quantity=command.quantity_lots,
        budget=command.budget_atoms,
        maker_ppm=rates.maker_ppm,
        taker_ppm=rates.taker_ppm,
        accepted_at=world.now,
        updated_at=world.now,
        post_only=command.post_only,
        display=options.display_lots,
        trigger=options.trigger_ticks,
        trailing=options.trailing_ticks,
        peg=options.peg,
        peg_offset=options.peg_offset_ticks,
        expires_at=options.expires_at_us,
        mode=options.self_trade_prevention,
        keep_on_disconnect=options.keep_on_disconnect,
        on_fill=options.on_fill,
        remaining=command.quantity_lots or 0,
    )
