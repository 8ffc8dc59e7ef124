"""The projector thread: the one writer of the read models and the books.

It takes applied events from a bounded queue, in sequence, and writes what they come to together with its checkpoint, in
one transaction. The checkpoint moves by compare-and-swap: a second projector loses the swap and stops. After a database
error the batch is written again unless the checkpoint shows that it was.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence

import psycopg

from ledger.posting import Books
from trading.engine.commands import DefineAsset, DefineMarket, SetMarketState
from trading.replica import Applied

from . import candles, markets, postings
from .orders import OrderBatch

log = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[object, ...]]

BATCH_EVENTS = 2000
QUEUE_CHUNKS = 2000
RETRY_S = 0.5


class CheckpointLost(Exception):
    """Another projector has moved the checkpoint; this one must not write."""


class Projector:
    """Writes the read models. ``on_progress`` is called on this thread with the checkpoint after every commit."""

    def __init__(self, conninfo: str, *, on_progress: Callable[[int], None]) -> None:
        self.seq = 0
        self.stopped_because: str | None = None
        self._conninfo = conninfo
        self._on_progress = on_progress
        self._queue: queue.Queue[Sequence[Applied] | None] = queue.Queue(QUEUE_CHUNKS)
        self._connection: Connection | None = None
        self._books: Books | None = None
        self._markets: dict[str, DefineMarket] = {}
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)

    def start(self) -> None:
        """Reads the checkpoint, then starts the thread."""
        self.seq = _read_checkpoint(self._connected())
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Writes what is queued, then ends the thread."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(timeout_s)

    def project(self, applied: Sequence[Applied]) -> None:
        """Queues events for writing, the engine thread's call. Waits while the queue is full; nothing once stopped."""
        while self.stopped_because is None:
            try:
                self._queue.put(applied, timeout=0.2)
                return
            except queue.Full:
                continue

    def _run(self) -> None:
        try:
            while (batch := self._take()) is not None:
                if batch:
                    self._persist(batch)
        except BaseException as stopped:
            log.critical("the projector stops at event %s: %r", self.seq, stopped, exc_info=stopped)
            self.stopped_because = f"{type(stopped).__name__}: {stopped}"
            self._on_progress(self.seq)
        finally:
            self._disconnect()

    def _take(self) -> list[Applied] | None:
        """The next events that are not written yet, at least one chunk of them; None at the end."""
        batch: list[Applied] = []
        chunk = self._queue.get()
        while chunk is not None:
            for event in chunk:
                if isinstance(event.command, DefineMarket):
                    self._markets[event.command.market] = event.command
            batch.extend(event for event in chunk if event.seq > self.seq)
            if len(batch) >= BATCH_EVENTS:
                return batch
            try:
                chunk = self._queue.get_nowait()
            except queue.Empty:
                return batch
        if batch:
            self._queue.put(None)
            return batch
        return None

    def _persist(self, batch: list[Applied]) -> None:
        unknown = False
        while True:
            try:
                if not (unknown and _read_checkpoint(self._connected()) == batch[-1].seq):
                    self._write(batch)
                break
            except psycopg.OperationalError as error:
                log.warning("database: %s; trying again in %.1f s", str(error).strip() or repr(error), RETRY_S)
                self._disconnect()
                unknown = True
                time.sleep(RETRY_S)
        self.seq = batch[-1].seq
        self._on_progress(self.seq)

    def _write(self, batch: list[Applied]) -> None:
        connection = self._connected()
        if self._books is None:
            self._books = Books(connection)
        orders = OrderBatch()
        with connection.transaction():
            moved = connection.execute(
                "UPDATE projection_checkpoint SET seq = %s WHERE seq = %s", (batch[-1].seq, batch[0].seq - 1)
            )
            if moved.rowcount != 1:
                raise CheckpointLost(f"the checkpoint is not at event {batch[0].seq - 1} any more")
            for event in batch:
                if isinstance(event.command, DefineAsset | DefineMarket | SetMarketState):
                    markets.write(connection, event)
                else:
                    orders.add(event)
            orders.write(connection)
            candles.write(connection, batch)
            self._books.post(postings.entries(batch, self._markets))

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = psycopg.connect(self._conninfo, autocommit=True, application_name="kontor-projector")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._books = None


def _read_checkpoint(connection: Connection) -> int:
    row = connection.execute("SELECT seq FROM projection_checkpoint").fetchone()
    match row:
        case (int(seq),):
            return seq
    raise CheckpointLost(f"projection_checkpoint holds {row!r}")
