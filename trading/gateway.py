"""What traders can do: the domain calls that REST and the stream translate to.

Every function runs on the event loop. It refuses by ``Problem`` what is obviously wrong from this process's own state,
without writing anything; all else becomes a command, and its answer is what the engine made of it, after COMMIT.

``proof``: see ``submission``.
"""

import re
import time
from typing import NamedTuple

from accounts.problems import CONFLICT, Problem

from . import queries
from .applied import Applied
from .engine.commands import CancelAfter, CancelAll, CancelOrder, CancelReplace, Side
from .engine.outcomes import CancelAfterSet, CommandRejected, Filled, OrderCancelled, Reason
from .instruments import Market
from .journal.records import derived_command_id
from .order_facts import OPEN_STATUSES
from .order_requests import amend_command, place_command
from .problems import (
    ORDER_CLOSED,
    OUTCOME_UNKNOWN,
    UNKNOWN_MARKET,
    UNKNOWN_ORDER,
    refused,
)
from .publications import Answer, Waiter
from .runtime import Runtime
from .shapes.orders import FillBody, OrderBody, OrderLike, OrderPreview, order_body
from .shapes.requests import AmendRequest, OrderRequest
from .shapes.texts import at_text
from .submission import (
    own_command_id,
    read,
    reading,
    refusal,
    refuse_conflict,
    require_new,
    submit,
    submit_for,
    submitting,
)

FILLS_LIMIT = 1000
"""At most this many fills are told with one order; all are in GET /trade/fills."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CLIENT_ID = re.compile(r"client:([A-Za-z0-9._~:-]{1,64})")


class Placed(NamedTuple):
    """An order's answer. ``created`` is False if the same request had been carried out before."""

    order: OrderBody
    created: bool


class Acknowledged(NamedTuple):
    """What there is to say of an order at the least."""

    id: str
    client_order_id: str | None
    status: str


def market_of(runtime: Runtime, name: str) -> Market:
    state = runtime.live.markets.get(name)
    if state is None:
        raise Problem(UNKNOWN_MARKET, f"There is no market {name!r}. GET /public/markets lists all.")
    return state.market


# Orders


async def place_order(
    runtime: Runtime,
    *,
    account: int,
    request: OrderRequest,
    idempotency_key: str | None,
    request_id: str,
    proof: str | None = None,
) -> Placed:
    """Places an order. Raises Problem; a refusal of the engine carries its reason as code."""
    market = market_of(runtime, request.market)
    command = place_command(account, request, market)
    command_id = _command_id(account, request, idempotency_key, proof)
    await _require_taken(runtime, account, command_id)
    answer = await submit(runtime, command, command_id=command_id, request_id=request_id, proof=proof)
    return await placed(runtime, account, command_id, answer, market)


async def acknowledge_order(runtime: Runtime, *, account: int, request: OrderRequest, request_id: str) -> Acknowledged:
    """Places an order for a caller who is told the rest by other messages. Else as ``place_order``."""
    market = market_of(runtime, request.market)
    command = place_command(account, request, market)
    command_id = _command_id(account, request, None, None)
    await _require_taken(runtime, account, command_id)
    answer = await submit(runtime, command, command_id=command_id, request_id=request_id)
    told = acknowledged(runtime, command_id, answer)
    return told or await first_acknowledged(runtime, account, command_id, market)


async def _require_taken(runtime: Runtime, account: int, command_id: str) -> None:
    """Raises Problem while nothing new is taken of this account; an order that was taken before is told again."""
    if (problem := refusal(runtime, account)) is not None:
        await require_new(runtime, problem, command_id)


def submit_order(
    runtime: Runtime,
    waiter: Waiter,
    *,
    account: int,
    request: OrderRequest,
    request_id: str,
    idempotency_key: str | None = None,
    proof: str | None = None,
) -> tuple[str, Market]:
    """The same without waiting: the waiter is told the answer, of which ``acknowledged`` or ``placed_now`` makes what there
    is to say.

    The id of the order's command, and its market. Raises Problem if nothing was submitted. That something new is taken of the
    account, see ``refusal``, is for the caller to know.
    """
    market = market_of(runtime, request.market)
    command = place_command(account, request, market)
    command_id = _command_id(account, request, idempotency_key, proof)
    submit_for(runtime, waiter, command, command_id=command_id, request_id=request_id)
    return command_id, market


