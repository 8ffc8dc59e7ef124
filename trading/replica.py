"""The engine thread: appends this process's commands to the journal and folds everybody's, strictly in sequence.

One thread does both, so nothing has to be handed over between them: lock the head, append, commit, fold what others
appended since, fold the own batch, publish. Memory is never ahead of the journal. Other threads only put commands into
the bounded inbox; what comes of them leaves through ``publish``, in one call per batch, on this thread.

After a database error the outcome of a batch is unknown; the same drafts are appended again on a new connection, and
those that were committed come back as repeated. A head behind what was folded means that the database lost data: the
replica stops, and says so.
"""

import asyncio
import collections
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

from trading.engine.commands import Command, Event, Side
from trading.engine.engine import Engine
from trading.engine.outcomes import Filled, OrderCancelled, OrderRested, Outcome

from .bulk import BY_KEY
from .journal.append import Appended, append
from .journal.read import head_seq, records_between
from .journal.records import Draft, Record, decode, is_same
from .snapshots import restore, save

log = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[object, ...]]
Level = tuple[str, Side, int]
"""Market, side and price in ticks."""

FOLD_CHUNK = 1000
RETRY_FIRST_S = 0.05
RETRY_LAST_S = 1.0


class Applied(NamedTuple):
    """A journaled command and what it came to."""

    seq: int
    at_us: int
    command_id: str
    command: Command
    outcomes: list[Outcome]


class Answer(NamedTuple):
    """What became of one submission.

    ``applied`` is None for a repeated command: its outcomes were told the first time, ``seq`` says which event it is.
    ``conflict``: the id was used for another command, nothing happened.
    """

    seq: int
    applied: Applied | None
    conflict: bool


class Submission(NamedTuple):
    """A command waiting for the journal. ``future`` is the caller's: handed back in the publication, not touched here."""

    draft: Draft
    future: "asyncio.Future[Answer]"


class Publication(NamedTuple):
    """What one batch changed: events in sequence, the book levels they touched as they stand now, and the answers."""

    applied: list[Applied]
    levels: dict[Level, int]
    answers: list[tuple[Submission, Answer]]


class Overloaded(Exception):
    """The inbox is full; nothing was accepted."""


class ReplicaStopped(Exception):
    """This replica does not serve (any more). The message says why."""


