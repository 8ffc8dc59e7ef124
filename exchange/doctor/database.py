"""PostgreSQL: that it answers, is new enough, migrated, durable and on time, and what the application's role may not do in it.

Journal and books are the exchange: a server that may lose what it said it has, or a role that could change them, is wrong even if
all goes well.
"""

import re
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.db import connection as django_connection
from django.db.migrations.executor import MigrationExecutor

from .findings import Finding, Findings, ok, warning, worse, wrong

Connection = psycopg.Connection[tuple[object, ...]]

OLDEST_SERVER = 140_000
"""What Django 5.2 asks for."""
MUST_BE_ON = ("fsync", "full_page_writes", "synchronous_commit")
"""Off, an acknowledged event can be lost, or a page torn. synchronous_commit has more values than these: only off is wrong."""
CLOCK_OFF_S = 1.0
CLOCK_WRONG_S = 10.0
"""The journal's times come from the servers' clocks, those of read models and sessions are compared with them."""
BACKENDS_OF_A_SERVER = 15
"""Connections that a serving process may have at once, roughly."""
_REVOKED = re.compile(r"REVOKE ([A-Z, ]+) ON ([a-z_, ]+) FROM kontor_app")


@contextmanager
def reached(url: str) -> Iterator[Connection]:
    """A connection that changes nothing. Raises psycopg.Error."""
    with psycopg.connect(url, autocommit=True, application_name="kontor-doctor", connect_timeout=5) as connection:
        connection.execute("SET statement_timeout = '10s'")
        yield connection


def unreachable(setting: str, error: Exception) -> Finding:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    says = f"the database does not answer: {reason}"
    return wrong(setting, says, "Start it, or say where it is; beside make run nothing needs to be said.")


def owners_address() -> Findings:
    """Where migrations go. One that serves alone need not have it."""
    url = settings.DATABASE_OWNER_URL
    if url is None:
        return
    try:
        with reached(url) as connection:
            found = connection.execute("SELECT current_user::text").fetchone()
    except psycopg.Error as error:
        yield unreachable("DATABASE_OWNER_URL", error)
        return
    yield ok(f"The owner's role, {found[0] if found else ''}, reaches the database.")


def server_version(connection: Connection, oldest: int = OLDEST_SERVER) -> Findings:
    version = connection.info.server_version
    shown = f"{version // 10_000}.{version % 10_000}"
    if version < oldest:
        says = f"PostgreSQL {shown} is too old; {oldest // 10_000} is the oldest that works."
        yield wrong("DATABASE_URL", says, "Upgrade the server.")
    else:
        yield ok(f"PostgreSQL {shown} answers.")


def takes_writes(connection: Connection) -> Findings:
    if _one(connection, "SHOW transaction_read_only") == "on":
        says = "the server takes no writes: it is a standby, or default_transaction_read_only is on."
        yield wrong("DATABASE_URL", says, "Name the primary, or set default_transaction_read_only = off.")


def durability(connection: Connection) -> Findings:
    found = {name: _one(connection, f"SHOW {name}") for name in MUST_BE_ON}
    for name, value in found.items():
        if value == "off":
            says = "it is off: what was acknowledged can be lost when the machine fails."
            yield wrong(name, says, f"ALTER SYSTEM SET {name} = on, and look for the same in ALTER ROLE and DATABASE.")
    if "off" not in found.values():
        yield ok("What PostgreSQL acknowledges is on the disk.")


def backups(connection: Connection) -> Findings:
    if _one(connection, "SHOW wal_level") == "minimal":
        yield warning("wal_level", "it is minimal: neither archive nor standby can follow.", "Set wal_level = replica.")
    archived = _one(connection, "SHOW archive_mode") != "off"
    if not archived and not _one(connection, "SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical'"):
        says = "no archive and no standby follows: a disk that fails takes the exchange with it."
        yield warning("archive_mode", says, "Set up one of those in docs/backup.md.")
    else:
        yield ok("An archive or a standby follows.")
    if _one(connection, "SHOW data_checksums") == "off":
        says = "it is off: a page that rots is not noticed."
        yield warning("data_checksums", says, "pg_checksums --enable, while the server is stopped.")


