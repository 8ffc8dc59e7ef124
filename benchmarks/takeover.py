"""How long the read models stand still when the server that writes them is killed, or stopped in the middle of anything.

Two servers on one database, a few orders a second to each. In every round the one whose projector writes is ended: by
kill -9 of all its processes, or by SIGSTOP of worker and projector, which keep their connections and locks. The clock runs until
the checkpoint of the read models is beyond the journal's head at that moment: so another one writes, and is not behind.

Each server signs in under a role of its own, so that the database tells whose projector wrote last.
"""

import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from threading import Event, Thread

import httpx
import psycopg

from benchmarks.processes import worker_under
from exchange.launch.postgres import APPLICATION, SUPERUSER
from tests.fixtures import Cluster
from tests.server import Server, Trader

ROUNDS = int(os.environ.get("TAKE_OVER_ROUNDS", "10"))
PAUSE_S = 0.003
POLL_S = 0.002
LIMIT_S = 30.0
SETTLE_S = 1.5
"""PostgreSQL tells what a connection wrote about a second later."""
ROLES = ("kontor_bench_1", "kontor_bench_2")
_WRITTEN = """
SELECT usename, coalesce(sum((pg_stat_get_backend_wal(pid)).wal_bytes), 0) FROM pg_stat_activity
 WHERE application_name = 'kontor-projector' GROUP BY usename
"""

Connection = psycopg.Connection[tuple[object, ...]]


def run(cluster: Cluster) -> dict[str, float]:
    """Seconds. With fewer than a hundred rounds p99 is the longest of them."""
    with psycopg.connect(cluster.postgres.url("postgres", SUPERUSER), autocommit=True) as connection:
        for role in ROLES:
            connection.execute(f"CREATE ROLE {role} LOGIN IN ROLE {APPLICATION}")
    killed = _rounds(cluster, _kill)
    stopped = _rounds(cluster, _stop)
    return {
        "takeover_kill_s_p50": median(killed),
        "takeover_kill_s_p99": _p99(killed),
        "takeover_stop_s_p50": median(stopped),
        "takeover_stop_s_p99": _p99(stopped),
    }


def _rounds(cluster: Cluster, end: Callable[[Server], Callable[[], None]]) -> list[float]:
    name = cluster.copy("bench_template").name
    with ExitStack() as running:
        database = running.enter_context(psycopg.connect(cluster.postgres.url(name, SUPERUSER), autocommit=True))
        servers = {role: running.enter_context(Server(cluster.postgres.url(name, role))) for role in ROLES}
        traders = {role: server.trader(USD="10000000") for role, server in servers.items()}
        return [_round(database, servers, traders, end) for _ in range(ROUNDS)]


def _round(
    database: Connection,
    servers: dict[str, Server],
    traders: dict[str, Trader],
    end: Callable[[Server], Callable[[], None]],
) -> float:
    with ExitStack() as trading:
        for trader in traders.values():
            trading.enter_context(_orders(trader))
        victim = servers[_writer(database)]
        bring_back = end(victim)
        try:
            return _time_until_written(database)
        finally:
            bring_back()


def _kill(server: Server) -> Callable[[], None]:
    server.kill()
    return server.start


def _stop(server: Server) -> Callable[[], None]:
    processes = (worker_under(server.pid), *server.projectors())
    _signal(processes, signal.SIGSTOP)
    return lambda: _signal(processes, signal.SIGCONT)


def _signal(processes: Sequence[int], number: signal.Signals) -> None:
    for pid in processes:
        os.kill(pid, number)


def _writer(database: Connection) -> str:
    """The role whose projector writes: its connection made the more WAL while orders were coming in."""
    before = _written(database)
    time.sleep(SETTLE_S)
    after = _written(database)
    return max(ROLES, key=lambda role: after[role] - before[role])


def _written(database: Connection) -> dict[str, int]:
    """Bytes of WAL that the projectors' connections made so far, by role."""
    return dict.fromkeys(ROLES, 0) | {str(role): int(str(written)) for role, written in database.execute(_WRITTEN)}


def _time_until_written(database: Connection) -> float:
    """Infinite if it is not within LIMIT_S."""
    started = time.monotonic()
    head = _number(database, "SELECT seq FROM journal_head")
    while time.monotonic() - started < LIMIT_S:
        if _number(database, "SELECT seq FROM projection_checkpoint") > head:
            return time.monotonic() - started
        time.sleep(POLL_S)
    return math.inf


@contextmanager
def _orders(trader: Trader) -> Iterator[None]:
    """Somebody who places an order every PAUSE_S, whatever becomes of it."""
    ending = Event()

    def place() -> None:
        while not ending.wait(PAUSE_S):
            try:
                trader.order("buy", "0.001", "100", time_in_force="IOC")
            except httpx.TransportError:
                continue

    thread = Thread(target=place, daemon=True)
    thread.start()
    yield
    ending.set()
    thread.join(LIMIT_S)


def _number(database: Connection, query: str) -> int:
    row = database.execute(query).fetchone()
    return int(str(row[0])) if row else 0


def _p99(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]
