"""What a market takes, changed by an operator: one event with its reason and who it was. On the event loop."""

import uuid

from accounts.problems import INVALID_FIELD, Problem

from . import gateway
from .engine.commands import MarketState, SetMarketState
from .journal.records import new_command_id
from .runtime import Runtime
from .submission import submit

REASON_LIMIT = 200


async def set_market_state(
    runtime: Runtime, *, market: str, state: MarketState, reason: str, by: uuid.UUID, request_id: str
) -> int:
    """Returns the event's sequence. Raises Problem. The same state once more is an event too: its reason is another."""
    gateway.market_of(runtime, market)
    words = reason.strip()
    if not words or not words.isprintable():
        detail = "Say why, in one line: whoever reads the journal asks."
        raise Problem(INVALID_FIELD, detail, {"errors": {"reason": [detail]}})
    command = SetMarketState(market=market, state=state, reason=f"{words} (by {by})")
    command_id = new_command_id()
    answer = await submit(runtime, command, command_id=command_id, request_id=request_id)
    return answer.seq