def room_for_connections(connection: Connection) -> Findings:
    free = int(str(_one(connection, "SHOW max_connections"))) - int(
        str(_one(connection, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
    )
    if free < BACKENDS_OF_A_SERVER:
        says = f"{free} connections are left, and a server takes up to {BACKENDS_OF_A_SERVER}."
        yield warning("max_connections", says, "Raise it, by that many for each server.")


def clocks(connection: Connection) -> Findings:
    """PostgreSQL's against this machine's, and the journal's last event against both."""
    before = time.time()
    theirs = float(str(_one(connection, "SELECT extract(epoch FROM clock_timestamp())")))
    ours = (before + time.time()) / 2
    off_s = theirs - ours
    if abs(off_s) > CLOCK_OFF_S:
        says = f"PostgreSQL's clock is {abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} this machine's."
        finding = wrong if abs(off_s) > CLOCK_WRONG_S else warning
        yield finding("clock", says, "Let both machines follow one time server: chrony, or systemd-timesyncd.")
    else:
        yield ok("The clocks of PostgreSQL and of this machine agree.")
    zone = _one(connection, "SHOW timezone")
    if zone not in ("UTC", "Etc/UTC", "GMT"):
        says = f"the server's time zone is {zone}: what people read in psql is not what the exchange says."
        yield warning("timezone", says, "ALTER DATABASE … SET timezone = 'UTC'.")


def readable(connection: Connection) -> Generator[Finding, None, bool]:
    """Whether the application's role may read what there is."""
    user = str(_one(connection, "SELECT current_user::text"))
    lacking = connection.execute(
        "SELECT count(*), min(relname::text) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') AND NOT has_table_privilege(oid, 'SELECT')"
    ).fetchone()
    if lacking is None or not lacking[0]:
        return True
    says = f"the role {user} may not read {lacking[0]} tables, {lacking[1]} among them."
    fix = f"Serve as {settings.DATABASE_APP_ROLE}, or as the tables' owner; rights come with default privileges at migration."
    yield wrong("DATABASE_URL", says, fix)
    return False


def migrations() -> Generator[Finding, None, bool]:
    """Whether what is in the database can be looked at: it has all tables that this code knows, and no others."""
    executor = MigrationExecutor(django_connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    unknown = sorted(set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations))
    if plan:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in plan[:3])
        says = f"{len(plan)} migrations are not applied: {names}{' …' if len(plan) > 3 else '.'}"
        fix = "Stop the servers, then manage.py migrate with DATABASE_URL set to the owner's address."
        yield wrong("DATABASE_OWNER_URL", says, fix)
    if unknown:
        says = f"the database has migrations that this code does not know: {'.'.join(unknown[0])}."
        yield wrong("DATABASE_URL", says, "Run the version of the code that migrated it, or a newer one.")
    if plan or unknown:
        return False
    yield ok("All migrations are applied.")
    return True


def privileges(connection: Connection) -> Findings:
    """What the application's role may do, and must not: the migrations take it from ``kontor_app``."""
    user = str(_one(connection, "SELECT current_user::text"))
    excessive = []
    for rights, tables in _revoked():
        for table in tables:
            held = [right for right in rights if _may(connection, table, right)]
            excessive += [f"{right} on {table}" for right in held]
    if excessive:
        says = f"the role {user} may {excessive[0]}, and {len(excessive) - 1} more of what it must not."
        fix = f"Serve as {settings.DATABASE_APP_ROLE}, which owns nothing, and migrate with DATABASE_OWNER_URL."
        yield worse(not settings.DEMO, "DATABASE_URL", says, fix)
    else:
        yield ok(f"The role {user} can change or delete neither events, books nor logs.")


def _revoked() -> list[tuple[list[str], list[str]]]:
    """Rights and tables, as the migrations take them away."""
    texts = [path.read_text() for path in sorted((settings.ROOT / "migrations").glob("*/0*.*"))]
    found = [match for text in texts for match in _REVOKED.findall(text)]
    return [(rights.split(", "), tables.split(", ")) for rights, tables in found]


def _may(connection: Connection, table: str, right: str) -> bool:
    known = _one(connection, "SELECT to_regclass(%s)::text", table)
    return known is not None and bool(_one(connection, "SELECT has_table_privilege(%s, %s)", table, right))


def _one(connection: Connection, query: str, *arguments: object) -> object:
    row = connection.execute(query, arguments).fetchone()
    return row[0] if row else None
