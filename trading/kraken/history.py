"""Orders and fills of the account: open, closed, by id; pages of fifty, newest first."""

from collections.abc import Sequence
from typing import Any

from accounts.problems import Problem
from trading import gateway, submission
from trading import queries as read_models
from trading.live import LiveState
from trading.order_facts import age
from trading.problems import UNKNOWN_ORDER
from trading.runtime import Runtime
from trading.shapes.orders import OrderLike

from . import queries
from .account import COUNT_LIMIT, PAGE
from .calls import Asked, Call
from .describing import execution_id, fill_named, fill_told, order_told
from .errors import invalid
from .fields import Fields, time_us
from .pairs import pair_name

IDS_LIMIT = 50
FILLS_LIMIT = 10_000
"""At most so many fills are named with the orders of one answer; TradesHistory has all."""
ALL = 1 << 62


async def get_open_orders(runtime: Runtime, asked: Asked) -> Any:
    refuse_userref(asked.fields)
    name = asked.fields.text("cl_ord_id")
    orders = sorted(runtime.live.open_orders(asked.account), key=lambda order: -age(order.seq))
    chosen = [order for order in orders if name in (None, order.client_order_id)]
    return {"open": await _orders(runtime, chosen, asked.fields)}


async def get_closed_orders(runtime: Runtime, asked: Asked) -> Any:
    fields = asked.fields
    refuse_userref(fields)
    by = next((one for one in queries.PERIODS if one == (fields.text("closetime") or "both")), None)
    if by is None:
        raise invalid("closetime")
    period = queries.Period(
        after_us=await _order_time_us(runtime, asked, "start"),
        until_us=await _order_time_us(runtime, asked, "end"),
        by=by,
    )
    name = fields.text("cl_ord_id")
    offset = fields.whole("ofs", 0, least=0, most=COUNT_LIMIT)
    numbers = await submission.read(
        runtime,
        queries.closed_numbers,
        account=asked.account,
        period=period,
        name=name,
        offset=offset,
        limit=PAGE,
    )
    rows = await submission.read(runtime, read_models.orders_by_number, numbers=numbers)
    told: dict[str, Any] = {"closed": await _orders(runtime, rows[::-1], fields)}
    if not fields.flag("without_count"):
        told["count"] = await submission.read(
            runtime, queries.closed_count, account=asked.account, period=period, name=name, limit=COUNT_LIMIT
        )
    return told


async def get_query_orders(runtime: Runtime, asked: Asked) -> Any:
    """Those of the ids that are the account's; the others are left out."""
    refuse_userref(asked.fields)
    names = asked.fields.names("txid", most=IDS_LIMIT)
    name = asked.fields.text("cl_ord_id")
    references = [*names, *([] if name is None else [f"client:{name}"])]
    if not references:
        raise invalid("txid")
    found = [await _known(runtime, asked.account, reference) for reference in references]
    return await _orders(runtime, [order for order in found if order is not None], asked.fields)


async def get_trades_history(runtime: Runtime, asked: Asked) -> Any:
    fields = asked.fields
    after = await _fill_bound(runtime, fields, "start", 0)
    until = await _fill_bound(runtime, fields, "end", ALL)
    offset = fields.whole("ofs", 0, least=0, most=COUNT_LIMIT)
    rows = await submission.read(
        runtime, queries.fill_page, account=asked.account, after=after, until=until, offset=offset, limit=PAGE
    )
    told: dict[str, Any] = {"trades": _fills(runtime.live, rows)}
    if not fields.flag("without_count"):
        told["count"] = await submission.read(
            runtime, queries.fill_count, account=asked.account, after=after, until=until, limit=COUNT_LIMIT
        )
    return told


async def get_query_trades(runtime: Runtime, asked: Asked) -> Any:
    names = asked.fields.names("txid", most=IDS_LIMIT)
    if not names:
        return {}
    ids = [fill for fill in map(fill_named, names) if fill is not None]
    rows = await submission.read(runtime, queries.fills_by_id, account=asked.account, ids=ids)
    return _fills(runtime.live, rows)


def refuse_userref(fields: Fields) -> None:
    """Refuses what is chosen by a number that orders here do not have. Raises Refused."""
    if (fields.text("userref") or "0") != "0":
        raise invalid("userref")


async def _orders(runtime: Runtime, orders: Sequence[OrderLike], fields: Fields) -> dict[str, Any]:
    trades: dict[int, list[int]] | None = None
    if fields.flag("trades"):
        numbers = [order.seq for order in orders if order.filled_lots]
        trades = await submission.read(runtime, queries.fills_of_orders, orders=numbers, limit=FILLS_LIMIT)
    told = {}
    for order in orders:
        market = gateway.market_of(runtime, order.market)
        names = None if trades is None else [execution_id(fill) for fill in trades.get(order.seq, [])]
        told[str(order.order_id)] = order_told(order, market, pair_name(runtime.live, market), names)
    return told


async def _known(runtime: Runtime, account: int, reference: str) -> OrderLike | None:
    """The account's order, unless it was refused. Raises Problem."""
    try:
        order = await gateway.known_order(runtime, account=account, reference=reference)
    except Problem as problem:
        if problem.kind is not UNKNOWN_ORDER:
            raise
        return None
    return None if order.status == "rejected" else order


async def _order_time_us(runtime: Runtime, asked: Asked, name: str) -> int | None:
    """A time, or that of an order. Raises Problem, Refused."""
    text = asked.fields.text(name)
    if text is None:
        return None
    at_us = time_us(text)
    if at_us is not None:
        return at_us
    order = await gateway.known_order(runtime, account=asked.account, reference=text)
    return int(order.created_at_us)


async def _fill_bound(runtime: Runtime, fields: Fields, name: str, default: int) -> int:
    """The last fill up to a time, or one that is named. Raises Problem, Refused."""
    text = fields.text(name)
    if text is None:
        return default
    named, at_us = fill_named(text), time_us(text)
    if named is not None:
        return named
    if at_us is None:
        raise invalid(name)
    first = await submission.read(runtime, read_models.first_trade_at, at_us=at_us + 1)
    return 2 * int(first) - 2


def _fills(live: LiveState, rows: Sequence[queries.FillRow]) -> dict[str, Any]:
    told = {}
    for row in rows:
        market = live.markets[row.market].market
        told[execution_id(row.id)] = fill_told(row, market, pair_name(live, market))
    return told


CALLS = [
    Call(name="private/OpenOrders", needs="read", handler=get_open_orders),
    Call(name="private/ClosedOrders", needs="read", handler=get_closed_orders),
    Call(name="private/QueryOrders", needs="read", handler=get_query_orders),
    Call(name="private/TradesHistory", needs="read", handler=get_trades_history),
    Call(name="private/QueryTrades", needs="read", handler=get_query_trades),
]