class DatabaseLostData(Exception):
    """The journal's head is behind what this replica has folded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSettings:
    conninfo: str
    poll_s: float
    snapshot_tail: int
    """After a catch-up over more events than this a snapshot is written; at a stop if there were any."""
    batch_limit: int
    inbox_limit: int


class Replica:
    """Owns the engine. Restores the newest snapshot that ``restore_at_most`` allows (projections need the outcomes of what
    they have not written yet), folds the journal from there, calls ``on_caught_up``, then serves.
    """

    def __init__(
        self,
        settings: ReplicaSettings,
        *,
        restore_at_most: Callable[[], int],
        on_caught_up: Callable[["Replica"], None],
        publish: Callable[[Publication], None],
        project: Callable[[Sequence[Applied]], None],
        on_restored: Callable[[Engine], None],
        on_stopped: Callable[[BaseException | None], None],
    ) -> None:
        self.engine = Engine()
        self.settings = settings
        self.stopped_because: str | None = None
        self._restore_at_most = restore_at_most
        self._snapshot_seq = 0
        self._on_caught_up = on_caught_up
        self._publish = publish
        self._project = project
        self._on_restored = on_restored
        self._on_stopped = on_stopped
        self._inbox: collections.deque[Submission] = collections.deque()
        self._wake = threading.Event()
        self._stopping = False
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finishes what is in the inbox, then ends the thread."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout_s)

    def submit(self, submission: Submission) -> None:
        """Puts a command into the inbox; any thread. Raises Overloaded or ReplicaStopped, with nothing accepted."""
        if self.stopped_because is not None or self._stopping:
            raise ReplicaStopped(self.stopped_because or "the process is stopping")
        if len(self._inbox) >= self.settings.inbox_limit:
            raise Overloaded(f"{self.settings.inbox_limit} commands wait already")
        self._inbox.append(submission)
        self._wake.set()

    # The thread

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._persist(self._restore)
            self._persist(self._catch_up)
            self._save_snapshot(tail=self.settings.snapshot_tail)
            self._persist(lambda _: self._on_caught_up(self))
            while not (self._stopping and not self._inbox):
                self._turn()
            self._save_snapshot(tail=0)
        except BaseException as stopped:
            log.critical("the engine thread stops at event %s: %r", self.engine.seq, stopped, exc_info=stopped)
            error = stopped
            self.stopped_because = f"{type(stopped).__name__}: {stopped}"
        finally:
            if self._connection is not None:
                self._connection.close()
            self._on_stopped(error)

    def _restore(self, connection: Connection) -> None:
        self.engine = restore(connection, at_most=self._restore_at_most())
        self._snapshot_seq = self.engine.seq
        self._on_restored(self.engine)

    def _save_snapshot(self, *, tail: int) -> None:
        if self.engine.seq - self._snapshot_seq <= tail:
            return
        try:
            save(self._connected(), self.engine, now_us=time.time_ns() // 1000)
            self._snapshot_seq = self.engine.seq
        except psycopg.Error as error:
            log.warning("no snapshot was written: %s", str(error).strip() or repr(error))
            self._disconnect()

    def _turn(self) -> None:
        """One round: commit and fold what waits, or look for what others appended."""
        if not self._inbox:
            self._wake.wait(self.settings.poll_s)
        self._wake.clear()
        batch = self._take()
        if batch:
            self._process(batch)
        else:
            self._persist(self._catch_up)

    def _take(self) -> list[Submission]:
        batch: list[Submission] = []
        while self._inbox and len(batch) < self.settings.batch_limit:
            batch.append(self._inbox.popleft())
        return batch

    def _process(self, batch: list[Submission]) -> None:
        drafts = {submission.draft.command_id: submission.draft for submission in reversed(batch)}
        ordered = [drafts[command_id] for command_id in dict.fromkeys(s.draft.command_id for s in batch)]
        appended = self._persist(lambda connection: append(connection, ordered, now_us=time.time_ns() // 1000))
        if appended.before < self.engine.seq:
            raise DatabaseLostData(f"the journal ended at event {appended.before}, {self.engine.seq} was folded here")
        self._persist(lambda connection: self._fold_others(connection, appended.before))
        applied = self._fold(appended.records)
        self._publish(Publication(applied, self._levels(applied), _answers(batch, applied, appended)))

    def _catch_up(self, connection: Connection) -> None:
        head = head_seq(connection)
        if head < self.engine.seq:
            raise DatabaseLostData(f"the journal ends at event {head}, {self.engine.seq} was folded here")
        self._fold_others(connection, head)

    def _fold_others(self, connection: Connection, last: int) -> None:
        """Folds and publishes the events up to ``last`` that other processes appended."""
        chunk: list[Record] = []
        for record in records_between(connection, self.engine.seq, last):
            chunk.append(record)
            if len(chunk) == FOLD_CHUNK:
                self._publish_others(chunk)
                chunk = []
        if chunk:
            self._publish_others(chunk)

    def _publish_others(self, records: list[Record]) -> None:
        applied = self._fold(records)
        self._publish(Publication(applied, self._levels(applied), []))

    def _fold(self, records: Iterable[Record]) -> list[Applied]:
        apply = self.engine.apply
        applied = []
        for record in records:
            command = decode(record)
            outcomes = apply(Event(seq=record.seq, at_us=record.at_us, command=command))
            applied.append(Applied(record.seq, record.at_us, record.command_id, command, outcomes))
        if applied:
            self._project(applied)
        return applied

    def _levels(self, applied: Iterable[Applied]) -> dict[Level, int]:
        """The book levels that these events touched, with the lots that rest there now."""
        touched: dict[Level, int] = {}
        for event in applied:
            for outcome in event.outcomes:
                match outcome:
                    case Filled(market=market, taker_side=side, price_ticks=price):
                        touched[market, "sell" if side == "buy" else "buy", price] = 0
                    case OrderRested(market=market, side=side, price_ticks=price):
                        touched[market, side, price] = 0
                    case OrderCancelled(market=market, side=side, price_ticks=int(price)):
                        touched[market, side, price] = 0
        for market, side, price in touched:
            touched[market, side, price] = self.engine.markets[market].book.level_lots(side, price)
        return touched

    def _persist(self, act: Callable[[Connection], Any]) -> Any:
        """Acts on the database until it succeeds; after an error on a new connection, waiting longer each time."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                return act(self._connected())
            except psycopg.Error as error:
                log.warning("database: %s; trying again in %.2f s", str(error).strip() or repr(error), wait_s)
                self._disconnect()
                if self._stopping:
                    raise
                time.sleep(wait_s)
                wait_s = min(wait_s * 2, RETRY_LAST_S)

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = psycopg.connect(
                self.settings.conninfo,
                autocommit=True,
                application_name="kontor-engine",
                prepare_threshold=None,  # what is prepared is ours: psycopg never deallocates it with its own
            )
            self._connection.execute(BY_KEY)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _answers(
    batch: Iterable[Submission], applied: Iterable[Applied], appended: Appended
) -> list[tuple[Submission, Answer]]:
    """One answer for each submission: the first of a new id gets its outcomes, others learn whether they agree."""
    records = {record.command_id: record for record in appended.records} | appended.repeated
    fresh = {event.command_id: event for event in applied}
    answers = []
    for submission in batch:
        draft = submission.draft
        record = records[draft.command_id]
        conflict = not is_same(record, draft)
        first = None if conflict else fresh.pop(draft.command_id, None)
        answers.append((submission, Answer(record.seq, first, conflict)))
    return answers
