"""An operator suspends the engine and resumes it: the states of all markets, in one append. On the event loop.

While it is suspended nothing new is taken (``submission.require_open``), whatever else goes on: orders are cancelled, deposits are
credited, the staff work. Every market that trades takes cancellations alone, and each has its state again when the engine is
resumed; one that was halted, before or meanwhile, stays halted. One that is listed meanwhile takes its first order after that.
"""

import uuid

from accounts.problems import Problem

from .closures import Closure, Mark
from .engine.commands import Command, MarketState, SetMarketState
from .journal.records import new_command_id
from .problems import UNKNOWN_MARKET
from .runtime import Runtime
from .submission import reading, submitting


async def suspend(runtime: Runtime, *, words: str, by: uuid.UUID, request_id: str) -> int:
    """Returns the event since which nothing new is taken; the last one known if that was so before. Raises Problem."""
    with reading():
        await runtime.catch_up()
    live = runtime.live
    if live.closure is not None:
        return live.seq
    if not live.markets:
        raise Problem(UNKNOWN_MARKET, "There is no market yet: there is nothing to suspend.")
    changes: list[Command] = []
    for name, state in live.markets.items():
        mark = Mark(closure=Closure(phase="suspended"), then=state.market.state)
        reason = mark.reason(f"{words} (by {by})")
        changes.append(SetMarketState(market=name, state=quiet(state.market.state), reason=reason))
    return await _append(runtime, changes, request_id)


async def resume(runtime: Runtime, *, words: str, by: uuid.UUID, request_id: str) -> int:
    """Gives each market its state again. Returns the event; the last one known if it was open. Raises Problem."""
    with reading():
        await runtime.catch_up()
    live = runtime.live
    changes: list[Command] = [
        SetMarketState(market=name, state=state.mark.then, reason=f"engine resumed: {words} (by {by})")
        for name, state in live.markets.items()
        if state.mark is not None
    ]
    return await _append(runtime, changes, request_id) if changes else live.seq


def quiet(state: MarketState) -> MarketState:
    """What a market of this state takes while the engine takes nothing new."""
    return "halted" if state == "halted" else "cancel_only"


async def _append(runtime: Runtime, changes: list[Command], request_id: str) -> int:
    """All or none of them, before what waits. The last one's number."""
    with submitting():
        commands = [(new_command_id(), change) for change in changes]
        answers = await runtime.submit_together(commands, request_id=request_id, urgent=True)
    return answers[-1].seq
