"""Requests of Kraken's clients as those of REST: their names become ours. Nothing is judged here that REST judges."""

from typing import Any, TypeVar

import msgspec

from accounts.problems import Problem
from trading.api.http import invalid as as_problem
from trading.engine.commands import Options
from trading.instruments import Market
from trading.live import LiveState
from trading.order_facts import NO_OPTIONS
from trading.problems import NOT_SUPPORTED
from trading.shapes.fields import LIMIT_TYPES
from trading.shapes.orders import OrderLike
from trading.shapes.requests import AmendRequest, LegRequest, OrderRequest

from .describing import TYPES, trigger
from .errors import invalid
from .fields import Fields, moment
from .history import refuse_userref
from .pairs import pair
from .texts import seconds

T = TypeVar("T")
OURS = {theirs: ours for ours, theirs in TYPES.items()} | {"limit": "limit", "market": "market", "iceberg": "limit"}
"""Our types of orders by Kraken's names."""
FLAGS = frozenset(("post", "fciq", "fcib", "nompp", "viqc"))
"""Fees are in the quote asset whatever is preferred, and there is no other price protection than the market's own."""
SELF_TRADE = {
    "cancel-newest": "cancel_newest",
    "cancel-oldest": "cancel_oldest",
    "cancel-both": "cancel_both",
    "decrement-and-cancel": "decrement",
}
NO_LEVERAGE = ("none", "1", "1:1", "0")
PROTECTION_PERCENT = 5
MAXIMUM_SECONDS_DIGITS = 10


def order_request(live: LiveState, fields: Fields, now_us: int) -> OrderRequest:
    """Raises Refused, or Problem."""
    _refuse_what_is_not_here(fields)
    theirs = fields.required("ordertype")
    type_ = OURS.get(theirs)
    if type_ is None:
        raise invalid("ordertype")
    flags = _flags(fields)
    volume = fields.decimal("volume") or ""
    by_cost = "viqc" in flags
    expires_us = _time_us(fields, "expiretm", now_us)
    self_trade = fields.text("stptype") or "cancel-newest"
    if self_trade not in SELF_TRADE:
        raise invalid("stptype")
    market, side = pair(live, fields.required("pair")).market, fields.required("type")
    values: dict[str, Any] = {
        "market": market.name,
        "side": side,
        "type": type_,
        "quantity": None if by_cost else volume,
        "quote_quantity": volume if by_cost else None,
        "time_in_force": _time_in_force(fields, type_, expires=expires_us is not None),
        "expires_at": None if expires_us is None else moment(expires_us),
        "post_only": "reject" if "post" in flags else "none",
        "self_trade_prevention": SELF_TRADE[self_trade],
        "display_quantity": fields.decimal("displayvol"),
        "client_order_id": fields.text("cl_ord_id"),
        "deadline_at": fields.text("deadline"),
        "validate_only": fields.flag("validate"),
        **_prices(fields, type_, market, is_capped=side == "buy" and not by_cost),
    }
    close = fields.inner("close")
    if close is not None:
        values["on_fill"] = [_leg(close, market, is_buy=side == "sell")]
    return _shaped(values, OrderRequest)


def edited(fields: Fields, order: OrderLike, market: Market) -> Fields:
    """The fields of the order that is to take another's place: what is not given is as that was, for what is left of it.

    Raises Problem not_supported for one with legs or a peg, which have no words here.
    """
    options: Options = order.options or NO_OPTIONS
    if options.oco is not None or options.on_fill or options.peg != "none":
        raise Problem(NOT_SUPPORTED, "An order with legs or a peg cannot be edited. Cancel it, and place another.")
    flags = ["post"] if order.post_only != "none" else []
    limit = None if order.price_ticks is None or order.type not in LIMIT_TYPES else market.price(order.price_ticks)
    waits_for = trigger(options.trigger_ticks, options.trailing_ticks, market)
    before = {
        "pair": market.name,
        "timeinforce": order.time_in_force,
        "stptype": next(name for name, ours in SELF_TRADE.items() if ours == options.self_trade_prevention),
        "price": limit if waits_for is None else waits_for,
        "price2": None if waits_for is None else limit,
    }
    if order.quantity_lots is None:
        before["volume"] = market.quote.text(order.budget_atoms)
        flags.append("viqc")
    else:
        before["volume"] = market.quantity(order.quantity_lots - order.filled_lots)
    if options.display_lots is not None:
        before["displayvol"] = market.quantity(options.display_lots)
    if options.expires_at_us is not None:
        before["expiretm"] = bytes(seconds(options.expires_at_us)).decode()
    before["oflags"] = ",".join(flags)
    kept = {"type": str(order.side), "ordertype": TYPES.get(order.type, str(order.type))}
    return fields.over({name: value for name, value in before.items() if value is not None}).with_these(kept)


