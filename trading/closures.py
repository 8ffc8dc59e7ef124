"""Whether the exchange as a whole takes anything new, as the journal says it: in the reasons of its markets' states.

An operator suspends the engine, or has the exchange go down, by setting the states of all markets in one append; each reason begins
with a mark that says so, and what the market's state is to be again. The engine refuses orders by the states; every process, and
whoever reads the read models, knows by the marks why. A market that is halted meanwhile carries the mark on.
``..._us`` are microseconds since the epoch.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

from accounts.problems import Problem

from .engine.commands import Command, MarketState, SetMarketState
from .problems import ENGINE_SUSPENDED
from .shapes.texts import at_text, microseconds

Phase = Literal["suspended", "winding down", "stopped"]
EnginePhase = Literal["open", "suspended", "winding_down"]
"""As everybody is told it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Why nothing new is taken. ``at_us``: until when it winds down at the latest, or when it was stopped.

    ``was_suspended``: who goes down is to be suspended when it comes up again.
    """

    phase: Phase
    at_us: int | None = None
    was_suspended: bool = False

    @property
    def engine(self) -> EnginePhase:
        return "suspended" if self.phase == "suspended" else "winding_down"

    @property
    def is_last(self) -> bool:
        """Whether the processes that see it go down."""
        return self.phase == "stopped"

    @property
    def notice(self) -> str:
        """For everybody."""
        match self.phase:
            case "suspended":
                return "The exchange is suspended: orders can be cancelled, nothing new is taken."
            case "winding down":
                at = at_text(self.at_us or 0)
                return f"The exchange goes down at {at}, sooner if no order is open: orders can be cancelled, nothing new is taken."
            case "stopped":
                return "The exchange goes down now."

    def following(self, before: "Closure | None") -> "Closure":
        """The same, of an exchange that was closed in that way when it began."""
        return replace(self, was_suspended=before is not None and (before.was_suspended or before.phase == "suspended"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the reason of a market's state says of the whole exchange. ``then``: the market's state afterwards."""

    closure: Closure
    then: MarketState

    def replaced(self, then: MarketState) -> "Mark":
        """The same of a market that is to be in another state afterwards."""
        return replace(self, then=then)

    def reason(self, words: str) -> str:
        closure = self.closure
        at = "" if closure.at_us is None else f" at {at_text(closure.at_us)}"
        before = " while suspended" if closure.was_suspended else ""
        return f"engine {closure.phase}{at}{before}, then {self.then}: {words}"


class Standing(NamedTuple):
    """How a market stands."""

    state: MarketState
    mark: Mark | None


_MARK = re.compile(
    rf"engine ({'|'.join(get_args(Phase))})(?: at (\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z))?( while suspended)?,"
    rf" then ({'|'.join(get_args(MarketState))}): "
)


def mark_of(reason: str) -> Mark | None:
    """The mark that the reason of a market's state begins with."""
    found = _MARK.match(reason)
    if found is None:
        return None
    phase, at, before, then = found.groups()
    at_us = None if at is None else microseconds(dt.datetime.fromisoformat(at))
    return Mark(closure=Closure(phase=phase, at_us=at_us, was_suspended=before is not None), then=then)  # type: ignore[arg-type]


def closure_of(marks: Iterable[Mark | None]) -> Closure | None:
    """What the marks of all markets come to: one is enough."""
    return next((mark.closure for mark in marks if mark is not None), None)


def closing(markets: Mapping[str, Standing], closure: Closure, words: str) -> dict[str, Command]:
    """What closes the exchange, or takes it on from one closure to the next: of each market its command."""
    commands: dict[str, Command] = {}
    for name, (state, mark) in markets.items():
        marked = Mark(closure=closure, then=state if mark is None else mark.then)
        commands[name] = SetMarketState(market=name, state=quiet(state), reason=marked.reason(words))
    return commands


def opening(markets: Mapping[str, Standing], words: str) -> dict[str, Command]:
    """What opens it again: each market that was closed has its state again."""
    return {
        name: SetMarketState(market=name, state=mark.then, reason=words)
        for name, (_, mark) in markets.items()
        if mark is not None
    }


def quiet(state: MarketState) -> MarketState:
    """What a market of this state takes while the exchange takes nothing new."""
    return "halted" if state == "halted" else "cancel_only"


def closed(closure: Closure) -> Problem:
    return Problem(ENGINE_SUSPENDED, closure.notice)
