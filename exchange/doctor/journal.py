"""Journal, read models and snapshots, as far as a glance shows: whether all of it holds is proven by `manage.py verify`."""

import time
from collections.abc import Callable

import psycopg
from django.conf import settings

from trading.journal.append import Known
from trading.journal.errors import DatabaseLostData, JournalBroken
from trading.journal.read import check_head
from trading.projections.checkpoint import read_checkpoint

from .findings import Finding, Findings, ok, warning, wrong

Connection = psycopg.Connection[tuple[object, ...]]

AHEAD_S = 10.0
"""So far may the last event's time be ahead of this machine's clock."""
SNAPSHOTS_LATE = 4
"""So many times SNAPSHOT_EVERY may have gone by since the newest snapshot."""
STARTING_S = 10.0
"""So long may a server be connected before its read models are written."""
WRITER, ENGINE = "kontor-projector", "kontor-engine"
"""How the connections of a serving process are called."""


def at_one_moment(look: Callable[[Connection], Findings], connection: Connection) -> list[Finding]:
    """What is found if nothing happens meanwhile: the exchange may be trading."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return list(look(connection))


def head(connection: Connection) -> Findings:
    """The head is the last event's, and not of the future."""
    row = connection.execute("SELECT seq, at_us, hash FROM journal_head").fetchone()
    match row:
        case (int(seq), int(at_us), bytes(hash_)):
            pass
        case _:
            yield wrong("DATABASE_URL", "journal_head has no row.", "Restore the database: docs/backup.md.")
            return
    last = connection.execute("SELECT max(seq) FROM order_event").fetchone()
    if (last[0] if last else None) != (seq or None):
        says = f"the journal's head is at event {seq}, its last event is {last[0] if last else None}."
        yield wrong(
            "DATABASE_URL", says, "Stop the servers, and find out what was restored; manage.py verify says more."
        )
        return
    try:
        check_head(connection, Known(seq, hash_))
    except (DatabaseLostData, JournalBroken) as error:
        says = f"the journal's head is not the hash of its last event: {error}."
        yield wrong("DATABASE_URL", says, "Stop the servers; manage.py verify names the first event that is wrong.")
        return
    ahead_s = at_us / 1e6 - time.time()
    if ahead_s > AHEAD_S:
        says = f"the last event is {ahead_s:.0f} s ahead of this machine's clock, and new ones get no earlier time."
        yield wrong("clock", says, "Set the clock right, here or where that event was written.")
    yield ok(f"The journal ends at event {seq}, by its head and by its last hash.")


def read_models(connection: Connection) -> Findings:
    """How far they are behind, and who writes them: the checkpoint is the writer's lease, moved by compare-and-swap."""
    row = connection.execute("SELECT seq FROM journal_head").fetchone()
    lag = (int(str(row[0])) if row else 0) - read_checkpoint(connection)
    connected = connection.execute(_CONNECTED, ([WRITER, ENGINE],)).fetchall()
    servers_s, writers_s = ([float(str(s)) for name, s in connected if name == wanted] for wanted in (ENGINE, WRITER))
    if lag < 0:
        says = f"the read models are {-lag} events ahead of the journal: it has lost its tail."
        yield wrong("DATABASE_URL", says, "Stop the servers, and restore the journal: docs/backup.md.")
    elif lag > settings.PROJECTION_LAG_LIMIT:
        says = f"the read models are {lag} events behind, and new commands are refused."
        fix = "Look at the database's load, and at the servers' logs for why nothing is written."
        yield wrong("PROJECTION_LAG_LIMIT", says, fix)
    elif servers_s and not writers_s and max(servers_s) < STARTING_S:
        yield ok("A server is starting: nobody writes the read models yet.")
    elif servers_s and not writers_s:
        says = f"{len(servers_s)} servers are connected, and none writes the read models."
        yield wrong("projector", says, "Look at their logs and at /health/ready; start them again.")
    elif lag and not servers_s:
        yield ok(f"No server is connected; {lag} events are left for the next one's read models.")
    else:
        yield ok(f"{len(servers_s)} servers are connected, the read models are {lag} events behind.")


_CONNECTED = (
    "SELECT application_name, extract(epoch FROM clock_timestamp() - backend_start) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = ANY(%s)"
)


def snapshots(connection: Connection) -> Findings:
    """A start folds what came after the newest; one of another journal is passed over."""
    row = connection.execute(
        "SELECT s.seq, s.journal_hash = e.hash, s.created_at_us, (SELECT seq FROM journal_head)"
        "  FROM engine_snapshot s LEFT JOIN order_event e ON e.seq = s.seq ORDER BY s.seq DESC LIMIT 1"
    ).fetchone()
    last = connection.execute("SELECT seq FROM journal_head").fetchone()
    end = int(str(last[0])) if last else 0
    seq = int(str(row[0])) if row else 0
    if row and not row[1]:
        says = f"the snapshot at event {seq} is not of this journal."
        yield warning("DATABASE_URL", says, "It is passed over; manage.py verify says whether the journal is whole.")
    if end - seq > SNAPSHOTS_LATE * settings.SNAPSHOT_EVERY:
        newest = f"the newest is of event {seq}" if row else "there is none"
        says = f"a start folds {end - seq} events: {newest}."
        yield warning("SNAPSHOT_EVERY", says, "manage.py snapshot, and see in the log why the servers make none.")
    elif row:
        age_h = (time.time() - int(str(row[2])) / 1e6) / 3600
        yield ok(f"The newest snapshot is {age_h:.1f} hours old, {end - seq} events before the journal's end.")
    else:
        yield ok("There is no snapshot yet, and little to fold.")