def amend_request(fields: Fields) -> AmendRequest:
    """Raises Refused, or Problem."""
    if fields.has("display_qty"):
        raise invalid("display_qty")
    values = {
        "quantity": fields.decimal("order_qty"),
        "price": fields.decimal("limit_price"),
        "trigger_price": fields.decimal("trigger_price"),
        "deadline_at": fields.text("deadline"),
    }
    return _shaped(values, AmendRequest)


def _shaped(values: dict[str, Any], shape: type[T]) -> T:
    try:
        return msgspec.convert(values, shape)
    except msgspec.ValidationError as error:
        raise as_problem(error) from error


def _refuse_what_is_not_here(fields: Fields) -> None:
    """Refuses what would be asked for in vain. Raises Refused."""
    refuse_userref(fields)
    if (fields.text("leverage") or "none") not in NO_LEVERAGE:
        raise invalid("leverage")
    if fields.flag("reduce_only"):
        raise invalid("reduce_only")
    if (fields.text("starttm") or "0") not in ("0", "+0"):
        raise invalid("starttm")
    if (fields.text("trigger") or "last") != "last":
        raise invalid("trigger")


def _flags(fields: Fields) -> set[str]:
    flags = {flag.strip() for flag in (fields.text("oflags") or "").split(",") if flag.strip()}
    if not flags <= FLAGS:
        raise invalid("oflags")
    return flags


def _time_in_force(fields: Fields, type_: str, *, expires: bool) -> str | None:
    """Nothing is said where the default is meant: a market order is not good till cancelled, whatever its client says."""
    given = fields.text("timeinforce")
    if type_ == "market" and given == "GTC":
        return None
    return "GTD" if expires and given in (None, "GTC") else given


def _prices(fields: Fields, type_: str, market: Market, *, is_capped: bool) -> dict[str, str | None]:
    """``price`` is what a waiting order waits for, and ``price2`` its limit then. Of a market order both mean nothing.

    ``is_capped``: it buys a quantity. What that may cost is held, so one without a limit has a cap: PROTECTION_PERCENT above
    what it waits for, as Kraken's market price protection has it.
    """
    price, price2 = fields.decimal("price"), fields.decimal("price2")
    if type_ == "limit":
        return {"price": price}
    if type_ == "market":
        return {}
    if type_ == "trailing_stop":
        return {"trailing_offset": (price or "").removeprefix("+")}
    if type_ in LIMIT_TYPES:
        return {"trigger_price": price, "price": price2}
    return {"trigger_price": price, "slippage_price": _cap(price, market) if is_capped else None}


def _cap(price: str | None, market: Market) -> str | None:
    """Nothing for what is no price, which is refused by that."""
    try:
        return market.price(market.parse_price(price or "") * (100 + PROTECTION_PERCENT) // 100)
    except ValueError:
        return None


def _leg(close: Fields, market: Market, *, is_buy: bool) -> LegRequest:
    """Raises Refused."""
    type_ = OURS.get(close.required("ordertype"))
    if type_ is None or type_ == "market":
        raise invalid("close")
    return _shaped({"type": type_, **_prices(close, type_, market, is_capped=is_buy)}, LegRequest)


def _time_us(fields: Fields, name: str, now_us: int) -> int | None:
    """A time, or ``+`` so many seconds from now; nothing for 0. Raises Refused."""
    text = fields.text(name)
    if text is None or text in ("0", "+0"):
        return None
    if text.startswith("+"):
        later = text[1:]
        if not (later.isascii() and later.isdigit() and len(later) <= MAXIMUM_SECONDS_DIGITS):
            raise invalid(name)
        found: int | None = now_us + int(later) * 1_000_000
    else:
        found = fields.time_us(name)
    if found is None or moment(found) is None:
        raise invalid(name)
    return found
