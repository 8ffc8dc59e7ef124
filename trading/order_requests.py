"""Requests of traders as commands of the engine: decimal texts become ticks and lots, times microseconds; nothing is rounded.

Refused by ``Problem`` is what needs no engine to refuse, and any number wider than the journal's readers expect.
"""

import datetime as dt
from collections.abc import Callable

from accounts.problems import INVALID_PARAMETER, Problem

from . import amounts
from .engine.bounds import MAXIMUM_NOTIONAL_ATOMS, MAXIMUM_PRICE_TICKS, MAXIMUM_QUANTITY_LOTS
from .engine.commands import AmendOrder, Leg, Options, PlaceOrder
from .engine.outcomes import Reason
from .instruments import Market, OffLot, OffTick
from .order_facts import NO_OPTIONS
from .problems import OFF_LOT, OFF_TICK, TOO_PRECISE, refused
from .shapes.fields import LIMIT_TYPES
from .shapes.requests import AmendRequest, LegRequest, OrderRequest
from .shapes.texts import microseconds

PLAIN = ("limit", "market")
TRIGGERED_AT_A_PRICE = frozenset(("stop", "stop_limit", "take_profit", "take_profit_limit"))


def place_command(account: int, request: OrderRequest, market: Market) -> PlaceOrder:
    """The command that places the order of a request. Raises Problem."""
    is_limit = request.type in LIMIT_TYPES
    price = request.price if is_limit else request.slippage_price
    if is_limit and request.slippage_price is not None:
        raise wrong("slippage_price", "This order has its limit in price; slippage_price is for orders without one.")
    if not is_limit and request.price is not None:
        raise wrong("price", "This order has no price; slippage_price caps it.")
    if is_limit and price is None:
        raise wrong("price", f"A {request.type} order needs a price.")
    if (request.quantity is None) == (request.quote_quantity is None):
        raise wrong("quantity", "Give quantity, or quote_quantity for a buy at the market.")
    if request.quote_quantity is not None and (is_limit or request.side == "sell"):
        raise wrong("quote_quantity", "Only a buy at the market can be given by quote_quantity.")
    options = NO_OPTIONS if _is_plain(request) else _options(request, market)
    return PlaceOrder(
        account=account,
        market=market.name,
        side=request.side,
        type=request.type,
        time_in_force=request.time_in_force or ("IOC" if request.type == "market" else "GTC"),
        quantity_lots=None if request.quantity is None else _lots(market, request.quantity, "quantity"),
        budget_atoms=None if request.quote_quantity is None else _budget(market, request.quote_quantity),
        price_ticks=None if price is None else _ticks(market, price, "price" if is_limit else "slippage_price"),
        post_only=request.post_only,
        client_order_id=request.client_order_id,
        options=None if options is NO_OPTIONS or options == NO_OPTIONS else options,
    )


def amend_command(account: int, order: int, request: AmendRequest, market: Market) -> AmendOrder:
    """The command that amends the order of this number. Raises Problem."""
    quantity, price, trigger = request.quantity, request.price, request.trigger_price
    if quantity is None and price is None and trigger is None:
        raise wrong("quantity", "Give quantity, price or trigger_price.")
    return AmendOrder(
        account=account,
        order=order,
        quantity_lots=None if quantity is None else _lots(market, quantity, "quantity"),
        price_ticks=None if price is None else _ticks(market, price, "price"),
        trigger_ticks=None if trigger is None else _ticks(market, trigger, "trigger_price"),
        deadline_us=_us(request.deadline_at, "deadline_at"),
    )


def _is_plain(request: OrderRequest) -> bool:
    """Whether nothing is asked for that ``_options`` would look at: most orders, which need not pay for it."""
    return (
        request.type in PLAIN
        and request.time_in_force != "GTD"
        and request.expires_at is None
        and request.deadline_at is None
        and request.self_trade_prevention == NO_OPTIONS.self_trade_prevention
        and request.display_quantity is None
        and request.trigger_price is None
        and request.trailing_offset is None
        and not request.keep_on_disconnect
        and request.oco is None
        and not request.on_fill
        and request.peg is None
    )


