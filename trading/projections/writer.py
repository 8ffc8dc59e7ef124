"""The one writer of the read models and the books.

It takes events in sequence, and writes what they come to together with its checkpoint, in one transaction. The checkpoint
moves by compare-and-swap, so of several writers only one writes an event: that is its lease, and no clock is in it. One
that loses the swap stands by, and leads again when the other's checkpoint stands still although there is something to
write. One that was stopped for a while and wakes up loses its next swap, and writes nothing. An error with the outcome
unknown ends the same way: a batch that was written after all loses the swap. What was folded of a journal that the
database has lost since is not written: the same transaction looks for the batch's last event.

Who leads writes the checkpoints of the chain of outcomes, all others compare theirs: a replica that differs stops.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import psycopg

from ledger.posting import Books
from trading.applied import Applied, Packed, read
from trading.bulk import BY_KEY, WRITER_SETTINGS, at_once
from trading.engine.commands import DefineMarket
from trading.journal.errors import DatabaseLostData
from trading.outcome_chain import CHECKPOINT_EVENTS, Checkpoint

from . import postings, read_models
from .checkpoint import CheckpointLost, Connection, OutcomesDiffer, read_checkpoint

log = logging.getLogger(__name__)

RETRY_S = 0.5
TAKE_OVER_S = 0.2
"""How long the leading writer's checkpoint stands still before another leads. Too early costs a lost swap, no more."""
STAND_BY_POLL_S = 0.02
HURRIED_POLL_S = 0.004


class Abandoned(Exception):
    """Nobody is left for whom to try again: the serving process is gone, and the journal has all that is not written."""


class Waiting(Protocol):
    """How the writer waits, see ``line.Line``."""

    hurried: bool

    def wait(self, timeout_s: float) -> None: ...

    def is_abandoned(self, within_s: float) -> bool: ...


class Writer:
    """``on_moved`` is called whenever ``seq``, the checkpoint, or ``leads``, whether it writes as far as it knows, is another."""

    def __init__(self, conninfo: str, waiting: Waiting, on_moved: Callable[[], None]) -> None:
        self.seq = 0
        self.leads = True
        self._conninfo = conninfo
        self._waiting = waiting
        self._on_moved = on_moved
        self._connection: Connection | None = None
        self._books: Books | None = None
        self._markets: dict[str, DefineMarket] = {}
        self._passed: list[Checkpoint] = []
        """Checkpoints of outcomes that another process has written, still to be compared."""

    def begin(self) -> None:
        """Reads the checkpoint. Raises Abandoned."""
        while not self._is_connected():
            continue
        self._on_moved()

    def know(self, markets: Iterable[DefineMarket]) -> None:
        """The markets that were listed before the events that come next."""
        self._markets.update((market.market, market) for market in markets)

    def write(self, batch: Sequence[Packed]) -> None:
        """Writes the batch, or sees that another writer does. Raises Abandoned, and what trying again would not change."""
        pending = self._unwritten(batch)
        while pending or self._passed:
            try:
                if self._passed:
                    self._compare()
                elif self.leads:
                    self._write([read(event) for event in pending])
                    self._move_to(pending[-1].seq)
                    pending = []
                else:
                    self._stand_by(pending[-1].seq)
                    pending = self._unwritten(pending)
            except CheckpointLost as lost:
                log.info("%s: standing by", lost)
                self._books = None
                self._lead(False)
            except psycopg.Error as error:
                self._bear(error)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._books = None

    def _is_connected(self) -> bool:
        """Tries to read the checkpoint; whether it could."""
        try:
            self.seq = read_checkpoint(self._connected())
        except psycopg.Error as error:
            self._bear(error)
            return False
        return True

    def _bear(self, error: psycopg.Error) -> None:
        """After this the next attempt has a new connection, and some time has passed. Raises what no attempt would change."""
        if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
            raise error  # the database refuses what these events come to
        log.warning("database: %s; trying again in %.1f s", str(error).strip() or repr(error), RETRY_S)
        self.close()
        if self._waiting.is_abandoned(RETRY_S):
            raise Abandoned(f"at event {self.seq}") from error

    def _unwritten(self, events: Sequence[Packed]) -> list[Packed]:
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
            self._waiting.wait(HURRIED_POLL_S if self._waiting.hurried else STAND_BY_POLL_S)
        log.info("the read models stand still at event %s: leading", self.seq)
        self._lead(True)

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
        self._on_moved()

    def _lead(self, leads: bool) -> None:
        self.leads = leads
        self._on_moved()

    def _write(self, batch: Sequence[Applied]) -> None:
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


def _outcome_checkpoints(batch: Iterable[Applied]) -> list[str]:
    rows = [f"({seq}, '\\x{value.hex()}')" for seq, value in (event.checkpoint for event in batch if event.checkpoint)]
    return [f"INSERT INTO outcome_checkpoint (seq, chain) VALUES {', '.join(rows)}"] if rows else []
