"""What a market takes, changed by an operator: one event with its reason and who it was. On the event loop."""

import uuid

from accounts.problems import INVALID_FIELD, Problem

from . import gateway
from .closures import closed, mark_of, quiet
from .engine.commands import MarketState, SetMarketState
from .journal.records import new_command_id
from .runtime import Runtime
from .submission import reading, submit

REASON_LIMIT = 200


async def set_market_state(
    runtime: Runtime, *, market: str, state: MarketState, reason: str, by: uuid.UUID, request_id: str
) -> int:
    """Returns the event's sequence. Raises Problem. The same state once more is an event too: its reason is another.

    While the engine is suspended a market can be halted or left with cancellations alone, and is so afterwards as well.
    """
    gateway.market_of(runtime, market)
    told = f"{in_one_line(reason)} (by {by})"
    with reading():
        await runtime.catch_up()
    mark = runtime.live.markets[market].mark
    if mark is not None:
        if quiet(state) != state:
            raise closed(mark.closure)
        told = mark.replaced(state).reason(told)
    command = SetMarketState(market=market, state=state, reason=told)
    command_id = new_command_id()
    answer = await submit(runtime, command, command_id=command_id, request_id=request_id)
    return answer.seq


def in_one_line(reason: str) -> str:
    """The reason as it is kept. Raises Problem."""
    words = reason.strip()
    detail = "Say why, in one line: whoever reads the journal asks."
    if not words or not words.isprintable():
        raise Problem(INVALID_FIELD, detail, {"errors": {"reason": [detail]}})
    if mark_of(words) is not None:
        detail = "So begin the reasons of a suspension of the whole engine: say it in other words."
        raise Problem(INVALID_FIELD, detail, {"errors": {"reason": [detail]}})
    return words
