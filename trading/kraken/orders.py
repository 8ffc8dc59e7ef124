"""Orders: placed, amended, replaced, cancelled. Each call makes the domain calls that REST makes."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from accounts.problems import Problem
from trading import batches, gateway
from trading.engine.commands import MarketState as State
from trading.engine.outcomes import Reason
from trading.problems import ORDER_CLOSED, UNKNOWN_ORDER
from trading.runtime import Runtime
from trading.shapes.orders import OrderBody
from trading.shapes.requests import BatchRequest, OrderRequest

from . import errors
from .application import spend_orders
from .calls import Asked, Call
from .describing import request_sentence
from .errors import invalid
from .fields import Fields
from .pairs import pair_name
from .requests import amend_request, edited, order_request
from .texts import time_text

BATCH_LIMIT = 100
MODES: dict[State, str] = {
    "post_only": "EService:Market in post_only mode",
    "auction": "EService:Market in limit_only mode",
}
"""What is said of a market that does not take an order; of one that takes none see ``errors``."""
MAXIMUM_TIMEOUT_S = 86_400


async def add_order(runtime: Runtime, asked: Asked) -> Any:
    request = order_request(runtime.live, asked.fields, time.time_ns() // 1000)
    told: dict[str, Any] = {"descr": {"order": _sentence(runtime, request)}}
    if request.validate_only:
        await gateway.preview_order(runtime, account=asked.account, request=request)
        return told
    with _refusing(runtime, request.market):
        placed = await gateway.place_order(
            runtime,
            account=asked.account,
            request=request,
            idempotency_key=None,
            request_id=asked.request.request_id,
            proof=asked.request.proof,
        )
    return told | {"txid": [placed.order.id]} | _named(placed.order)


async def add_order_batch(runtime: Runtime, asked: Asked) -> Any:
    """Orders of one pair. One whose fields are wrong refuses all of them; what the engine refuses is told for each."""
    fields, now_us = asked.fields, time.time_ns() // 1000
    name, is_checked = fields.required("pair"), fields.flag("validate")
    shared, deadline = {"pair": name}, fields.text("deadline")
    if deadline is not None:
        shared["deadline"] = deadline
    given = [one.over(shared) for one in fields.each("orders", most=BATCH_LIMIT)]
    spend_orders(asked, len(given))
    requests = [order_request(runtime.live, one, now_us) for one in given]
    if not requests:
        raise invalid("orders")
    if any(one.market != requests[0].market for one in requests):
        raise invalid("pair")
    sentences = [_sentence(runtime, one) for one in requests]
    if is_checked:
        checked = [await _checked(runtime, asked.account, one) for one in requests]
        return {"orders": _each(runtime, requests[0].market, checked, sentences)}
    body = await batches.place_batch(
        runtime,
        account=asked.account,
        request=BatchRequest(orders=requests),
        idempotency_key=None,
        request_id=asked.request.request_id,
        proof=asked.request.proof,
    )
    return {"orders": _each(runtime, requests[0].market, body.items, sentences)}


async def amend_order(runtime: Runtime, asked: Asked) -> Any:
    """In place, and the order keeps its id."""
    fields, reference = asked.fields, _reference(asked.fields)
    if fields.flag("post_only"):
        known = await gateway.known_order(runtime, account=asked.account, reference=reference)
        if known.post_only == "none":
            raise invalid("post_only")
    order = await gateway.amend_order(
        runtime,
        account=asked.account,
        reference=reference,
        request=amend_request(fields),
        request_id=asked.request.request_id,
        proof=asked.request.proof,
    )
    return {"amend_id": str(order.sequence)}


async def edit_order(runtime: Runtime, asked: Asked) -> Any:
    """Cancels an order and places another in the same moment, with a new id. What is not given stays as it was."""
    fields, account = asked.fields, asked.account
    reference = fields.required("txid")
    before = await gateway.known_order(runtime, account=account, reference=reference)
    market = gateway.market_of(runtime, before.market)
    request = order_request(runtime.live, edited(fields, before, market), time.time_ns() // 1000)
    if request.market != market.name:
        raise invalid("pair")
    told: dict[str, Any] = {"descr": {"order": _sentence(runtime, request)}}
    if request.validate_only:
        await gateway.preview_order(runtime, account=account, request=request)
        return told
    with _refusing(runtime, market.name):
        order = await gateway.replace_order(
            runtime,
            account=account,
            reference=reference,
            request=request,
            request_id=asked.request.request_id,
            proof=asked.request.proof,
        )
    return told | {
        "status": "ok",
        "txid": order.id,
        "originaltxid": before.order_id,
        "orders_cancelled": 1,
        "volume": request.quantity,
        "price": fields.text("price") or "0",
        "price2": fields.text("price2") or "0",
    }


async def cancel_order(runtime: Runtime, asked: Asked) -> Any:
    await _cancel(runtime, asked, _reference(asked.fields), asked.request.proof)
    return {"count": 1}


async def cancel_order_batch(runtime: Runtime, asked: Asked) -> Any:
    """Those that are open are cancelled, one after the other."""
    names = [*_names(asked.fields, "orders"), *(f"client:{one}" for one in _names(asked.fields, "cl_ord_ids"))]
    if not 1 <= len(names) <= BATCH_LIMIT:
        raise invalid("orders")
    count, proof = 0, asked.request.proof
    for place, reference in enumerate(names):
        try:
            await _cancel(runtime, asked, reference, None if proof is None else f"{proof} {place}")
        except Problem as problem:
            if problem.kind not in (UNKNOWN_ORDER, ORDER_CLOSED):
                raise
        else:
            count += 1
    return {"count": count}


async def cancel_all(runtime: Runtime, asked: Asked) -> Any:
    count = await gateway.cancel_all(
        runtime,
        account=asked.account,
        market=None,
        side=None,
        request_id=asked.request.request_id,
        proof=asked.request.proof,
    )
    return {"count": count}


async def cancel_all_orders_after(runtime: Runtime, asked: Asked) -> Any:
    if not asked.fields.has("timeout"):
        raise invalid("timeout")
    timeout_s = asked.fields.whole("timeout", 0, least=0, most=MAXIMUM_TIMEOUT_S)
    due_us = await gateway.cancel_after(
        runtime,
        account=asked.account,
        timeout_ms=timeout_s * 1000,
        request_id=asked.request.request_id,
        proof=asked.request.proof,
    )
    now = time_text(time.time_ns() // 1000)
    return {"currentTime": now, "triggerTime": "0" if due_us is None else time_text(due_us)}


@contextmanager
def _refusing(runtime: Runtime, market: str) -> Iterator[None]:
    """Says of a market that did not take the order what it takes. Raises Refused, Problem."""
    try:
        yield
    except Problem as problem:
        mode = _mode(runtime, market, problem.kind.code)
        if mode is None:
            raise
        raise errors.Refused(mode) from problem


def _mode(runtime: Runtime, market: str, code: str) -> str | None:
    return MODES.get(gateway.market_of(runtime, market).state) if code == Reason.MARKET_CLOSED.value else None


async def _cancel(runtime: Runtime, asked: Asked, reference: str, proof: str | None) -> None:
    await gateway.cancel_order(
        runtime, account=asked.account, reference=reference, request_id=asked.request.request_id, proof=proof
    )


async def _checked(runtime: Runtime, account: int, request: OrderRequest) -> dict[str, Any]:
    """Nothing, or the problem that placing it would have."""
    try:
        await gateway.preview_order(runtime, account=account, request=request)
    except Problem as problem:
        return problem.body("")
    return {}


def _each(runtime: Runtime, market: str, items: Sequence[Any], sentences: Sequence[str]) -> list[dict[str, Any]]:
    """What became of the orders of a batch: each an order, nothing, or a problem."""
    told = []
    for item, sentence in zip(items, sentences, strict=True):
        descr: dict[str, Any] = {"descr": {"order": sentence}}
        if isinstance(item, OrderBody):
            descr |= {"txid": item.id, **_named(item)}
        elif item:
            mode = _mode(runtime, market, item["code"])
            descr["error"] = mode or errors.words_of(item["code"], item["status"], item)
        told.append(descr)
    return told


def _named(order: OrderBody) -> dict[str, str]:
    return {} if order.client_order_id is None else {"cl_ord_id": order.client_order_id}


def _sentence(runtime: Runtime, request: OrderRequest) -> str:
    market = gateway.market_of(runtime, request.market)
    return request_sentence(request, pair_name(runtime.live, market))


def _reference(fields: Fields) -> str:
    """The order that is meant, as REST refers to it. Raises Refused."""
    if fields.has("cl_ord_id"):
        return f"client:{fields.required('cl_ord_id')}"
    return fields.required("txid")


def _names(fields: Fields, name: str) -> list[str]:
    return fields.names(name, most=BATCH_LIMIT) if fields.has(name) else []


CALLS = [
    Call(name="private/AddOrder", needs="trade", handler=add_order, guarded_by="journal"),
    Call(name="private/AddOrderBatch", needs="trade", handler=add_order_batch, guarded_by="journal", has_many=True),
    Call(name="private/AmendOrder", needs="trade", handler=amend_order, guarded_by="journal"),
    Call(name="private/EditOrder", needs="trade", handler=edit_order, guarded_by="journal"),
    Call(name="private/CancelOrder", needs="trade", handler=cancel_order, guarded_by="journal"),
    Call(name="private/CancelOrderBatch", needs="trade", handler=cancel_order_batch, guarded_by="journal"),
    Call(name="private/CancelAll", needs="trade", handler=cancel_all, guarded_by="journal"),
    Call(name="private/CancelAllOrdersAfter", needs="trade", handler=cancel_all_orders_after, guarded_by="journal"),
]
