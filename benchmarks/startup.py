"""How long a server takes from its start until it is ready, with a journal of a million events; and how fast it is replayed.

The journal is written by the journal's own code, the read models only for its last TAIL events: a start reads no more of
them than the last trades and what is open. The checkpoint is at the journal's end, as after any stop. Compared are a
start that folds all events, one from a snapshot that is TAIL events old, which is what it is on the average, and one with
nothing in the journal but the demo's lay-out. The start that folds everything is measured once, for it takes long.
"""

import time
from itertools import chain, islice
from statistics import median

import httpx
import psycopg

from benchmarks.flow import ACCOUNTS, cancel_drafts, fund, order_drafts
from benchmarks.pipeline import throughput
from tests.fixtures import Database, manage
from tests.server import Server, wait_until
from trading.fold import Fold
from trading.journal.append import append
from trading.journal.read import records_between

EVENTS = 1_000_000
TAIL = 25_000
BATCH = 1_000
LAG_LIMIT = 5_000
LIMIT_S = 300.0
REPLAYED = 200_000
RUNS = 3


def run(database: Database) -> dict[str, float]:
    fund(database.url)
    empty = median(_start_s(database) for _ in range(RUNS))
    _append(database, EVENTS - TAIL)
    manage("snapshot", url=database.url)
    throughput(database.url, order_drafts(TAIL, 1), in_flight=BATCH, projecting=True, lag_limit=LAG_LIMIT)
    with_snapshot = median(_start_s(database) for _ in range(RUNS))
    return {
        "startup_empty_s": empty,
        "startup_snapshot_s": with_snapshot,
        "startup_whole_journal_s": _start_s(database, forget=True),
        "replay_events_per_s": median(_replay(database.url) for _ in range(RUNS)),
    }


def _append(database: Database, count: int) -> None:
    """Orders that are in the journal, and of which the read models are told that they have them. None is left open: a server
    does not start if its read models lack one."""
    drafts = chain(order_drafts(count - len(ACCOUNTS), 0), cancel_drafts())
    with psycopg.connect(database.url, autocommit=True) as connection:
        while batch := list(islice(drafts, BATCH)):
            append(connection, batch, now_us=time.time_ns() // 1000)
        connection.execute("UPDATE projection_checkpoint SET seq = (SELECT seq FROM journal_head)")
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def _start_s(database: Database, *, forget: bool = False) -> float:
    """From the start of the process until it is ready; with ``forget`` there is no snapshot."""
    if forget:
        with psycopg.connect(database.owner_url, autocommit=True) as connection:
            connection.execute("DELETE FROM engine_snapshot")
    server = Server(database.url)
    started = time.perf_counter()
    try:
        _start(server)
        return time.perf_counter() - started
    finally:
        server.kill()


def _start(server: Server) -> None:
    """A whole journal may take longer than the tests allow a server."""
    try:
        server.start()
    except AssertionError:
        wait_until(lambda: httpx.get(f"{server.url}/health/ready").is_success, limit_s=LIMIT_S, what="a long start")


def _replay(url: str) -> float:
    """Events per second from the database to the engine's state: read, decode, check, fold."""
    fold = Fold.new()
    with psycopg.connect(url, autocommit=True) as connection:
        started = time.perf_counter()
        for record in records_between(connection, 0, REPLAYED):
            fold.apply(record)
    return REPLAYED / (time.perf_counter() - started)
