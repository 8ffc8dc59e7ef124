"""Many orders in one request: consecutive events of one append, each with an answer and an idempotency key of its own."""

from typing import Any, NamedTuple

from accounts.problems import Problem

from . import gateway, queries, submission
from .engine.commands import CancelAll, Command, PlaceOrder
from .instruments import Market
from .journal.records import derived_command_id
from .order_requests import place_command, wrong
from .problems import NOT_SUPPORTED
from .publications import Answer
from .runtime import Runtime
from .shapes.orders import BatchBody
from .shapes.requests import BatchRequest, OrderRequest


class _Item(NamedTuple):
    """An order that is to be submitted. ``place``: which of the request it is."""

    place: int
    command_id: str
    command: PlaceOrder
    market: Market


async def place_batch(
    runtime: Runtime,
    *,
    account: int,
    request: BatchRequest,
    idempotency_key: str | None,
    request_id: str,
    proof: str | None = None,
) -> BatchBody:
    """Places the orders, whatever becomes of each; those that need no engine to refuse are left out.

    Raises Problem if none could be submitted, with nothing done.
    """
    answers: list[Any] = [None] * len(request.orders)
    items: list[_Item] = []
    is_once = proof is not None and idempotency_key is None
    for place, order in enumerate(request.orders):
        try:
            items.append(_item(runtime, account, place, order, idempotency_key, proof))
        except Problem as problem:
            answers[place] = problem.body(request_id)
    if (refusal := submission.refusal(runtime, account)) is not None:
        items = await _taken_before(runtime, items, answers, refusal, request_id)
    commands: list[tuple[str, Command]] = [(item.command_id, item.command) for item in items]
    if request.replace and commands:  # what nothing would replace stays
        commands.insert(0, _cancellation(runtime, account, request, idempotency_key, proof))
    if not commands:
        return BatchBody(answers, 0)
    with submission.submitting():
        told = await runtime.submit_together(commands, request_id=request_id)
    cancelled = 0
    if len(told) > len(items):
        submission.refuse_conflict(told[0])
        if is_once and not _names_all(request):
            submission.refuse_repetition(told[0])
        cancelled = gateway.count_cancelled(told.pop(0), account)
    for item, answer in zip(items, told, strict=True):
        if is_once and item.command.client_order_id is None:
            submission.refuse_repetition(answer)
        answers[item.place] = await _answered(runtime, account, item, answer, request_id)
    return BatchBody(answers, cancelled)


async def _taken_before(
    runtime: Runtime, items: list[_Item], answers: list[Any], problem: Problem, request_id: str
) -> list[_Item]:
    """Those that are told again while nothing new is taken; the others are answered. Raises Problem."""
    command_ids = [item.command_id for item in items]
    known = await submission.read(runtime, queries.journaled, command_ids=command_ids)
    for item in items:
        if item.command_id not in known:
            answers[item.place] = problem.body(request_id)
    return [item for item in items if item.command_id in known]


def _item(runtime: Runtime, account: int, place: int, order: OrderRequest, key: str | None, proof: str | None) -> _Item:
    """Raises Problem."""
    market = gateway.market_of(runtime, order.market)
    if order.validate_only:
        raise Problem(NOT_SUPPORTED, "validate_only is for single orders.")
    command = place_command(account, order, market)
    if order.client_order_id is not None:
        command_id = gateway.client_command_id(account, order.client_order_id)
    else:
        named = None if key is None else derived_command_id("batch", account, key, place)
        command_id = named or submission.own_command_id(proof, place)
    return _Item(place, command_id, command, market)


def _cancellation(
    runtime: Runtime, account: int, request: BatchRequest, key: str | None, proof: str | None
) -> tuple[str, Command]:
    """What goes first if the orders replace others. Asked for again it must not cancel what it has made room for."""
    if request.market is None:
        raise wrong("market", "replace needs the market whose orders are replaced.")
    command = CancelAll(account=account, market=gateway.market_of(runtime, request.market).name)
    if key is not None:
        return derived_command_id("batch", account, key, "replace"), command
    if _names_all(request):
        names = [str(order.client_order_id) for order in request.orders]
        return derived_command_id("replace", account, request.market, *names), command
    return submission.own_command_id(proof, "replace"), command


def _names_all(request: BatchRequest) -> bool:
    """Whether every order has an idempotency key of its own."""
    return all(order.client_order_id is not None for order in request.orders)


async def _answered(runtime: Runtime, account: int, item: _Item, answer: Answer, request_id: str) -> Any:
    try:
        submission.refuse_conflict(answer)
        return (await gateway.placed(runtime, account, item.command_id, answer, item.market)).order
    except Problem as problem:
        return problem.body(request_id)
