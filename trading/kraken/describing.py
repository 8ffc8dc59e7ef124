"""Orders and fills as Kraken tells them. Amounts are texts, times JSON numbers of seconds."""

from collections.abc import Sequence
from typing import Any

from trading.engine.commands import Leg, Options
from trading.instruments import Market
from trading.order_facts import NO_OPTIONS, OPEN_STATUSES
from trading.shapes.fields import LIMIT_TYPES
from trading.shapes.orders import OrderLike
from trading.shapes.requests import OrderRequest

from .queries import FillRow
from .texts import second, seconds

TYPES = {
    "stop": "stop-loss",
    "stop_limit": "stop-loss-limit",
    "take_profit": "take-profit",
    "take_profit_limit": "take-profit-limit",
    "trailing_stop": "trailing-stop",
}
"""Kraken's names of types, where they differ."""
STATUSES = {"waiting": "open", "filled": "closed", "cancelled": "canceled"}
NONE = "0"


def order_told(order: OrderLike, market: Market, pair: str, trades: Sequence[str] | None = None) -> dict[str, Any]:
    """``trades``: the ids of its fills, if they were asked for."""
    options: Options = order.options or NO_OPTIONS
    is_open = order.status in OPEN_STATUSES
    average = (
        market.average_price(order.filled_quote_atoms, order.filled_lots) if order.filled_lots else market.price(0)
    )
    told = {
        "refid": None,
        "userref": None,
        "cl_ord_id": order.client_order_id,
        "status": STATUSES.get(order.status, order.status),
        "opentm": seconds(order.created_at_us),
        "starttm": 0,
        "expiretm": 0 if options.expires_at_us is None else second(options.expires_at_us),
        "descr": _description(order, market, pair),
        "vol": volume(order, market),
        "vol_exec": market.quantity(order.filled_lots),
        "cost": market.quote.text(order.filled_quote_atoms),
        "fee": market.quote.text(order.fee_atoms),
        "price": average,
        "stopprice": market.price(options.trigger_ticks or 0),
        "limitprice": market.price(0),
        "misc": "",
        "oflags": ",".join(_flags(order, is_open=is_open)),
    }
    if order.type not in ("limit", "market"):
        told["trigger"] = "last"
    if not is_open:
        told |= {"closetm": seconds(order.updated_at_us), "reason": order.reason}
    if trades is not None:
        told["trades"] = list(trades)
    return told


def sentence(order: OrderLike, market: Market, pair: str) -> str:
    """What was asked for, as Kraken says it: ``buy 0.10000 BTCUSD @ stop loss 70000.00 -> limit 70100.00``."""
    options: Options = order.options or NO_OPTIONS
    price = None if order.price_ticks is None or order.type not in LIMIT_TYPES else market.price(order.price_ticks)
    how = _how(order.type, trigger(options.trigger_ticks, options.trailing_ticks, market), price)
    return f"{order.side} {volume(order, market)} {pair} @ {how}"


def request_sentence(request: OrderRequest, pair: str) -> str:
    """The same of an order that is still to be placed, with the numbers that its client has given."""
    trigger = request.trigger_price if request.trailing_offset is None else f"+{request.trailing_offset}"
    how = _how(request.type, trigger, request.price)
    return f"{request.side} {request.quantity or request.quote_quantity} {pair} @ {how}"


def volume(order: OrderLike, market: Market) -> str:
    """In base. Of a buy that is given by what it may cost: that, until it has ended."""
    if order.quantity_lots is not None:
        return market.quantity(order.quantity_lots)
    if order.status in OPEN_STATUSES and order.budget_atoms is not None:
        return market.quote.text(order.budget_atoms)
    return market.quantity(order.filled_lots)


def fill_told(row: FillRow, market: Market, pair: str) -> dict[str, Any]:
    return {
        "ordertxid": row.order_id,
        "postxid": "",
        "pair": pair,
        "time": seconds(row.at_us),
        "type": row.side,
        "ordertype": TYPES.get(row.order_type, row.order_type),
        "price": market.price(row.price_ticks),
        "cost": market.quote.text(row.quote_atoms),
        "fee": market.quote.text(row.fee_atoms),
        "vol": market.quantity(row.quantity_lots),
        "margin": NONE,
        "leverage": NONE,
        "misc": "",
        "trade_id": row.trade_id,
        "maker": row.liquidity == "maker",
        "cl_ord_id": row.client_order_id,
    }


def execution_id(fill: int) -> str:
    """The name of a fill by its id, the same as on the stream: the trade's number, and which side of it."""
    return f"{(fill + 1) // 2}-{'t' if fill % 2 else 'm'}"


def fill_named(name: str) -> int | None:
    """The id of the fill that is called so; None if none is."""
    number, _, side = name.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) <= 18) or side not in ("t", "m"):
        return None
    return 2 * int(number) - (side == "t")


def _description(order: OrderLike, market: Market, pair: str) -> dict[str, Any]:
    options: Options = order.options or NO_OPTIONS
    limit = NONE if order.price_ticks is None or order.type not in LIMIT_TYPES else market.price(order.price_ticks)
    waits_for = trigger(options.trigger_ticks, options.trailing_ticks, market)
    return {
        "pair": pair,
        "type": order.side,
        "ordertype": TYPES.get(order.type, order.type),
        "price": limit if waits_for is None else waits_for,
        "price2": NONE if waits_for is None else limit,
        "leverage": "none",
        "order": sentence(order, market, pair),
        "close": " or ".join(_leg_sentence(leg, market) for leg in options.on_fill),
    }


def _leg_sentence(leg: Leg, market: Market) -> str:
    price = None if leg.price_ticks is None or leg.type not in LIMIT_TYPES else market.price(leg.price_ticks)
    return f"close position @ {_how(leg.type, trigger(leg.trigger_ticks, leg.trailing_ticks, market), price)}"


def _how(type_: str, trigger: str | None, price: str | None) -> str:
    name = TYPES.get(type_, type_).removesuffix("-limit").replace("-", " ")
    if trigger is None:
        return name if price is None else f"{name} {price}"
    return f"{name} {trigger}" if price is None else f"{name} {trigger} -> limit {price}"


def trigger(trigger_ticks: int | None, trailing_ticks: int | None, market: Market) -> str | None:
    """What a waiting order waits for: a price, or how far it trails behind."""
    if trailing_ticks is not None:
        return f"+{market.price(trailing_ticks)}"
    return None if trigger_ticks is None else market.price(trigger_ticks)


def _flags(order: OrderLike, *, is_open: bool) -> list[str]:
    flags = ["fciq"]  # fees are in the quote asset, always
    if order.post_only != "none":
        flags.append("post")
    if order.quantity_lots is None and is_open:
        flags.append("viqc")
    return flags
