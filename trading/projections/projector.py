"""The projector thread: the one writer of the read models and the books.

It takes applied events from a bounded queue, in sequence, and writes what they come to together with its checkpoint, in
one transaction. The checkpoint moves by compare-and-swap, so of several projectors only one writes an event: that is its
lease, and no clock is in it. One that loses the swap stands by, and leads again when the other's checkpoint stands still
although there is something to write. One that was stopped for a while and wakes up loses its next swap, and writes nothing.
An error with the outcome unknown ends the same way: a batch that was written after all loses the swap. What was folded of a
journal that the database has lost since is not written: the same transaction looks for the batch's last event.

Who leads writes the checkpoints of the chain of outcomes, all others compare theirs: a replica that differs stops.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence

import psycopg

from ledger.posting import Books
from trading.bulk import BY_KEY, at_once
from trading.database import WRITER_SETTINGS
from trading.engine.commands import DefineMarket
from trading.fold import Applied
from trading.journal.errors import DatabaseLostData
from trading.outcome_chain import CHECKPOINT_EVENTS, Checkpoint

from . import postings, read_models
from .markets import listed

log = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[object, ...]]

BATCH_EVENTS = 2000
GATHER_S = 0.02
"""How long events are gathered into one transaction, unless somebody waits: fewer transactions, not older answers."""
QUEUE_CHUNKS = 2000
RETRY_S = 0.5
TAKE_OVER_S = 0.2
"""How long the leading projector's checkpoint stands still before another leads. Too early costs a lost swap, no more."""
STAND_BY_POLL_S = 0.02
HURRIED_POLL_S = 0.004


class CheckpointLost(Exception):
    """The checkpoint is not where this projector left it: another one writes, or an unknown outcome was a success."""


class OutcomesDiffer(Exception):
    """The same events came to something else in another process. One of the two must not go on."""


