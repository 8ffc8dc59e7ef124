"""Requests of the stream as those of REST: the names of Kraken's WebSocket v2 become ours, JSON numbers exact texts.

Nothing is judged here that REST judges: both go through the same shapes and the same checks.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from accounts.problems import INVALID_PARAMETER, Problem
from trading.problems import NOT_SUPPORTED
from trading.shapes.requests import AmendRequest, BatchRequest, OrderRequest

from .methods import NULL, AmendOrder, BatchAdd, LegParams, OrderParams, PegParams

ORDER_TYPES = {
    "stop-loss": "stop",
    "stop-loss-limit": "stop_limit",
    "take-profit": "take_profit",
    "take-profit-limit": "take_profit_limit",
    "trailing-stop": "trailing_stop",
    "iceberg": "limit",
}
"""Kraken's names for ours; our own are understood as well."""
WITH_LIMIT = frozenset(("limit", "stop_limit", "take_profit_limit"))
DECIMAL_LENGTH_LIMIT = 64
PLAIN_LENGTH = 30
"""A number of no more characters, all digits but for a point, is within all limits."""
_decode_text: Callable[[bytes], str | None] = msgspec.json.Decoder(str | None).decode
_decode_texts: Callable[[bytes | msgspec.Raw], str | list[str] | None] = msgspec.json.Decoder(
    str | list[str] | None
).decode


def order_request(params: OrderParams, symbol: msgspec.Raw = NULL, deadline: str | None = None) -> OrderRequest:
    """``symbol`` and ``deadline``: of the batch that the order is in. Raises Problem or msgspec.ValidationError."""
    symbols = texts(params.symbol, "symbol") or texts(symbol, "symbol")
    names = texts(params.cl_ord_id, "cl_ord_id")
    if len(symbols) != 1 or len(names) > 1 or params.order_type is None or params.side is None:
        raise Problem(INVALID_PARAMETER, "Give symbol, side and order_type.")
    if params.margin or params.reduce_only:
        raise Problem(NOT_SUPPORTED, "This is a spot exchange: there is no margin.")
    type_ = ORDER_TYPES.get(params.order_type, params.order_type)
    price, is_limit = decimal(params.limit_price, "limit_price"), type_ in WITH_LIMIT
    if _is_plain(params, deadline):
        plain: dict[str, Any] = {
            "market": symbols[0],
            "side": params.side,
            "type": type_,
            "quantity": decimal(params.order_qty, "order_qty"),
            "price" if is_limit else "slippage_price": price,
            "time_in_force": None if params.time_in_force is None else params.time_in_force.upper(),
        }
        if names:
            plain["client_order_id"] = names[0]
        return msgspec.convert(plain, OrderRequest)
    fields = {
        "market": symbols[0],
        "side": params.side,
        "type": type_,
        "quantity": decimal(params.order_qty, "order_qty"),
        "quote_quantity": decimal(params.cash_order_qty, "cash_order_qty"),
        "price": price if is_limit else None,
        "slippage_price": None if is_limit else price,
        "time_in_force": None if params.time_in_force is None else params.time_in_force.upper(),
        "expires_at": params.expire_time,
        "deadline_at": params.deadline or deadline,
        "post_only": _post_only(params.post_only),
        "display_quantity": decimal(params.display_qty, "display_qty"),
        "client_order_id": names[0] if names else None,
        "keep_on_disconnect": params.keep_on_disconnect,
        "oco": None if params.oco is None else _leg(params.oco, "oco"),
        "on_fill": [_leg(leg, "on_fill") for leg in params.on_fill],
        "peg": None if params.peg is None else _peg(params.peg),
        "validate_only": params.validate,
        **_triggers(params, type_),
    }
    if params.stp_type is not None:
        fields["self_trade_prevention"] = params.stp_type
    return msgspec.convert(fields, OrderRequest)


def batch_request(params: BatchAdd) -> list[OrderRequest | Problem]:
    """Its orders, or what is wrong with them, in their order."""
    return [_order_or_problem(order, params) for order in params.orders]


def replacing(params: BatchAdd, orders: list[OrderRequest]) -> BatchRequest:
    """Raises Problem or msgspec.ValidationError."""
    symbols = texts(params.symbol, "symbol")
    if len(symbols) > 1:
        raise Problem(INVALID_PARAMETER, "symbol: one market, or leave it to each order.")
    return BatchRequest(orders=orders, replace=params.replace, market=symbols[0] if symbols else None)