def acknowledged(runtime: Runtime, command_id: str, answer: Answer) -> Acknowledged | None:
    """What an answer says of an order. None if that was told before: ``first_acknowledged`` knows. Raises Problem."""
    refuse_conflict(answer)
    order = runtime.live.order(command_id)
    if answer.applied is None or order is None:
        return None
    _refuse_rejected(order)
    return Acknowledged(order.order_id, order.client_order_id, order.status)


async def first_acknowledged(runtime: Runtime, account: int, command_id: str, market: Market) -> Acknowledged:
    """Of an order that was placed before. Raises Problem."""
    body = await _first_answer(runtime, account, command_id, market)
    return Acknowledged(body.id, body.client_order_id, body.status)


def _command_id(account: int, request: OrderRequest, idempotency_key: str | None, proof: str | None) -> str:
    """By what the caller calls the order, else by the key of the request, else its own."""
    if request.client_order_id is not None:
        return client_command_id(account, request.client_order_id)
    if idempotency_key is not None:
        return derived_command_id("key", account, idempotency_key)
    return own_command_id(proof)


async def preview_order(runtime: Runtime, *, account: int, request: OrderRequest) -> OrderPreview:
    """What would become of the order now, by every check that placing makes; nothing is written. Raises Problem."""
    market = market_of(runtime, request.market)
    command = place_command(account, request, market)
    if (problem := refusal(runtime, account)) is not None:
        raise problem
    now_us = time.time_ns() // 1000
    with submitting():
        found = await runtime.ask(lambda engine: engine.dry_run(command, max(now_us, engine.at_us)))
    if found.reason is not None:
        raise refused(found.reason)
    holding = market.quote if command.side == "buy" else market.base
    return OrderPreview(
        market=market.name,
        side=command.side,
        type=command.type,
        filled_quantity=market.quantity(found.filled_lots),
        quote_quantity=market.quote.text(found.quote_atoms),
        average_price=market.average_price(found.quote_atoms, found.filled_lots) if found.filled_lots else None,
        fee=market.quote.text(found.fee_atoms),
        fee_asset=market.quote.definition.asset,
        open_quantity=market.quantity(found.open_lots),
        price=None if found.price_ticks is None else market.price(found.price_ticks),
        held=holding.text(found.hold_atoms),
        held_asset=holding.definition.asset,
    )


async def placed(runtime: Runtime, account: int, command_id: str, answer: Answer, market: Market) -> Placed:
    """What became of a submitted order. Raises Problem if it was refused, or the id was used for something else."""
    body = placed_now(runtime, command_id, answer, market)
    return await placed_before(runtime, account, command_id, market) if body is None else Placed(body, created=True)


def placed_now(runtime: Runtime, command_id: str, answer: Answer, market: Market) -> OrderBody | None:
    """What became of an order. None if that was told before: ``placed_before`` knows. Raises Problem if it was refused."""
    order = runtime.live.order(command_id)
    if answer.applied is None or order is None:
        return None
    return _unless_rejected(order, market, _fills_in(answer.applied, order.seq, market))


async def placed_before(runtime: Runtime, account: int, command_id: str, market: Market) -> Placed:
    """Of an order that was placed before. Raises Problem."""
    return Placed(await _first_answer(runtime, account, command_id, market), created=False)


def client_command_id(account: int, client_order_id: str) -> str:
    return derived_command_id("order", account, client_order_id)


async def cancel_order(
    runtime: Runtime, *, account: int, reference: str, request_id: str, proof: str | None = None
) -> OrderBody:
    """Cancels one order, by its id or ``client:ID``. Raises Problem: unknown_order, order_closed."""
    order_id = _order_id(account, reference)
    order = await _known_order(runtime, account, order_id)
    if order.status not in OPEN_STATUSES:
        raise _closed(order)
    answer = await submit(
        runtime,
        CancelOrder(account=account, order=order.seq),
        command_id=own_command_id(proof),
        request_id=request_id,
        proof=proof,
    )
    order = runtime.live.order(order_id) or order
    if _rejection(answer) is not None:
        raise _closed(order)
    return await describe(runtime, order)


