"""An operator suspends the engine, resumes it, or has the exchange go down: by the states of all markets, in one append each.

While it is suspended or winds down nothing new is taken (``submission.require_open``), whatever else goes on: orders are cancelled,
deposits are credited, the staff work. Every market that trades takes cancellations alone, and each has its state again
afterwards; one that was halted, before or meanwhile, stays halted. One that is listed meanwhile takes its first order after that.
On the event loop. What follows on a shutdown is ``going_down``'s.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace

from accounts.problems import Problem

from .closures import Closure, Mark, Standing, closed, closing, opening
from .engine.commands import Command, SetMarketState
from .journal.records import derived_command_id, new_command_id
from .problems import UNKNOWN_MARKET
from .runtime import Runtime
from .submission import reading, submitting


async def suspend(runtime: Runtime, *, words: str, by: uuid.UUID, request_id: str) -> int:
    """Returns the event since which nothing new is taken; the last one known if that was so before. Raises Problem."""
    markets = await _markets(runtime)
    if runtime.live.closure is not None:
        return runtime.live.seq
    changes = closing(markets, Closure(phase="suspended"), f"{words} (by {by})")
    return await _append(runtime, {new_command_id(): change for change in changes.values()}, request_id)


async def resume(runtime: Runtime, *, words: str, by: uuid.UUID, request_id: str) -> int:
    """Gives each market its state again, also while it winds down, which is called off by that. Returns the event; the last one
    known if it was open. Raises Problem.
    """
    markets = await _markets(runtime)
    closure = runtime.live.closure
    if closure is None:
        return runtime.live.seq
    if closure.is_last:
        raise closed(closure)
    changes = opening(markets, f"engine resumed: {words} (by {by})")
    return await _append(runtime, {new_command_id(): change for change in changes.values()}, request_id)


async def shut_down(runtime: Runtime, *, closure: Closure, words: str, by: uuid.UUID, request_id: str) -> int:
    """Has the exchange wind down or stop. Returns the event; the last one known if it stops already. Raises Problem."""
    markets = await _markets(runtime)
    before = runtime.live.closure
    if before is not None and before.is_last:
        return runtime.live.seq
    changes = closing(markets, closure.following(before), f"{words} (by {by})")
    return await _append(runtime, {new_command_id(): change for change in changes.values()}, request_id)


async def stop(runtime: Runtime, closure: Closure) -> None:
    """The end of what winds down: once, whichever process says it first. Raises Problem."""
    last = replace(closure, phase="stopped")
    changes = closing(standings(runtime), last, "the end of winding down")
    await _append(runtime, _once("stop", closure, changes), "going down")


async def start_again(runtime: Runtime, closure: Closure) -> None:
    """What went down has come up: once, whichever process says it first. Raises Problem."""
    words, markets = "engine started again", standings(runtime)
    changes = opening(markets, words)
    if closure.was_suspended:
        changes = {
            name: SetMarketState(market=name, state=standing.state, reason=_suspended(standing.mark, words))
            for name, standing in markets.items()
            if standing.mark is not None
        }
    await _append(runtime, _once("start", closure, changes), "going down")


def standings(runtime: Runtime) -> dict[str, Standing]:
    return {name: Standing(state.market.state, state.mark) for name, state in runtime.live.markets.items()}


def _suspended(mark: Mark, words: str) -> str:
    return Mark(closure=Closure(phase="suspended"), then=mark.then).reason(words)


def _once(act: str, closure: Closure, changes: Mapping[str, Command]) -> dict[str, Command]:
    """Under ids that are the same in every process."""
    return {derived_command_id("engine", act, closure.at_us or 0, name): change for name, change in changes.items()}


async def _markets(runtime: Runtime) -> dict[str, Standing]:
    """As the journal has them now. Raises Problem."""
    with reading():
        await runtime.catch_up()
    if not runtime.live.markets:
        raise Problem(UNKNOWN_MARKET, "There is no market yet, and by their states it would be done.")
    return standings(runtime)


async def _append(runtime: Runtime, changes: Mapping[str, Command], request_id: str) -> int:
    """By their ids, all or none of them, before what waits. The last one's number."""
    with submitting():
        answers = await runtime.submit_together(list(changes.items()), request_id=request_id, urgent=True)
    return answers[-1].seq
