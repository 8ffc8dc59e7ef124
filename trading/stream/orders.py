"""Trading over the stream: each method makes the domain call that REST makes, and tells its answer in Kraken's names."""

import asyncio
import time
from typing import Any

import msgspec

from accounts.problems import INVALID_PARAMETER, Problem
from trading import batches, gateway
from trading.api.http import new_request_id
from trading.runtime import Runtime
from trading.shapes.orders import OrderBody
from trading.shapes.requests import OrderRequest
from trading.shapes.texts import at_text

from . import methods, requests, shapes
from .client import Client

BATCH_LIMIT = 100


async def carry_out(runtime: Runtime, client: Client, account: int, params: msgspec.Struct) -> msgspec.Struct:
    """The result of a method by its parameters. Raises Problem or msgspec.ValidationError."""
    request_id = new_request_id()
    match params:
        case methods.AddOrder():
            return await _add(runtime, client, account, params, request_id)
        case methods.AmendOrder():
            reference = await _placed_reference(client, requests.reference(params.order_id, params.cl_ord_id))
            order = await gateway.amend_order(
                runtime,
                account=account,
                reference=reference,
                request=requests.amend_request(params),
                request_id=request_id,
            )
            return shapes.OrderAmended(str(order.sequence), order.id, order.client_order_id)
        case methods.CancelOrder():
            reference = await _placed_reference(client, requests.reference(params.order_id, params.cl_ord_id))
            return await _cancel(runtime, account, reference, request_id)
        case methods.CancelAll():
            count = await gateway.cancel_all(runtime, account=account, market=None, side=None, request_id=request_id)
            return shapes.Counted(count)
        case methods.BatchAdd():
            return await _add_batch(runtime, client, account, params, request_id)
        case methods.BatchCancel():
            return await _cancel_batch(runtime, client, account, params, request_id)
        case methods.CancelAllOrdersAfter():
            return await _cancel_after(runtime, account, params, request_id)
        case methods.CancelOnDisconnect():
            return arm(client, account, enabled=params.enabled, timeout_ms=params.timeout_ms)
    raise RuntimeError(f"{type(params).__name__} is no method of orders")


def arm(client: Client, account: int, *, enabled: bool, timeout_ms: int | None) -> shapes.DisconnectSet:
    """Has the account's orders cancelled when this connection ends, or not any more."""
    if enabled:
        client.armed.add(account)
        client.silence_limit_s = None if timeout_ms is None else timeout_ms / 1000
    else:
        client.armed.discard(account)
        client.silence_limit_s = None if not client.armed else client.silence_limit_s
    silence_limit_s = client.silence_limit_s
    return shapes.DisconnectSet(enabled, None if silence_limit_s is None else round(silence_limit_s * 1000))


async def _add(
    runtime: Runtime, client: Client, account: int, params: methods.AddOrder, request_id: str
) -> msgspec.Struct:
    request = requests.order_request(params)
    if request.validate_only:
        preview = await gateway.preview_order(runtime, account=account, request=request)
        return shapes.OrderValid(msgspec.structs.asdict(preview))
    if request.client_order_id is None:  # nobody can refer to it before it is answered
        return added(await gateway.acknowledge_order(runtime, account=account, request=request, request_id=request_id))
    with client.placing(_names([request])):
        return added(await gateway.acknowledge_order(runtime, account=account, request=request, request_id=request_id))


async def _add_batch(
    runtime: Runtime, client: Client, account: int, params: methods.BatchAdd, request_id: str
) -> shapes.BatchAdded:
    if not 1 <= len(params.orders) <= BATCH_LIMIT:
        raise Problem(INVALID_PARAMETER, f"orders: 1 to {BATCH_LIMIT}.")
    asked = requests.batch_request(params)
    good = [one for one in asked if isinstance(one, OrderRequest)]
    items: list[Any] = []
    cancelled = 0
    if good:
        with client.placing(_names(good)):
            body = await batches.place_batch(
                runtime,
                account=account,
                request=requests.replacing(params, good),
                idempotency_key=None,
                request_id=request_id,
            )
        items, cancelled = list(body.items), body.cancelled
    told: list[shapes.OrderAdded | shapes.Refused] = []
    for order, one in zip(params.orders, asked, strict=True):
        name = _name(order)
        if isinstance(one, Problem):
            told.append(shapes.Refused(one.detail, one.kind.code, name))
            continue
        item = items.pop(0)
        is_placed = isinstance(item, OrderBody)
        told.append(added(item) if is_placed else shapes.Refused(item["detail"], item["code"], name))
    return shapes.BatchAdded(told, cancelled)


async def _cancel(runtime: Runtime, account: int, reference: str, request_id: str) -> shapes.OrderCancelled:
    body = await gateway.cancel_order(runtime, account=account, reference=reference, request_id=request_id)
    return shapes.OrderCancelled(body.id, body.client_order_id)


async def _cancel_batch(
    runtime: Runtime, client: Client, account: int, params: methods.BatchCancel, request_id: str
) -> shapes.BatchCancelled:
    meant = requests.references(params.orders, params.cl_ord_id, "orders")
    if not 1 <= len(meant) <= BATCH_LIMIT:
        raise Problem(INVALID_PARAMETER, f"orders and cl_ord_id: 1 to {BATCH_LIMIT} together.")
    told = await asyncio.gather(
        *(_cancelled_or_refused(runtime, client, account, one, request_id) for one in dict.fromkeys(meant))
    )
    return shapes.BatchCancelled(sum(isinstance(one, shapes.OrderCancelled) for one in told), told)


async def _cancelled_or_refused(
    runtime: Runtime, client: Client, account: int, reference: str, request_id: str
) -> shapes.OrderCancelled | shapes.Refused:
    try:
        return await _cancel(runtime, account, await _placed_reference(client, reference), request_id)
    except Problem as problem:
        name = reference.removeprefix("client:") if reference.startswith("client:") else None
        return shapes.Refused(problem.detail, problem.kind.code, name)


async def _cancel_after(
    runtime: Runtime, account: int, params: methods.CancelAllOrdersAfter, request_id: str
) -> shapes.SwitchSet:
    if params.timeout is None:
        raise Problem(INVALID_PARAMETER, "Give timeout, in seconds.")
    due_us = await gateway.cancel_after(
        runtime, account=account, timeout_ms=params.timeout * 1000, request_id=request_id
    )
    return shapes.SwitchSet(at_text(time.time_ns() // 1000), None if due_us is None else at_text(due_us))


async def _placed_reference(client: Client, reference: str) -> str:
    """Waits for an order of this connection that is just being placed, so that it can be referred to."""
    if reference.startswith("client:"):
        await client.placed(reference.removeprefix("client:"))
    return reference


def added(order: OrderBody | gateway.Acknowledged) -> shapes.OrderAdded:
    """What is told of an order that was placed."""
    return shapes.OrderAdded(order.id, order.client_order_id, order.status)


def _names(orders: list[OrderRequest]) -> list[str]:
    return [order.client_order_id for order in orders if order.client_order_id is not None]


def _name(order: methods.OrderParams) -> str | None:
    try:
        return next(iter(requests.texts(order.cl_ord_id, "cl_ord_id")), None)
    except Problem:
        return None