async def amend_order(
    runtime: Runtime,
    *,
    account: int,
    reference: str,
    request: AmendRequest,
    request_id: str,
    proof: str | None = None,
) -> OrderBody:
    """Changes an open order in place, by its id or ``client:ID``. Raises Problem; a refusal carries the engine's reason."""
    order_id = _order_id(account, reference)
    order = await _known_order(runtime, account, order_id)
    if order.status not in OPEN_STATUSES:
        raise _closed(order)
    command = amend_command(account, order.seq, request, market_of(runtime, order.market))
    if (problem := refusal(runtime, account)) is not None:
        raise problem
    answer = await submit(runtime, command, command_id=own_command_id(proof), request_id=request_id, proof=proof)
    order = runtime.live.order(order_id) or order
    reason = _rejection(answer)
    if reason is Reason.UNKNOWN_ORDER:
        raise _closed(order)
    if reason is not None:
        raise refused(reason, order_id=order.order_id, sequence=answer.seq)
    return await describe(runtime, order)


async def replace_order(
    runtime: Runtime,
    *,
    account: int,
    reference: str,
    request: OrderRequest,
    request_id: str,
    proof: str | None = None,
) -> OrderBody:
    """Cancels an open order, by its id or ``client:ID``, and places another in the same moment; nothing is placed if it is
    not open any more. Raises Problem; where the other one was refused by the engine the first is cancelled all the same.
    """
    order = await _known_order(runtime, account, _order_id(account, reference))
    if order.status not in OPEN_STATUSES:
        raise _closed(order)
    market = market_of(runtime, request.market)
    command = CancelReplace(account=account, order=order.seq, place=place_command(account, request, market))
    if request.client_order_id is not None:
        command_id = client_command_id(account, request.client_order_id)
    else:
        command_id = own_command_id(proof)
    await _require_taken(runtime, account, command_id)
    answer = await submit(runtime, command, command_id=command_id, request_id=request_id, proof=proof)
    return (await placed(runtime, account, command_id, answer, market)).order


async def cancel_all(
    runtime: Runtime, *, account: int, market: str | None, side: Side | None, request_id: str, proof: str | None = None
) -> int:
    """Cancels the account's open orders; returns how many."""
    if market is not None:
        market_of(runtime, market)
    command = CancelAll(account=account, market=market, side=side)
    answer = await submit(runtime, command, command_id=own_command_id(proof), request_id=request_id, proof=proof)
    return count_cancelled(answer, account)


def count_cancelled(answer: Answer, account: int) -> int:
    """How many orders a CancelAll of the account ended, those that were linked to them included."""
    outcomes = [] if answer.applied is None else answer.applied.outcomes
    return sum(
        type(outcome) is OrderCancelled
        and outcome.account == account
        and outcome.reason in (Reason.USER_CANCELLED, Reason.DISCONNECTED, Reason.ONE_CANCELS_OTHER)
        for outcome in outcomes
    )


async def cancel_on_disconnect(runtime: Runtime, *, account: int, command_id: str, request_id: str) -> int:
    """Cancels the account's orders but those that are to be kept; returns how many. The same id does it once."""
    command = CancelAll(account=account, cause="disconnect")
    return count_cancelled(await submit(runtime, command, command_id=command_id, request_id=request_id), account)


async def cancel_after(
    runtime: Runtime, *, account: int, timeout_ms: int, request_id: str, proof: str | None = None
) -> int | None:
    """Sets the account's dead man's switch, or turns it off by 0; returns when it fires, in microseconds."""
    command = CancelAfter(account=account, timeout_us=timeout_ms * 1000)
    answer = await submit(runtime, command, command_id=own_command_id(proof), request_id=request_id, proof=proof)
    for outcome in [] if answer.applied is None else answer.applied.outcomes:
        if type(outcome) is CancelAfterSet:
            return outcome.due_us
    raise Problem(OUTCOME_UNKNOWN, "Ask again: the time begins anew.", headers={"Retry-After": "1"})


async def find_order(runtime: Runtime, *, account: int, reference: str) -> OrderBody:
    """One order with its fills, by its id or ``client:ID``. Raises Problem unknown_order."""
    return await describe(runtime, await known_order(runtime, account=account, reference=reference))


