"""The way to the engine and to the read models, for whoever answers a caller: what can go wrong on it is told by ``Problem``.

``proof`` names a signed request: its command's id is made of it, so that the journal takes the request once, whichever
processes it is sent to. On the event loop.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import OperationalError

from accounts.nonces import used
from accounts.problems import CONFLICT, INVALID_PARAMETER, NOT_READY, TRADING_SUSPENDED, Problem

from . import queries
from .closures import closed
from .engine.commands import Command
from .inbox import Overloaded
from .journal.records import derived_command_id, new_command_id
from .problems import OUTCOME_UNKNOWN, OVERLOADED
from .publications import Answer, Waiter
from .replica import ReplicaStopped
from .runtime import CommandRefused, LiveBehind, OutcomeUnknown, ProjectionBehind, Runtime

log = logging.getLogger(__name__)


def own_command_id(proof: str | None, *parts: str | int) -> str:
    """A fresh id; for a signed request the one that it alone has. ``parts`` tell the commands of one request apart."""
    return new_command_id() if proof is None else derived_command_id("signed", proof, *parts)


async def submit(
    runtime: Runtime, command: Command, *, command_id: str, request_id: str, proof: str | None = None
) -> Answer:
    """Submits a command; raises Problem for what can go wrong on the way, and for an id used for another command."""
    try:  # not by ``submitting``: an order would pay for the context
        answer = await runtime.submit(command, command_id=command_id, request_id=request_id)
    except NOT_SUBMITTED as error:
        raise not_submitted(error) from error
    refuse_used(answer, command_id, proof)
    return answer


def submit_for(runtime: Runtime, waiter: Waiter, command: Command, *, command_id: str, request_id: str) -> None:
    """Submits a command whose waiter gets the answer, or an error that ``not_submitted`` puts in words. Raises Problem."""
    try:
        runtime.submit_for(waiter, command, command_id=command_id, request_id=request_id)
    except NOT_SUBMITTED as error:
        raise not_submitted(error) from error


def refusal(runtime: Runtime, account: int) -> Problem | None:
    """Why nothing new is taken of the account's orders now: nobody's are, or the owner may not trade."""
    if runtime.live.closure is not None:
        return closed(runtime.live.closure)
    if account in runtime.suspended_accounts:
        return Problem(TRADING_SUSPENDED, "Your security log says why. Your open orders can be cancelled.")
    return None


async def require_new(runtime: Runtime, problem: Problem, command_id: str) -> None:
    """Raises the Problem, unless the command was taken before: that is told again."""
    if not await read(runtime, queries.journaled, command_ids=[command_id]):
        raise problem


async def require_open(runtime: Runtime, command_id: str) -> None:
    """Raises Problem while nothing new is taken of anybody; what was taken before is told again."""
    if runtime.live.closure is not None:
        await require_new(runtime, closed(runtime.live.closure), command_id)


def refuse_used(answer: Answer, command_id: str, proof: str | None) -> None:
    """Raises Problem for an id that was used for another command, and for a signed request that another process has had."""
    refuse_conflict(answer)
    if proof is not None and answer.applied is None and command_id == own_command_id(proof):
        refuse_repetition(answer)


def refuse_repetition(answer: Answer) -> None:
    """Of a command whose id is a signed request's own: another process has had that request. Raises Problem nonce_used."""
    if answer.applied is None and not answer.perhaps_ours:
        raise used()


@contextmanager
def submitting() -> Iterator[None]:
    """Raises Problem for what can go wrong on the way to the engine."""
    try:
        yield
    except NOT_SUBMITTED as error:
        raise not_submitted(error) from error


NOT_SUBMITTED = (Overloaded, ReplicaStopped, CommandRefused, OutcomeUnknown, TimeoutError)
"""What ``Runtime`` raises of a command or question."""


def not_submitted(error: BaseException) -> Problem:
    """What the caller is told of one of them."""
    match error:
        case Overloaded():
            return Problem(OVERLOADED, f"Nothing was done: {error}.", headers={"Retry-After": "1"})
        case ReplicaStopped():
            return Problem(NOT_READY, f"Nothing was done: {error}.", headers={"Retry-After": "2"})
        case CommandRefused():
            return Problem(INVALID_PARAMETER, "The database cannot store what this request holds.")
        case OutcomeUnknown():
            detail = "Ask again with the same idempotency key or client order id, or look at your open orders."
            return Problem(OUTCOME_UNKNOWN, detail, headers={"Retry-After": "2"})
    return Problem(NOT_READY, "The engine does not answer.", headers={"Retry-After": "2"})


def refuse_conflict(answer: Answer) -> None:
    if answer.conflict:
        raise Problem(CONFLICT, "This idempotency key or client order id was used for a different request.")


async def read(runtime: Runtime, query, /, **arguments):  # type: ignore[no-untyped-def]
    """Runs a query; raises Problem not_ready if the read models are behind what was answered already, or out of reach."""
    with reading():
        return await runtime.read(query, **arguments)


@contextmanager
def reading() -> Iterator[None]:
    try:
        yield
    except (LiveBehind, ProjectionBehind) as error:
        raise Problem(NOT_READY, f"{error}.", headers={"Retry-After": "1"}) from error
    except OperationalError as error:
        log.warning("a query failed: %s", str(error).strip() or repr(error))
        raise Problem(NOT_READY, "The database does not answer.", headers={"Retry-After": "1"}) from error
