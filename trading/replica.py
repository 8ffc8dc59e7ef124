"""The engine thread: appends this process's commands to the journal and folds everybody's, strictly in sequence.

One thread does both, so nothing has to be handed over between them: lock the head, append, commit, fold what others
appended since, fold the own batch, publish. Memory is never ahead of the journal. Other threads only put commands into
the bounded inbox; what comes of them leaves through ``publish``, in one call per batch, on this thread. Between batches it
answers questions about the engine, and sees that timers are not late because nothing happens.

After a database error the outcome of a batch is unknown; the same drafts are appended again on a new connection, and
those that were committed come back as repeated. A journal that is not the one that was folded means that the database
lost data: the replica appends nothing more, stops, and says so.
"""

import collections
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg

from trading.engine.commands import CancelAfter, CancelAll, CancelMarket, CancelOrder, PlaceOrder, SetMarketState, Tick
from trading.engine.engine import Engine

from .applied import Applied
from .bulk import BY_KEY, WRITER_SETTINGS
from .fold import Fold
from .inbox import Inbox, Overloaded
from .journal.append import CHANNEL, Appended, append
from .journal.errors import JournalBroken
from .journal.read import check_head, records_between
from .journal.records import Record, derived_command_id, draft
from .publications import Answer, Publication, Submission, answers, groups, publication
from .snapshots import restore

log = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[object, ...]]
T = TypeVar("T")
FOLD_CHUNK = 1000
RETRY_FIRST_S = 0.05
RETRY_LAST_S = 1.0
QUESTIONS_LIMIT = 1000
URGENT = frozenset(kind.__name__ for kind in (CancelOrder, CancelAll, SetMarketState, CancelMarket, CancelAfter))
"""Commands that go before new orders when many wait, and are taken when no more orders are."""


