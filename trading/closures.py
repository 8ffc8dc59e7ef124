"""Whether the exchange as a whole takes anything new, as the journal says it: in the reasons of its markets' states.

An operator suspends the engine by setting the states of all markets in one append; each reason begins with a mark that says
so, and what the market's state is to be again. The engine refuses orders by the states; every process, and whoever reads the read
models, knows by the marks why. A market that is halted meanwhile carries the mark on.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from accounts.problems import Problem

from .engine.commands import MarketState
from .problems import ENGINE_SUSPENDED

Phase = Literal["suspended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Why nothing new is taken."""

    phase: Phase

    @property
    def notice(self) -> str:
        """For everybody."""
        return "The exchange is suspended: orders can be cancelled, nothing new is taken."


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the reason of a market's state says of the whole exchange. ``then``: the market's state afterwards."""

    closure: Closure
    then: MarketState

    def replaced(self, then: MarketState) -> "Mark":
        """The same of a market that is to be in another state afterwards."""
        return Mark(closure=self.closure, then=then)

    def reason(self, words: str) -> str:
        return f"engine {self.closure.phase}, then {self.then}: {words}"


_MARK = re.compile(rf"engine ({'|'.join(get_args(Phase))}), then ({'|'.join(get_args(MarketState))}): ")


def mark_of(reason: str) -> Mark | None:
    """The mark that the reason of a market's state begins with."""
    found = _MARK.match(reason)
    if found is None:
        return None
    phase, then = found.groups()
    return Mark(closure=Closure(phase=phase), then=then)  # type: ignore[arg-type]


def closure_of(marks: Iterable[Mark | None]) -> Closure | None:
    """What the marks of all markets come to: one is enough."""
    return next((mark.closure for mark in marks if mark is not None), None)


def closed(closure: Closure) -> Problem:
    return Problem(ENGINE_SUSPENDED, closure.notice)