async def known_order(runtime: Runtime, *, account: int, reference: str) -> OrderLike:
    """The account's order as it stands, by its id or ``client:ID``. Raises Problem unknown_order."""
    return await _known_order(runtime, account, _order_id(account, reference))


async def _known_order(runtime: Runtime, account: int, order_id: str) -> OrderLike:
    """The account's order as it stands. Raises Problem unknown_order."""
    order: OrderLike | None = runtime.live.order(order_id)
    if order is None:
        with reading():
            await runtime.catch_up()  # another process may have acknowledged it just now
        order = runtime.live.order(order_id)
    if order is None:
        order = await read(runtime, queries.order_by_id, order_id=order_id)
    if order is None or order.account != account:
        raise Problem(UNKNOWN_ORDER, "You have no order of this id.")
    return order


async def describe(runtime: Runtime, order: OrderLike) -> OrderBody:
    """The order's answer; its fills are read if it has any."""
    market = market_of(runtime, order.market)
    rows = []
    if order.filled_lots:
        rows = await read(runtime, queries.fills, account=order.account, order_id=order.order_id, limit=FILLS_LIMIT)
    return order_body(order, market, [fill_body(row, market) for row in reversed(rows)])


def fill_body(row: queries.FillRow, market: Market) -> FillBody:
    return FillBody(
        id=row.trade_id,
        price=market.price(row.price_ticks),
        quantity=market.quantity(row.quantity_lots),
        quote_quantity=market.quote.text(row.quote_atoms),
        fee=market.quote.text(row.fee_atoms),
        fee_asset=market.quote.definition.asset,
        liquidity=row.liquidity,  # type: ignore[arg-type]
        at=at_text(row.at_us),
    )


async def _first_answer(runtime: Runtime, account: int, command_id: str, market: Market) -> OrderBody:
    order: OrderLike | None = runtime.live.order(command_id)
    if order is None:
        order = await read(runtime, queries.order_by_id, order_id=command_id)
    if order is None or order.account != account:
        raise Problem(CONFLICT, "This idempotency key was used for a different request.")
    body = await describe(runtime, order)
    return _unless_rejected(order, market, body.fills)


def _refuse_rejected(order: OrderLike) -> None:
    if order.status == "rejected":
        raise refused(Reason(order.reason), order_id=order.order_id, sequence=order.updated_seq)


def _unless_rejected(order: OrderLike, market: Market, fills: list[FillBody]) -> OrderBody:
    _refuse_rejected(order)
    return order_body(order, market, fills)


def _fills_in(event: Applied, order: int, market: Market) -> list[FillBody]:
    """The fills of the order of this number in one event; what it set off may have traded with it as well."""
    return [
        _fill(outcome, market, event.at_us, is_taker=outcome.taker_order == order)
        for outcome in event.outcomes
        if type(outcome) is Filled and order in (outcome.taker_order, outcome.maker_order)
    ]


def _fill(fill: Filled, market: Market, at_us: int, *, is_taker: bool) -> FillBody:
    return FillBody(
        id=fill.trade,
        price=market.price(fill.price_ticks),
        quantity=market.quantity(fill.quantity_lots),
        quote_quantity=market.quote.text(fill.quote_atoms),
        fee=market.quote.text(fill.taker_fee_atoms if is_taker else fill.maker_fee_atoms),
        fee_asset=market.quote.definition.asset,
        liquidity="taker" if is_taker else "maker",
        at=at_text(at_us),
    )


def _rejection(answer: Answer) -> Reason | None:
    """Why the engine refused a command that is no order; None if it did not, or if that was told before."""
    outcomes = [] if answer.applied is None else answer.applied.outcomes
    return next((outcome.reason for outcome in outcomes if type(outcome) is CommandRejected), None)


def _order_id(account: int, reference: str) -> str:
    if match := _CLIENT_ID.fullmatch(reference):
        return client_command_id(account, match[1])
    if _UUID.fullmatch(reference.lower()):
        return reference.lower()
    raise Problem(UNKNOWN_ORDER, "You have no order of this id.")


def _closed(order: OrderLike) -> Problem:
    detail = f"The order is {order.status}."
    return Problem(ORDER_CLOSED, detail, {"order_id": order.order_id, "sequence": order.updated_seq})