class ReplicaStopped(Exception):
    """This replica does not serve (any more). The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSettings:
    conninfo: str
    poll_s: float
    """How long an idle replica waits before it looks at the journal, if nobody wakes it."""
    batch_limit: int
    inbox_limit: int


class Replica:
    """Owns the fold. Restores the newest snapshot that ``restore_at_most`` allows (projections need the outcomes of what
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
        on_restored: Callable[[Fold], None],
        on_stopped: Callable[[BaseException | None], None],
    ) -> None:
        self.fold = Fold.new()
        self.settings = settings
        self.stopped_because: str | None = None
        self.retrying_since: float | None = None
        """Since when (``time.monotonic``) the database does not do what is asked of it; None while it does."""
        self._restore_at_most = restore_at_most
        self._on_caught_up = on_caught_up
        self._publish = publish
        self._project = project
        self._on_restored = on_restored
        self._on_stopped = on_stopped
        self._inbox: Inbox[Submission] = Inbox(settings.inbox_limit, lambda submission: submission.is_joined)
        self._questions: collections.deque[tuple[Callable[[Engine], Any], Future[Any]]] = collections.deque()
        self._stopping = False
        self._told = False
        """Whether another process has told of events since the journal was last looked at."""
        self._is_alone = False
        """Whether nobody else had appended when this process last did."""
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finishes what is in the inbox, then ends the thread."""
        self._stopping = True
        self._inbox.ring()
        self._thread.join(timeout_s)

    def abort(self, reason: str) -> None:
        """Ends the thread without finishing anything: this replica is not to be trusted. Any thread."""
        self.stopped_because = self.stopped_because or reason
        self._inbox.ring()

    def look(self) -> None:
        """Looks at the journal now. Any thread."""
        self._inbox.ring()

    def submit(self, submission: Submission) -> None:
        """Puts a command into the inbox; any thread. Raises Overloaded or ReplicaStopped, with nothing accepted."""
        self._refuse_when_stopped()
        wanted = submission.draft
        if wanted.kind not in URGENT:
            self._inbox.put(submission, urgent=False)
        elif wanted.kind == CancelAll.__name__ and any(
            one.draft.account == wanted.account for one in self._inbox.waiting()
        ):
            self._inbox.put(
                submission, urgent=False, exempt=True
            )  # it means those orders too: it must not overtake them
        else:
            self._inbox.put(submission, urgent=True)

    def submit_together(self, submissions: Sequence[Submission], *, urgent: bool = False) -> None:
        """Puts commands into the inbox that become consecutive events; otherwise as ``submit``."""
        self._refuse_when_stopped()
        *joined, last = submissions
        self._inbox.put(
            *(one._replace(is_joined=True) for one in joined), last._replace(is_joined=False), urgent=urgent
        )

    def ask(self, question: Callable[[Engine], T]) -> "Future[T]":
        """Asks something of the engine between two batches, on its thread; it must change nothing. Any thread.

        Raises Overloaded or ReplicaStopped.
        """
        self._refuse_when_stopped()
        if len(self._questions) >= QUESTIONS_LIMIT:
            raise Overloaded(f"{QUESTIONS_LIMIT} questions wait already")
        answer: Future[T] = Future()
        self._questions.append((question, answer))
        self._inbox.ring()
        return answer

    def _refuse_when_stopped(self) -> None:
        if self.stopped_because is not None or self._stopping:
            raise ReplicaStopped(self.stopped_because or "the process is stopping")

    # The thread

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._persist(self._restore)
            self._persist(self._catch_up)
            self._persist(lambda _: self._on_caught_up(self))
            while not (self._stopping and not len(self._inbox)):
                self._turn()
        except BaseException as stopped:
            log.critical("the engine thread stops at event %s: %r", self.fold.seq, stopped, exc_info=stopped)
            error = stopped
            self.stopped_because = self.stopped_because or f"{type(stopped).__name__}: {stopped}"
        finally:
            if self._connection is not None:
                self._connection.close()
            self._dismiss_questions()
            self._on_stopped(error)

    def _restore(self, connection: Connection) -> None:
        self.fold = restore(connection, at_most=self._restore_at_most())
        self._on_restored(self.fold)

    def _turn(self) -> None:
        """One round: commit and fold what waits, or look for what others appended."""
        if not len(self._inbox) and not self._told:
            self._inbox.wait(self.settings.poll_s, *self._descriptors())
        self._told = False
        self._answer_questions()
        batch = self._inbox.take(self.settings.batch_limit)
        if batch:
            self._process(batch)
        else:
            self._persist(self._catch_up)
            self._tick()

    def _answer_questions(self) -> None:
        for _ in range(len(self._questions)):
            question, answer = self._questions.popleft()
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(question(self.fold.engine))
            except Exception as error:
                answer.set_exception(error)

    def _dismiss_questions(self) -> None:
        while self._questions:
            _, answer = self._questions.popleft()
            if answer.set_running_or_notify_cancel():
                answer.set_exception(ReplicaStopped(self.stopped_because or "the process is stopping"))

    def _tick(self) -> None:
        """Timers act in the next event after they are due; if none comes, this one. Whoever says it first: its id is the same
        for all who are at the same event.
        """
        due_us = self.fold.engine.next_timer_us
        if due_us is None or due_us > time.time_ns() // 1000:
            return
        tick = draft(Tick(), command_id=derived_command_id("tick", self.fold.seq), request_id="timer")
        self._process([Submission(tick, None)])

    def _descriptors(self) -> tuple[int, ...]:
        """The connection's socket, where the database tells of new events; nothing if there is none."""
        return () if self._connection is None or self._connection.closed else (self._connection.fileno(),)

    def _process(self, batch: list[Submission]) -> None:
        try:
            appended, is_retry = self._append(batch)
        except psycopg.DataError as error:
            self._process_apart(batch, error)
            return
        self._persist(lambda connection: self._fold_others(connection, appended.before))
        applied = self._fold_own(batch, appended.records)
        if applied:
            self._project(applied)
        told = answers(batch, applied, appended, is_retry=is_retry)
        self._publish(publication(applied, told, self.fold.engine.markets))

    def _fold_own(self, batch: list[Submission], records: list[Record]) -> list[Applied]:
        """Folds the rows that the batch has become. Orders are folded as they are at hand: a body is what it was made of, read
        again. Of each batch the first row is folded as every other process folds it, from its bytes and by its hash.
        """
        orders = {one.draft.command_id: one.command for one in reversed(batch) if type(one.command) is PlaceOrder}
        applied = [self.fold.apply(record) for record in records[:1]]
        applied += [self.fold.apply_linked(record, orders.get(record.command_id)) for record in records[1:]]
        if applied and orders.get(applied[0].command_id, applied[0].command) != applied[0].command:
            raise JournalBroken(f"event {applied[0].seq} reads as another order than it was written for")
        return applied

    def _process_apart(self, batch: list[Submission], error: psycopg.DataError) -> None:
        """The database refuses what one of the commands holds: those that are not joined to it shall not suffer for it."""
        parts = groups(batch)
        if len(parts) > 1:
            for part in parts:
                self._process(part)
            return
        log.error("the database refuses command %s: %s", batch[0].draft.command_id, str(error).strip())
        refused = Answer(self.fold.seq, None, conflict=False, refused=str(error).strip())
        self._publish(publication([], [(submission, refused) for submission in batch], {}))

    def _append(self, batch: list[Submission]) -> tuple[Appended, bool]:
        """What became of the batch, and whether it took more than one attempt."""
        drafts = {submission.draft.command_id: submission.draft for submission in reversed(batch)}
        ordered = [drafts[command_id] for command_id in dict.fromkeys(s.draft.command_id for s in batch)]

        attempts = 0

        def act(connection: Connection) -> Appended:
            nonlocal attempts
            attempts += 1
            is_last = self._is_alone and not self._told and attempts == 1
            return append(
                connection,
                ordered,
                now_us=time.time_ns() // 1000,
                known=self.fold.known,
                last_at_us=self.fold.engine.at_us if is_last else None,
            )

        appended: Appended = self._persist(act)
        self._is_alone = appended.before == self.fold.seq
        return appended, attempts > 1

    def _catch_up(self, connection: Connection) -> None:
        self._fold_others(connection, check_head(connection, self.fold.known))

    def _fold_others(self, connection: Connection, last: int) -> None:
        """Folds and publishes the events up to ``last`` that other processes appended."""
        chunk: list[Record] = []
        for record in records_between(connection, self.fold.seq, last):
            chunk.append(record)
            if len(chunk) == FOLD_CHUNK:
                self._publish_others(chunk)
                chunk = []
        if chunk:
            self._publish_others(chunk)

    def _publish_others(self, records: list[Record]) -> None:
        applied = self.fold.apply_many(records)
        self._project(applied)
        self._publish(publication(applied, [], self.fold.engine.markets))

    def _persist(self, act: Callable[[Connection], Any]) -> Any:
        """Acts on the database until it succeeds; after an error on a new connection, waiting longer each time.

        Raises what trying again would not change: DataError and IntegrityError. And ReplicaStopped once aborted.
        """
        wait_s = RETRY_FIRST_S
        while self.stopped_because is None:
            try:
                done = act(self._connected())
            except (psycopg.DataError, psycopg.IntegrityError):
                self._disconnect()
                raise
            except psycopg.Error as error:
                self.retrying_since = self.retrying_since or time.monotonic()
                log.warning("database: %s; trying again in %.2f s", str(error).strip() or repr(error), wait_s)
                self._disconnect()
                if self._stopping:
                    raise
                time.sleep(wait_s)
                wait_s = min(wait_s * 2, RETRY_LAST_S)
            else:
                self.retrying_since = None
                return done
        raise ReplicaStopped(self.stopped_because)

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = psycopg.connect(
                self.settings.conninfo,
                autocommit=True,
                application_name="kontor-engine",
                prepare_threshold=None,  # what is prepared is ours: psycopg never deallocates it with its own
            )
            self._connection.execute(f"{BY_KEY};{WRITER_SETTINGS};LISTEN {CHANNEL}")
            self._connection.add_notify_handler(self._hear)
        return self._connection

    def _hear(self, notify: psycopg.Notify) -> None:
        """Psycopg calls this while it reads an answer, which may be after the head was looked at."""
        if self._connection is not None and notify.pid != self._connection.info.backend_pid:
            self._told = True

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
