"""One flow through the engine and the oracle, in a process of its own. A flow is known by its profile and seed."""

from dataclasses import dataclass, field
from itertools import islice

from trading.engine.commands import Event
from trading.engine.engine import Engine
from trading.tests.engine import flow
from trading.tests.engine.comparison import Apply, Comparison, Difference, Met

STATE_EVERY = 20
SNAPSHOT_EVERY = 100


@dataclass(frozen=True)
class FlowId:
    profile: str
    seed: int
    events: int

    def __str__(self) -> str:
        return f"{self.profile} {self.seed}"


@dataclass
class Result:
    """``failed_at``: the event of the first difference, None if there was none; ``difference`` tells it."""

    flow: FlowId
    events: int = 0
    trades: int = 0
    met: Met = field(default_factory=Met)
    failed_at: int | None = None
    difference: str = ""


def events_of(which: FlowId) -> list[Event]:
    return list(flow.events(which.seed, which.events, flow.PROFILES[which.profile]))


def run(which: FlowId, apply: Apply = Engine.apply) -> Result:
    result = Result(which)
    comparison = Comparison(STATE_EVERY, SNAPSHOT_EVERY, apply)
    result.met = comparison.met
    for event in events_of(which):
        result.events = event.seq
        try:
            comparison.apply(event)
        except Difference as difference:
            result.failed_at, result.difference = event.seq, str(difference)
            break
    result.trades = comparison.oracle.world.trades
    return result


def events_until(result: Result) -> list[Event]:
    """The events up to the difference."""
    return list(islice(events_of(result.flow), result.failed_at))
