"""SIGSTOP under load: a process that stands still with all its locks and sockets, and goes on later as if nothing had been.

Which process writes the read models cannot be seen from outside, so every replica is stopped in turn: one of them is it.
"""

import threading
import time
from typing import LiteralString, Self

from tests.server import wait_until

from .audit import Connection
from .clients import Load
from .deployment import Deployment, Rig
from .replicas import Replica

PAUSE_S = 2.0
GO_ON_LIMIT_S = 30.0
"""The others must go on within this time, also if the stopped one holds the journal's lock; it is not released before. It is about
a second, on a machine that has time."""
POLL_S = 0.02
MOVES = 3
"""So often must the checkpoint move: once it might be the stopped one's last transaction, carried out without it."""
TRIES = 100
APPEND_LIMIT_S = 0.3

_HOLDS_THE_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kontor-engine' AND state = 'idle in transaction'"
    " AND now() - state_change > interval '50 milliseconds'"
)

_WAITS_FOR_THE_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kontor-engine' AND wait_event_type = 'Lock'"
    " AND query LIKE 'BEGIN;%'"
)


class CheckpointWatch(threading.Thread):
    """Looks at the checkpoint of the read models all the time: how often it moved, and whether it ever went back."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(daemon=True)
        self.moves = 0
        self.went_back: list[tuple[int, int]] = []
        self._connection = connection
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
        self._connection.close()

    def run(self) -> None:
        last = 0
        while not self._ended.wait(POLL_S):
            row = self._connection.execute("SELECT seq FROM projection_checkpoint").fetchone()
            seq = int(str(row[0])) if row else 0
            if seq > last:
                self.moves += 1
            elif seq < last:
                self.went_back.append((last, seq))
            last = seq


def any_replica(rig: Rig, rounds: int) -> None:
    """Each replica in turn, at a random moment, and ``rounds`` times one that is caught inside its transaction."""
    with rig.deployment() as deployment:
        desks = deployment.first_desks()
        with deployment.trading(desks) as load, CheckpointWatch(deployment.connect()) as watch:
            load.wait_for(100)
            for replica in deployment.replicas:
                replica.pause()
                _stand_still(deployment, load, watch, replica)
            for _ in range(rounds):
                _stand_still(deployment, load, watch, _caught_in_transaction(deployment, load))
        with deployment.tally.check("the checkpoint of the read models never goes back"):
            assert watch.went_back == []
        deployment.settle(desks)
        deployment.stop_replicas()


def _stand_still(deployment: Deployment, load: Load, watch: CheckpointWatch, paused: Replica) -> None:
    """The replica is stopped already; the others must go on without it."""
    deployment.tally.faults += 1
    resume_at, moves = time.monotonic() + PAUSE_S, watch.moves
    with deployment.tally.check("the others acknowledge while one stands still"):
        load.wait_for(20, limit_s=GO_ON_LIMIT_S)
    with deployment.tally.check("another writes the read models while one stands still"):
        wait_until(lambda: watch.moves >= moves + MOVES, limit_s=GO_ON_LIMIT_S, what="the checkpoint moves on")
    time.sleep(max(0.0, resume_at - time.monotonic()))
    paused.resume()
    paused.wait_until_ready()
    load.wait_for(20)


def _caught_in_transaction(deployment: Deployment, load: Load) -> Replica:
    """A replica stopped between the two round trips of an append, holding the lock of the journal's head.

    The lock is kept from all until one has begun such an append; a replica is stopped, and the lock let go. If it was that one
    it has the lock now, and does not know.
    """
    with deployment.connect() as sql, deployment.connect() as holder:
        for _ in range(TRIES):
            load.wait_for(1)
            replica = deployment.rng.choice(deployment.replicas)
            with holder.transaction():
                holder.execute("SELECT FROM journal_head FOR UPDATE")
                _wait_for_an_append(sql)
                replica.pause()
            time.sleep(0.1)
            if _counted(sql, _HOLDS_THE_LOCK) == 1:
                return replica
            replica.resume()
    raise AssertionError(f"none of {TRIES} stops caught a replica inside its transaction")


def _wait_for_an_append(sql: Connection) -> None:
    """Until one that begins with the lock waits for it. Not for long: all may be in the middle of other ones."""
    limit = time.monotonic() + APPEND_LIMIT_S
    while not _counted(sql, _WAITS_FOR_THE_LOCK) and time.monotonic() < limit:
        time.sleep(0.005)


def _counted(sql: Connection, query: LiteralString) -> int:
    row = sql.execute(query).fetchone()
    return int(str(row[0])) if row else 0
