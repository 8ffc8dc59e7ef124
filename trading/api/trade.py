"""The realm /trade: orders and fills of the account that asks."""

from typing import Literal

from msgspec import Struct

from accounts.rate_limits import ORDERS
from trading import batches, gateway, order_lives, queries, submission
from trading.engine.commands import Side
from trading.order_facts import age
from trading.runtime import Runtime
from trading.shapes.fields import Cursor, Limit, MarketName
from trading.shapes.orders import (
    BatchBody,
    CancelAfterBody,
    Cancelled,
    FillList,
    OrderBody,
    OrderHistory,
    OrderList,
    order_body,
)
from trading.shapes.requests import AmendRequest, BatchRequest, CancelAfterRequest, OrderRequest
from trading.shapes.texts import at_text

from .http import Request
from .pages import ListQuery, page_of_numbered
from .routes import Reply, Route


class OrdersQuery(Struct, forbid_unknown_fields=True):
    """Newest first. In a list an order's ``fills`` are empty: GET /trade/fills has them."""

    status: Literal["open", "closed"] = "open"
    market: MarketName | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class FillsQuery(Struct, forbid_unknown_fields=True):
    market: MarketName | None = None
    order_id: str | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class CancelQuery(Struct, forbid_unknown_fields=True):
    market: MarketName | None = None
    side: Side | None = None


async def post_order(runtime: Runtime, request: Request) -> Reply:
    order = request.json(OrderRequest)
    if order.validate_only:
        return Reply(200, await gateway.preview_order(runtime, account=request.account, request=order))
    placed = await gateway.place_order(
        runtime,
        account=request.account,
        request=order,
        idempotency_key=request.idempotency_key,
        request_id=request.request_id,
        proof=request.proof,
    )
    return Reply(201 if placed.created else 200, placed.order)


async def post_batch(runtime: Runtime, request: Request) -> Reply:
    given = request.json(BatchRequest)
    request.spend(ORDERS, request.account, len(given.orders))
    body = await batches.place_batch(
        runtime,
        account=request.account,
        request=given,
        idempotency_key=request.idempotency_key,
        request_id=request.request_id,
        proof=request.proof,
    )
    return Reply(200, body)


async def patch_order(runtime: Runtime, request: Request) -> Reply:
    body = await gateway.amend_order(
        runtime,
        account=request.account,
        reference=request.parameter,
        request=request.json(AmendRequest),
        request_id=request.request_id,
        proof=request.proof,
    )
    return Reply(200, body)


async def post_cancel_after(runtime: Runtime, request: Request) -> Reply:
    due_us = await gateway.cancel_after(
        runtime,
        account=request.account,
        timeout_ms=request.json(CancelAfterRequest).timeout_ms,
        request_id=request.request_id,
        proof=request.proof,
    )
    return Reply(200, CancelAfterBody(None if due_us is None else at_text(due_us)))


async def get_orders(runtime: Runtime, request: Request) -> Reply:
    return Reply(200, await order_list(runtime, request.account, request.query(OrdersQuery)))


async def order_list(runtime: Runtime, account: int, query: OrdersQuery) -> OrderList:
    """The account's open or closed orders. Raises Problem."""
    if query.market is not None:
        gateway.market_of(runtime, query.market)
    before = None if query.cursor is None else int(query.cursor)
    if query.status == "open":
        orders = [
            order
            for order in sorted(runtime.live.open_orders(account), key=lambda order: -age(order.seq))
            if query.market in (None, order.market) and (before is None or age(order.seq) < before)
        ][: query.limit]
    else:
        orders = await submission.read(
            runtime,
            queries.closed_orders,
            account=account,
            market=query.market,
            before=before,
            limit=query.limit,
        )
    items = [order_body(order, gateway.market_of(runtime, order.market), []) for order in orders]
    return OrderList(items, str(age(orders[-1].seq)) if len(orders) == query.limit else None)


async def get_order(runtime: Runtime, request: Request) -> Reply:
    return Reply(200, await gateway.find_order(runtime, account=request.account, reference=request.parameter))


