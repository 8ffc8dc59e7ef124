"""What the stream answers to a request, in bytes: that it is done, or why it is not. On the event loop."""

import logging
from typing import Any

import msgspec
from msgspec import UNSET

from accounts.problems import INTERNAL, Problem
from trading.api.http import invalid
from trading.shapes.texts import now_text

from . import messages
from .shapes import Answer, BatchCancelled, Refusal

log = logging.getLogger(__name__)


class Call(msgspec.Struct):
    """A request of the client. ``params`` is of the shape that METHODS has for the method."""

    method: str
    params: Any
    req_id: int | None
    time_in: str


def answer(call: Call, result: msgspec.Struct | None) -> bytes:
    told = Answer(
        method="pong" if call.method == "ping" else call.method,
        success=True,
        time_in=call.time_in,
        time_out=now_text(),
        result=UNSET if result is None else result,
        req_id=UNSET if call.req_id is None else call.req_id,
        orders_cancelled=result.count if isinstance(result, BatchCancelled) else UNSET,
    )
    return messages.encode(told)


def refusal(call: Call, problem: Problem) -> bytes:
    refused = Refusal(
        method=call.method,
        success=False,
        error=problem.detail,
        code=problem.kind.code,
        time_in=call.time_in,
        time_out=now_text(),
        req_id=UNSET if call.req_id is None else call.req_id,
        **{name: value for name, value in problem.extra.items() if name in Refusal.__struct_fields__},
    )
    return messages.encode(refused)


def as_problem(error: Exception, method: str) -> Problem:
    """What the client is told; an error that is none of its own is logged. Called while the error is handled."""
    if isinstance(error, msgspec.ValidationError):
        return invalid(error)
    if isinstance(error, Problem):
        return error
    log.exception("stream: %s", method)
    return Problem(INTERNAL, "The error was logged.")