def _options(request: OrderRequest, market: Market) -> Options:
    trigger, offset, display = request.trigger_price, request.trailing_offset, request.display_quantity
    if trigger is None and request.type in TRIGGERED_AT_A_PRICE:
        raise wrong("trigger_price", f"A {request.type} order needs a trigger_price.")
    if trigger is not None and request.type in ("limit", "market"):
        raise wrong("trigger_price", f"A {request.type} order waits for no trigger_price.")
    if (offset is None) == (request.type == "trailing_stop"):
        raise wrong("trailing_offset", "A trailing_stop needs a trailing_offset, other orders have none.")
    if (request.expires_at is None) == (request.time_in_force == "GTD"):
        raise wrong("expires_at", "time_in_force GTD needs expires_at, no other has it.")
    if request.peg is not None and request.type != "limit":
        raise wrong("peg", "Only a limit order can follow a price.")
    peg = request.peg
    return Options(
        expires_at_us=_us(request.expires_at, "expires_at"),
        deadline_us=_us(request.deadline_at, "deadline_at"),
        self_trade_prevention=request.self_trade_prevention,
        display_lots=None if display is None else _lots(market, display, "display_quantity"),
        trigger_ticks=None if trigger is None else _ticks(market, trigger, "trigger_price"),
        trailing_ticks=None if offset is None else _ticks(market, offset, "trailing_offset"),
        keep_on_disconnect=request.keep_on_disconnect,
        oco=None if request.oco is None else _leg(request.oco, market, "oco"),
        on_fill=tuple(_leg(leg, market, f"on_fill[{place}]") for place, leg in enumerate(request.on_fill)),
        peg="none" if peg is None else peg.reference,
        peg_offset_ticks=0 if peg is None else _ticks(market, peg.offset, "peg.offset"),
    )


def _leg(leg: LegRequest, market: Market, name: str) -> Leg:
    is_limit = leg.type in LIMIT_TYPES
    price = leg.price if is_limit else leg.slippage_price
    if leg.type == "market":
        raise wrong(f"{name}.type", "A leg is a limit order, or one that waits for a trigger.")
    if (leg.slippage_price if is_limit else leg.price) is not None:
        raise wrong(f"{name}.price", "price is for legs with a limit, slippage_price for those without.")
    if is_limit and price is None:
        raise wrong(f"{name}.price", f"A {leg.type} leg needs a price.")
    if (leg.trigger_price is None) == (leg.type in TRIGGERED_AT_A_PRICE) and leg.type != "trailing_stop":
        raise wrong(f"{name}.trigger_price", "Legs that wait for a trigger need a trigger_price, others have none.")
    if (leg.trailing_offset is None) == (leg.type == "trailing_stop"):
        raise wrong(f"{name}.trailing_offset", "A trailing_stop needs a trailing_offset, other legs have none.")
    return Leg(
        type=leg.type,
        price_ticks=None if price is None else _ticks(market, price, f"{name}.price"),
        trigger_ticks=None if leg.trigger_price is None else _ticks(market, leg.trigger_price, f"{name}.trigger_price"),
        trailing_ticks=(
            None if leg.trailing_offset is None else _ticks(market, leg.trailing_offset, f"{name}.trailing_offset")
        ),
    )


def _us(at: dt.datetime | None, name: str) -> int | None:
    if at is None:
        return None
    if at.tzinfo is None:
        raise wrong(name, "Give the time with its zone, as 2027-01-01T00:00:00Z.")
    return microseconds(at)


def _ticks(market: Market, text: str, name: str) -> int:
    try:
        return _bounded(market.parse_price(text), MAXIMUM_PRICE_TICKS)
    except OffTick as error:
        raise Problem(OFF_TICK, str(error), {"errors": {name: [str(error)]}}) from error
    except amounts.NotADecimal as error:
        raise wrong(name, str(error)) from error


def _lots(market: Market, text: str, name: str) -> int:
    try:
        return _bounded(market.parse_quantity(text), MAXIMUM_QUANTITY_LOTS)
    except OffLot as error:
        raise Problem(OFF_LOT, str(error), {"errors": {name: [str(error)]}}) from error
    except amounts.NotADecimal as error:
        raise wrong(name, str(error)) from error


def _budget(market: Market, text: str) -> int:
    return _bounded(parse_atoms(market.quote.parse, text, "quote_quantity"), MAXIMUM_NOTIONAL_ATOMS)


def _bounded(value: int, maximum: int) -> int:
    """Refuses here what the engine would refuse, so that the journal holds no number wider than its readers expect."""
    if value > maximum:
        raise refused(Reason.ABOVE_MAXIMUM)
    return value


def parse_atoms(parse: Callable[[str], int], text: str, name: str) -> int:
    """Atoms by this parser of an asset. Raises Problem."""
    try:
        return parse(text)
    except amounts.TooPrecise as error:
        raise Problem(TOO_PRECISE, str(error), {"errors": {name: [str(error)]}}) from error
    except amounts.NotADecimal as error:
        raise wrong(name, str(error)) from error


def wrong(name: str, detail: str) -> Problem:
    """The problem that a field is not valid."""
    return Problem(INVALID_PARAMETER, detail, {"errors": {name: [detail]}})