async def get_order_history(runtime: Runtime, request: Request) -> Reply:
    steps = await order_lives.life(runtime, account=request.account, reference=request.parameter)
    page, cursor = page_of_numbered(enumerate(steps, 1), request.query(ListQuery), lambda row: row[0])
    return Reply(200, OrderHistory([step for _, step in page], cursor))


async def delete_order(runtime: Runtime, request: Request) -> Reply:
    body = await gateway.cancel_order(
        runtime,
        account=request.account,
        reference=request.parameter,
        request_id=request.request_id,
        proof=request.proof,
    )
    return Reply(200, body)


async def delete_orders(runtime: Runtime, request: Request) -> Reply:
    query = request.query(CancelQuery)
    count = await gateway.cancel_all(
        runtime,
        account=request.account,
        market=query.market,
        side=query.side,
        request_id=request.request_id,
        proof=request.proof,
    )
    return Reply(200, Cancelled(count))


async def get_fills(runtime: Runtime, request: Request) -> Reply:
    return Reply(200, await fill_list(runtime, request.account, request.query(FillsQuery)))


async def fill_list(runtime: Runtime, account: int, query: FillsQuery) -> FillList:
    """The account's fills. Raises Problem."""
    if query.market is not None:
        gateway.market_of(runtime, query.market)
    order_id = None
    if query.order_id is not None:
        order_id = (await gateway.find_order(runtime, account=account, reference=query.order_id)).id
    rows = await submission.read(
        runtime,
        queries.fills,
        account=account,
        market=query.market,
        order_id=order_id,
        before=None if query.cursor is None else int(query.cursor),
        limit=query.limit,
    )
    items = []
    for row in rows:
        fill = gateway.fill_body(row, gateway.market_of(runtime, row.market))
        fill.order_id, fill.market, fill.side, fill.sequence = row.order_id, row.market, row.side, row.seq
        items.append(fill)
    return FillList(items, str(rows[-1].id) if len(rows) == query.limit else None)


ROUTES = [
    Route(method="POST", path="/trade/orders", name="place_order", summary="Place an order", needs="trade",
          guarded_by="journal", orders=1, idempotency_key=True, handler=post_order, status=201, told_again=True,
          body=OrderRequest, answer=OrderBody),
    Route(method="GET", path="/trade/orders", name="orders", summary="My open or closed orders", weight=5, needs="read",
          handler=get_orders, query=OrdersQuery, answer=OrderList),
    Route(method="DELETE", path="/trade/orders", name="cancel_orders", summary="Cancel all my orders", needs="trade",
          guarded_by="journal", handler=delete_orders, query=CancelQuery, answer=Cancelled),
    Route(method="GET", path="/trade/orders/{id}", name="order", summary="One order, by id or client:ID", needs="read",
          handler=get_order, answer=OrderBody),
    Route(method="GET", path="/trade/orders/{id}/history", name="order_history", summary="All that happened to one order",
          needs="read", handler=get_order_history, query=ListQuery, answer=OrderHistory),
    Route(method="DELETE", path="/trade/orders/{id}", name="cancel_order", summary="Cancel one order", needs="trade",
          guarded_by="journal", handler=delete_order, answer=OrderBody),
    Route(method="PATCH", path="/trade/orders/{id}", name="amend_order", summary="Change one open order in place",
          needs="trade", guarded_by="journal", orders=1, handler=patch_order, body=AmendRequest, answer=OrderBody),
    Route(method="POST", path="/trade/orders/batch", name="place_orders", summary="Place up to 100 orders, one after the other",
          needs="trade", guarded_by="journal", orders=1, has_many=True, idempotency_key=True,
          handler=post_batch, body=BatchRequest, answer=BatchBody),
    Route(method="POST", path="/trade/cancel-after", name="cancel_after", summary="Cancel all my orders if I fall silent",
          needs="trade", guarded_by="journal", handler=post_cancel_after, body=CancelAfterRequest, answer=CancelAfterBody),
    Route(method="GET", path="/trade/fills", name="fills", summary="My fills", weight=5, needs="read",
          handler=get_fills, query=FillsQuery, answer=FillList),
]  # fmt: skip
