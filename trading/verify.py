"""Verifying everything from the first event: the chain, the fold, the recorded outcomes, snapshots, and each row of the books.

Reads only, in one pass over the journal.
"""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg

import ledger.checks
import ledger.queries
from trading.engine.snapshot import state_hash

from .books import disagreements
from .fold import Fold
from .journal.errors import JournalBroken
from .journal.read import records_between
from .journal.records import Record
from .outcome_chain import CHECKPOINT_EVENTS, Checkpoint
from .rederivation import Rederivation

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """``findings`` empty is good. ``state_hash`` is the engine's at ``seq``; the books are at ``posted_seq``."""

    seq: int
    posted_seq: int
    state_hash: str
    findings: list[str]


def verify(connection: Connection, *, progress: Callable[[int, int], None] = lambda done, of: None) -> Verified:
    """Checks everything from the first event, in one snapshot of the database; trading may go on meanwhile."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        head = _one(connection, "SELECT seq, at_us, hash FROM journal_head")
        posted = int(str(_one(connection, "SELECT seq FROM projection_checkpoint")[0]))
        whole = _Pass(connection, posted=posted, progress=progress)
        findings = [*_columns(connection), *whole.run(int(str(head[0]))), *whole.check_head(head)]
        findings += ledger.checks.findings(connection)
    engine = whole.fold.engine
    return Verified(seq=engine.seq, posted_seq=posted, state_hash=state_hash(engine), findings=findings)


class _Pass:
    """One pass over the journal: chain and fold together; everything recorded at an event is compared as it passes it."""

    def __init__(self, connection: Connection, *, posted: int, progress: Callable[[int, int], None]) -> None:
        self.fold = Fold.new()
        self._connection = connection
        self._posted = posted
        self._rederivation = Rederivation(connection, posted=posted)
        self._progress = progress
        self._findings: list[str] = []
        self._snapshots: dict[object, tuple[object, ...]] = {}
        self._outcomes: dict[object, object] = {}

    def run(self, last: int) -> list[str]:
        if self._posted > last:
            return [f"the read models are at event {self._posted}, the journal ends at {last}"]
        rows = self._connection.execute("SELECT seq, state_hash, journal_hash, outcome_chain FROM engine_snapshot")
        self._snapshots = {row[0]: row[1:] for row in rows.fetchall()}
        rows = self._connection.execute("SELECT seq, chain FROM outcome_checkpoint")
        self._outcomes = {row[0]: row[1] for row in rows.fetchall()}
        self._compare_books()
        try:
            for record in records_between(self._connection, 0, last):
                self._check(record)
                if record.seq % 10_000 == 0:
                    self._progress(record.seq, last)
        except JournalBroken as broken:
            self._findings.append(str(broken))
        except _Stop as stop:
            self._findings.append(str(stop))
        if self.fold.seq >= self._posted:
            self._findings += self._rederivation.finish()
        return self._findings

    def check_head(self, head: tuple[object, ...]) -> list[str]:
        row = self._connection.execute("SELECT coalesce(max(seq), 0) FROM order_event").fetchone()
        findings = []
        if row != (head[0],):
            findings.append(f"the head says event {head[0]}, the last row is {row[0] if row else None}")
        if not self._findings and head[2] != self.fold.journal_hash:
            findings.append(f"the head's hash is not that of event {head[0]}")
        if not self._findings and head[1] != self.fold.engine.at_us:
            findings.append(f"the head's time is not that of event {head[0]}")
        return findings

    def _check(self, record: Record) -> None:
        try:
            applied = self.fold.apply(record)
        except JournalBroken:
            raise
        except Exception as error:
            raise _Stop(f"event {record.seq} cannot be applied: {error!r}") from error
        self._rederivation.check(applied)
        if applied.checkpoint is not None:
            self._compare_outcomes(applied.checkpoint)
            self._compare_snapshot()
        self._compare_books()

    def _compare_outcomes(self, checkpoint: Checkpoint) -> None:
        """Events from before the chain of outcomes was kept have no checkpoints."""
        if self._outcomes.pop(checkpoint.seq, checkpoint.value) != checkpoint.value:
            first = checkpoint.seq - CHECKPOINT_EVENTS + 1
            raise _Stop(f"events {first} to {checkpoint.seq} come to other outcomes than when they happened")

    def _compare_snapshot(self) -> None:
        row = self._snapshots.pop(self.fold.seq, None)
        if row is None:
            return
        if row != (state_hash(self.fold.engine), self.fold.journal_hash, self.fold.chain.last.value):
            self._findings.append(f"the snapshot at event {self.fold.seq} is not the state that the journal leads to")

    def _compare_books(self) -> None:
        if self.fold.engine.seq != self._posted:
            return
        booked = ledger.queries.positions(self._connection)
        self._findings += [f"at event {self._posted} {said}" for said in disagreements(self.fold.engine, booked)]


class _Stop(Exception):
    """The first bad event was found; nothing after it can be judged."""


def _columns(connection: Connection) -> list[str]:
    """account_id and market stand beside the body for indexes; they must say what the body says."""
    row = connection.execute(
        "SELECT seq FROM order_event WHERE account_id::text IS DISTINCT FROM body->>'account'"
        " OR market IS DISTINCT FROM coalesce(body->>'market', body->'place'->>'market') ORDER BY seq LIMIT 1"
    ).fetchone()
    return [] if row is None else [f"event {row[0]} was altered: its columns do not say what its body says"]


def _one(connection: Connection, query: str) -> tuple[object, ...]:
    row = connection.execute(query).fetchone()
    if row is None:
        raise JournalBroken(f"no row for {query}")
    return row