def amend_request(params: AmendOrder) -> AmendRequest:
    """Raises Problem or msgspec.ValidationError."""
    fields = {
        "quantity": decimal(params.order_qty, "order_qty"),
        "price": decimal(params.limit_price, "limit_price"),
        "trigger_price": decimal(params.trigger_price, "trigger_price"),
        "deadline_at": params.deadline,
    }
    return msgspec.convert(fields, AmendRequest)


def references(order_id: msgspec.Raw, cl_ord_id: msgspec.Raw, name: str = "order_id") -> list[str]:
    """The orders that are meant, as REST refers to them."""
    names = texts(cl_ord_id, "cl_ord_id")
    return [*texts(order_id, name), *(f"client:{one}" for one in names)]


def reference(order_id: msgspec.Raw, cl_ord_id: msgspec.Raw) -> str:
    """The one order that is meant. Raises Problem."""
    meant = references(order_id, cl_ord_id)
    if len(meant) != 1:
        raise Problem(INVALID_PARAMETER, "Give one order_id or one cl_ord_id.")
    return meant[0]


def texts(value: msgspec.Raw, name: str) -> list[str]:
    """A text or a list of texts; nothing for null."""
    if value is NULL:
        return []
    try:
        given = _decode_texts(value)
    except msgspec.ValidationError as error:
        raise Problem(INVALID_PARAMETER, f"{name} is a text or a list of texts.") from error
    return [given] if isinstance(given, str) else given or []


def decimal(value: msgspec.Raw, name: str) -> str | None:
    """A text as it is, to be judged as REST judges it; a JSON number as exact decimal text, its exponent written out."""
    if value is NULL:
        return None
    text = bytes(value)
    if len(text) <= PLAIN_LENGTH and text.replace(b".", b"", 1).isdigit():
        return text.decode()  # as most are: nothing to write out
    if text.startswith(b'"') or text == b"null":
        return _decode_text(text)
    try:
        number = Decimal(text.decode("ascii"))
        if abs(number.adjusted()) > 30 or len(text) > DECIMAL_LENGTH_LIMIT:
            raise InvalidOperation
    except (InvalidOperation, UnicodeDecodeError) as error:
        raise Problem(INVALID_PARAMETER, f"{name} is not a decimal number.") from error
    return format(number, "f")


def _order_or_problem(order: OrderParams, params: BatchAdd) -> OrderRequest | Problem:
    try:
        return order_request(order, params.symbol, params.deadline)
    except msgspec.ValidationError as error:
        return Problem(INVALID_PARAMETER, f"{error}.")
    except Problem as problem:
        return problem


def _is_plain(params: OrderParams, deadline: str | None) -> bool:
    """Whether an order has none of what few have: most need not pay for it."""
    return (
        params.order_type != "trailing-stop"
        and params.cash_order_qty is NULL
        and params.triggers is None
        and params.activation_price is NULL
        and params.expire_time is None
        and params.deadline is None
        and deadline is None
        and params.post_only is False
        and params.display_qty is NULL
        and params.stp_type is None
        and params.keep_on_disconnect is False
        and params.oco is None
        and not params.on_fill
        and params.peg is None
        and params.validate is False
    )


def _post_only(given: bool | str) -> str:
    return given if isinstance(given, str) else "reject" if given else "none"


def _triggers(params: OrderParams, type_: str) -> dict[str, Any]:
    """A trailing stop's price is its distance; from where on it trails is ``activation_price``."""
    triggers = params.triggers
    price = None if triggers is None else decimal(triggers.price, "triggers.price")
    activation = decimal(params.activation_price, "activation_price")
    if type_ != "trailing_stop":
        if triggers is not None and triggers.price_type != "static":
            raise Problem(NOT_SUPPORTED, "triggers.price is a price: price_type static.")
        if activation is not None:
            raise Problem(INVALID_PARAMETER, "activation_price is for trailing stops.")
        return {"trigger_price": price}
    if triggers is not None and triggers.price_type != "quote":
        raise Problem(NOT_SUPPORTED, "triggers.price of a trailing stop is a distance: price_type quote.")
    return {"trigger_price": activation, "trailing_offset": price}


def _leg(leg: LegParams, name: str) -> dict[str, Any]:
    return {
        "type": ORDER_TYPES.get(leg.type, leg.type),
        "price": decimal(leg.price, f"{name}.price"),
        "slippage_price": decimal(leg.slippage_price, f"{name}.slippage_price"),
        "trigger_price": decimal(leg.trigger_price, f"{name}.trigger_price"),
        "trailing_offset": decimal(leg.trailing_offset, f"{name}.trailing_offset"),
    }


def _peg(peg: PegParams) -> dict[str, Any]:
    return {"reference": peg.reference, "offset": decimal(peg.offset, "peg.offset") or "0"}