class Projector:
    """Writes the read models. ``on_progress`` is called on this thread with the checkpoint after every commit,
    ``on_stopped`` with the error that ended it, if one did.
    """

    def __init__(
        self, conninfo: str, *, on_progress: Callable[[int], None], on_stopped: Callable[[BaseException], None]
    ) -> None:
        self.seq = 0
        self.leads = True
        """Whether it writes, as far as it knows."""
        self.stopped_because: str | None = None
        self._conninfo = conninfo
        self._on_progress = on_progress
        self._on_stopped = on_stopped
        self._queue: queue.Queue[Sequence[Applied] | None] = queue.Queue(QUEUE_CHUNKS)
        self._hurried = False
        self._connection: Connection | None = None
        self._books: Books | None = None
        self._markets: dict[str, DefineMarket] = {}
        self._passed: list[Checkpoint] = []
        """Checkpoints of outcomes that another process has written, still to be compared."""
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)

    def start(self) -> None:
        """Reads the checkpoint, then starts the thread."""
        self.seq = read_checkpoint(self._connected())
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Writes what is queued, then ends the thread."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(timeout_s)

    def know(self, markets: Iterable[DefineMarket]) -> None:
        """The markets that were listed before the first event that is queued. Before anything is."""
        self._markets.update((market.market, market) for market in markets)

    def project(self, applied: Sequence[Applied]) -> None:
        """Queues events for writing, the engine thread's call. Waits while the queue is full; nothing once stopped."""
        while self.stopped_because is None:
            try:
                self._queue.put(applied, timeout=0.2)
                return
            except queue.Full:
                continue

    def hurry(self) -> None:
        """Somebody waits for the read models: writes what is there without gathering more. Any thread."""
        self._hurried = True
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(())

    def _run(self) -> None:
        try:
            while (batch := self._take()) is not None:
                self._persist(batch)
        except BaseException as stopped:
            log.critical("the projector stops at event %s: %r", self.seq, stopped, exc_info=stopped)
            self.stopped_because = f"{type(stopped).__name__}: {stopped}"
            self._on_stopped(stopped)
        finally:
            self._disconnect()

    def _take(self) -> list[Applied] | None:
        """The next events that are not written yet: all that come within GATHER_S, up to BATCH_EVENTS; None at the end."""
        batch: list[Applied] = []
        chunk = self._queue.get()
        until = time.monotonic() + GATHER_S
        while chunk is not None:
            for event in chunk:
                if (market := listed(event)) is not None:
                    self._markets[market.market] = market
            batch += self._unwritten(chunk)
            if len(batch) >= BATCH_EVENTS:
                return batch
            wait_s = 0.0 if self._hurried else until - time.monotonic()
            try:
                chunk = self._queue.get(timeout=wait_s) if wait_s > 0 else self._queue.get_nowait()
            except queue.Empty:
                self._hurried = False
                return batch
        if batch:
            self._queue.put(None)
            return batch
        return None

    def _persist(self, batch: list[Applied]) -> None:
        """Writes the batch, or sees that another projector does."""
        pending = batch
        while pending or self._passed:
            try:
                if self._passed:
                    self._compare()
                elif self.leads:
                    self._write(pending)
                    self._move_to(pending[-1].seq)
                    pending = []
                else:
                    self._stand_by(pending[-1].seq)
                    pending = self._unwritten(pending)
            except CheckpointLost as lost:
                log.info("%s: standing by", lost)
                self._books = None
                self.leads = False
            except (psycopg.DataError, psycopg.IntegrityError):
                raise  # the database refuses what these events come to: trying again would not change its mind
            except psycopg.Error as error:
                log.warning("database: %s; trying again in %.1f s", str(error).strip() or repr(error), RETRY_S)
                self._disconnect()
                time.sleep(RETRY_S)

    def _unwritten(self, events: Sequence[Applied]) -> list[Applied]:
        """Those that nobody has written yet; of the others the checkpoints are noted, to be compared."""
        if not events or events[0].seq > self.seq:
            return list(events)
        self._passed += [event.checkpoint for event in events if event.checkpoint and event.seq <= self.seq]
        return [event for event in events if event.seq > self.seq]

    def _stand_by(self, until_seq: int) -> None:
        """Follows the other's checkpoint until it is at ``until_seq``; leads if it has not moved for TAKE_OVER_S."""
        moved_at = time.monotonic()
        while time.monotonic() - moved_at < TAKE_OVER_S:
            checkpoint = read_checkpoint(self._connected())
            if checkpoint > self.seq:
                moved_at = time.monotonic()
                self._move_to(checkpoint)
            if checkpoint >= until_seq:
                return
            time.sleep(HURRIED_POLL_S if self._hurried else STAND_BY_POLL_S)
        log.info("the read models stand still at event %s: leading", self.seq)
        self.leads = True

    def _compare(self) -> None:
        """Compares what this process has made of events with what the one that wrote them had. Raises OutcomesDiffer."""
        rows = self._connected().execute(
            "SELECT seq, chain FROM outcome_checkpoint WHERE seq = ANY(%s)", ([passed.seq for passed in self._passed],)
        )
        written: dict[object, object] = {row[0]: row[1] for row in rows.fetchall()}
        for passed in self._passed:
            if written.get(passed.seq, passed.value) != passed.value:
                raise OutcomesDiffer(
                    f"the outcomes of events {passed.seq - CHECKPOINT_EVENTS + 1} to {passed.seq} are others than those"
                    " that another process recorded"
                )
        self._passed = []

    def _move_to(self, seq: int) -> None:
        self.seq = seq
        self._on_progress(seq)

    def _write(self, batch: list[Applied]) -> None:
        """One message to the server, which makes one transaction of it.

        Raises CheckpointLost or DatabaseLostData with nothing written.
        """
        connection = self._connected()
        if self._books is None:
            self._books = Books(connection)
        statements = [
            f"SELECT move_projection_checkpoint({batch[0].seq - 1}, {batch[-1].seq}, '\\x{batch[-1].hash.hex()}')",
            *_outcome_checkpoints(batch),
            *read_models.statements(batch),
            *self._books.statements(postings.entries(batch, self._markets)),
        ]
        try:
            at_once(connection, ";".join(statements))
        except psycopg.errors.SerializationFailure as error:
            raise CheckpointLost(f"the read models are not at event {batch[0].seq - 1}") from error
        except psycopg.errors.DataCorrupted as error:
            raise DatabaseLostData(f"event {batch[-1].seq} is not in the journal as it was folded here") from error

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._conninfo, autocommit=True, application_name="kontor-projector", prepare_threshold=None
            )
            self._connection.execute(f"{BY_KEY};{WRITER_SETTINGS};{read_models.PREPARE}")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._books = None


def _outcome_checkpoints(batch: Iterable[Applied]) -> list[str]:
    rows = [f"({seq}, '\\x{value.hex()}')" for seq, value in (event.checkpoint for event in batch if event.checkpoint)]
    return [f"INSERT INTO outcome_checkpoint (seq, chain) VALUES {', '.join(rows)}"] if rows else []


def read_checkpoint(connection: Connection) -> int:
    """Up to which event the read models and the books are written."""
    row = connection.execute("SELECT seq FROM projection_checkpoint").fetchone()
    match row:
        case (int(seq),):
            return seq
    raise CheckpointLost(f"projection_checkpoint holds {row!r}")
