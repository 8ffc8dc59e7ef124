"""An engine and the oracle side by side: the same events, and whatever must be equal or hold is looked at."""

from collections import Counter
from collections.abc import Callable, Iterable

from trading.engine.commands import Event
from trading.engine.engine import Engine
from trading.engine.outcomes import Credited, CreditReversed, Filled, Outcome, Reason, WithdrawalSettled
from trading.engine.packed import pack
from trading.engine.snapshot import dump, load, state_hash
from trading.engine.unpacking import unpack

from . import invariants, state
from .oracle import Oracle

EVERY = 1
"""Looks at the whole state after every event."""

Apply = Callable[[Engine, Event], list[Outcome]]


class Difference(Exception):
    """The engine is not what the oracle is, or not in order by itself; the text says where."""


class Met:
    """What a run has met: outcomes by class, reasons, roundings of trades."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.roundings: Counter[int] = Counter()

    def add(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self.outcomes[type(outcome).__name__] += 1
            reason = getattr(outcome, "reason", None)
            if isinstance(reason, Reason):
                self.reasons[reason.value] += 1
            if isinstance(outcome, Filled):
                self.roundings[outcome.rounding_atoms] += 1

    def update(self, other: "Met") -> None:
        self.outcomes.update(other.outcomes)
        self.reasons.update(other.reasons)
        self.roundings.update(other.roundings)


class Comparison:
    """``state_every``: after how many events the whole state is looked at, to the last order and balance.

    ``snapshot_every``: after how many events a second engine is loaded from a snapshot of the first, to go on beside it,
    on packed commands where they can be packed, and to be in the same state at the end of that time; 0: there is none.
    Also wherever something that was set off has to wait for the next event.
    ``apply``: how the first engine applies an event.
    """

    def __init__(self, state_every: int = EVERY, snapshot_every: int = 0, apply: Apply = Engine.apply) -> None:
        self.engine = Engine()
        self._apply = apply
        self.oracle = Oracle()
        self.met = Met()
        self._resumed: Engine | None = None
        self._state_every = state_every
        self._snapshot_every = snapshot_every
        self._credited: Counter[str] = Counter()

    def apply(self, event: Event) -> list[Outcome]:
        """Raises Difference, also where one of the two raises anything."""
        try:
            return self._compared(event)
        except Difference:
            raise
        except Exception as error:
            raise Difference(f"event {event.seq} {event.command} raises {error!r}") from error

    def _compared(self, event: Event) -> list[Outcome]:
        outcomes = self._apply(self.engine, event)
        _compare(event, outcomes, self.oracle.apply(event))
        self.met.add(outcomes)
        self._credit(outcomes)
        if self._snapshot_every:
            self._compare_resumed(event, outcomes)
        if event.seq % self._state_every == 0:
            self.check(event)
        return outcomes

    def check(self, event: Event) -> None:
        """Compares the whole state."""
        of_engine, of_oracle = state.of_engine(self.engine), state.of_oracle(self.oracle)
        for name in state.State._fields:
            ours, theirs = getattr(of_engine, name), getattr(of_oracle, name)
            if ours != theirs:
                raise Difference(f"after event {event.seq} {name} differ:\n{_apart(ours, theirs)}")
        self._check(event, self.engine)

    def _check(self, event: Event, engine: Engine) -> None:
        """What must hold of an engine, whatever the oracle says."""
        try:
            invariants.check(state.of_engine(engine), self._credited)
            state.check_indexes(engine)
        except AssertionError as error:
            raise Difference(f"after event {event.seq} an invariant is broken: {error}") from error

    def _credit(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Credited):
                self._credited[outcome.asset] += outcome.amount_atoms
            elif isinstance(outcome, CreditReversed):
                self._credited[outcome.asset] -= outcome.amount_atoms
            elif isinstance(outcome, WithdrawalSettled):
                self._credited[outcome.asset] -= outcome.amount_atoms - outcome.fee_atoms

    def _compare_resumed(self, event: Event, outcomes: list[Outcome]) -> None:
        if self._resumed is not None:
            again = apply_packed(self._resumed, event)
            if facts(again) != facts(outcomes):
                raise Difference(f"event {event.seq} {event.command} comes to something else after a snapshot: {again}")
        if event.seq % self._snapshot_every == 0 or self.oracle.world.queue:
            if self._resumed is not None and state_hash(self._resumed) != state_hash(self.engine):
                raise Difference(f"after event {event.seq} the state is another after a snapshot")
            self._resumed = load(dump(self.engine))
            self._check(event, self._resumed)


def facts(outcomes: Iterable[Outcome]) -> list[tuple[str, Outcome]]:
    """With the name of each outcome: as tuples, facts of different classes can be equal."""
    return [(type(outcome).__name__, outcome) for outcome in outcomes]


def apply_packed(engine: Engine, event: Event) -> list[Outcome]:
    """Applies it packed if it can be packed."""
    try:
        packed = pack(event, engine)
    except ValueError:
        return engine.apply(event)
    (outcomes,) = unpack(engine.apply_packed(packed), engine)
    return outcomes


def _compare(event: Event, ours: list[Outcome], theirs: list[Outcome]) -> None:
    if facts(ours) == facts(theirs):
        return
    lines = [f"event {event.seq} {event.command}"]
    lines += [f"  both    {mine}" for mine, its in zip(ours, theirs, strict=False) if facts([mine]) == facts([its])]
    lines += [f"  engine  {outcome}" for outcome in _without(ours, theirs)]
    lines += [f"  oracle  {outcome}" for outcome in _without(theirs, ours)]
    raise Difference("\n".join(lines))


def _without(some: list[Outcome], others: list[Outcome]) -> list[Outcome]:
    """Those that do not stand at the same place in the others."""
    return [one for place, one in enumerate(some) if facts(others[place : place + 1]) != facts([one])]


def _apart(ours: object, theirs: object) -> str:
    if not isinstance(ours, dict) or not isinstance(theirs, dict):
        return f"  engine  {ours}\n  oracle  {theirs}"
    keys = [key for key in dict.fromkeys([*ours, *theirs]) if ours.get(key) != theirs.get(key)]
    return "\n".join(f"  {key}\n  engine  {ours.get(key)}\n  oracle  {theirs.get(key)}" for key in keys)
