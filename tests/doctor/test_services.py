"""Faults of PostgreSQL, of what is in it, and of Redis: each made in a real one, and found by its words and the exit code."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
import redis
from django.test import override_settings

from exchange.doctor import database as server
from exchange.doctor import journal
from exchange.doctor.database import Connection
from exchange.doctor.findings import Findings
from exchange.doctor.redis_server import redis_server
from exchange.launch.postgres import SUPERUSER
from tests.chaos.clocks import LIBRARIES
from tests.chaos.redis import Redis
from tests.fixtures import ROOT, Cluster, Database
from tests.server import Server

from .said import examined, only, settings_of

NOWHERE = "postgresql://kontor_app:a-password@127.0.0.1:1/kontor"


@contextmanager
def set_to(cluster: Cluster, database: Database, setting: str, value: str) -> Iterator[None]:
    """Of the database, for new connections; it is dropped with it."""
    with psycopg.connect(cluster.postgres.url(database.name, SUPERUSER), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{database.name}" SET {setting} = {value}')
    yield


def looked(look: Callable[[Connection], Findings], url: str) -> Findings:
    with psycopg.connect(url, autocommit=True) as connection:
        yield from look(connection)


def test_a_database_that_does_not_answer_is_said_without_its_password() -> None:
    code, findings = examined(NOWHERE, DATABASE_OWNER_URL=NOWHERE)
    assert code == 1 and settings_of(findings) == {"DATABASE_URL", "DATABASE_OWNER_URL"}
    lines = [finding.line for finding in findings]
    assert any("does not answer" in line and "127.0.0.1" in line for line in lines)
    assert not any("a-password" in line for line in lines)


def test_no_database_is_said_to_be_none() -> None:
    code, findings = examined("")
    assert code == 1 and only(findings).says == "no database is named."


def test_an_old_server_is_said(database: Database) -> None:
    assert "99 is the oldest" in only(looked(lambda one: server.server_version(one, 990_000), database.url)).says
    assert settings_of(looked(server.server_version, database.url)) == set()


def test_a_server_that_takes_no_writes_is_said(cluster: Cluster, database: Database) -> None:
    with set_to(cluster, database, "default_transaction_read_only", "on"):
        code, findings = examined(database.url)
    assert code == 1 and "takes no writes" in only(findings).says


def test_a_server_that_may_lose_what_it_acknowledged_is_said(cluster: Cluster, database: Database) -> None:
    with set_to(cluster, database, "synchronous_commit", "off"):
        code, findings = examined(database.url)
    assert code == 1 and only(findings).setting == "synchronous_commit"


def test_a_server_of_another_time_zone_and_one_without_an_archive_are_said(
    cluster: Cluster, database: Database
) -> None:
    with set_to(cluster, database, "timezone", "'Europe/Berlin'"):
        assert "Europe/Berlin" in only(looked(server.clocks, database.url), "warning").says
    assert only(looked(server.backups, database.url), "warning").setting == "archive_mode"


def test_too_few_connections_are_said(database: Database) -> None:
    held = []
    try:
        while "max_connections" not in settings_of(looked(server.room_for_connections, database.url), "warning"):
            held.append(database.connect())
    finally:
        for connection in held:
            connection.close()
    assert held


def test_migrations_that_are_not_applied_and_those_of_a_newer_version_are_said(database: Database) -> None:
    newest = max(path.stem for path in (ROOT / "migrations" / "trading").glob("0*.py"))
    with database.connect_as_owner() as connection:
        connection.execute("DELETE FROM django_migrations WHERE app = 'trading' AND name = %s", (newest,))
        connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('trading', '9999_x', now())")
    code, findings = examined(database.url)
    assert code == 1 and settings_of(findings) == {"DATABASE_URL", "DATABASE_OWNER_URL"}
    lines = " ".join(finding.line for finding in findings)
    assert f"1 migrations are not applied: trading.{newest}." in lines and "trading.9999_x" in lines


def test_a_role_that_could_change_the_journal_is_said(database: Database) -> None:
    found = only(looked(server.privileges, database.owner_url), "warning")
    assert "kontor_owner may UPDATE on" in found.says
    with override_settings(DEMO=False):
        assert only(looked(server.privileges, database.owner_url)).setting == "DATABASE_URL"
    assert settings_of(looked(server.privileges, database.url), "warning") == set()
    with database.connect_as_owner() as connection:
        connection.execute("GRANT DELETE ON order_event TO kontor_app")
    assert "may DELETE on order_event" in only(looked(server.privileges, database.url), "warning").says


def test_a_role_that_may_not_read_is_said(database: Database) -> None:
    with database.connect_as_owner() as connection:
        connection.execute("REVOKE SELECT ON journal_head, trade FROM kontor_app")
    code, findings = examined(database.url)
    assert code == 1 and "may not read 2 tables" in only(findings).says


def test_a_journal_that_ends_elsewhere_than_its_head_is_said(demo_database: Database) -> None:
    with demo_database.connect_as_owner() as connection:
        connection.execute("ALTER TABLE order_event DISABLE TRIGGER USER")
        connection.execute("UPDATE order_event SET hash = sha256('x') WHERE seq = (SELECT seq FROM journal_head)")
        changed = only(looked(journal.head, demo_database.url))
        connection.execute("DELETE FROM order_event WHERE seq = (SELECT seq FROM journal_head)")
    assert "not the hash of its last event" in changed.says and "manage.py verify" in changed.fix
    code, findings = examined(demo_database.url)
    assert code == 1 and "its last event is" in only(findings).says


def test_an_event_of_the_future_is_said(demo_database: Database) -> None:
    with demo_database.connect_as_owner() as connection:
        connection.execute("UPDATE journal_head SET seq = seq + 1, at_us = at_us + 3600000000")
        connection.execute("ALTER TABLE journal_head DISABLE TRIGGER USER")
        connection.execute("UPDATE journal_head SET seq = seq - 1")
    found = only(looked(journal.head, demo_database.url))
    assert found.setting == "clock" and "ahead of this machine's clock" in found.says


def test_a_journal_without_a_head_is_said(demo_database: Database) -> None:
    with demo_database.connect_as_owner() as connection:
        connection.execute("ALTER TABLE journal_head DISABLE TRIGGER USER")
        connection.execute("DELETE FROM journal_head")
    assert "no row" in only(looked(journal.head, demo_database.url)).says


def test_read_models_that_are_behind_ahead_or_written_by_nobody_are_said(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with override_settings(PROJECTION_LAG_LIMIT=2):
        assert "new commands are refused" in only(looked(journal.read_models, demo_database.url)).says
    assert settings_of(looked(journal.read_models, demo_database.url)) == set()
    with psycopg.connect(demo_database.url, application_name="kontor-engine"):
        assert settings_of(looked(journal.read_models, demo_database.url)) == set()  # it is starting
        monkeypatch.setattr(journal, "STARTING_S", 0.0)
        assert only(looked(journal.read_models, demo_database.url)).setting == "projector"
    with demo_database.connect_as_owner() as connection:
        connection.execute("UPDATE projection_checkpoint SET seq = 1000")
    code, findings = examined(demo_database.url)
    assert code == 1 and "it has lost its tail" in only(findings).says


def test_snapshots_that_are_old_or_of_another_journal_are_said(demo_database: Database) -> None:
    with override_settings(SNAPSHOT_EVERY=1):
        assert "there is none" in only(looked(journal.snapshots, demo_database.url), "warning").says
    with demo_database.connect_as_owner() as connection:
        connection.execute(
            "INSERT INTO engine_snapshot (seq, rules, state_hash, journal_hash, outcome_chain, body, created_at_us)"
            " VALUES (2, 1, 'x', sha256('another'), sha256('x'), 'x', %s)",
            (time.time_ns() // 1000,),
        )
    assert "not of this journal" in only(looked(journal.snapshots, demo_database.url), "warning").says


def test_a_redis_that_is_away_old_or_drops_the_wrong_things_is_said(demo_database: Database) -> None:
    with Redis() as one:
        with override_settings(REDIS_URL=one.url):
            assert settings_of(redis_server()) | settings_of(redis_server(), "warning") == set()
            assert "99.0 is the oldest" in only(redis_server((99, 0))).says
            with redis.Redis.from_url(one.url) as client:
                client.config_set("maxmemory", "100mb")
                assert "noeviction" in only(redis_server(), "warning").says
                client.config_set("maxmemory-policy", "allkeys-lru")
                assert "drops Celery's queues" in only(redis_server(), "warning").says
                client.replicaof("127.0.0.1", "1")
                assert "is a replica" in only(redis_server()).says
        one.kill()
        code, findings = examined(demo_database.url, REDIS_URL=one.url)
    assert code == 1 and only(findings).setting == "REDIS_URL"


@pytest.mark.parametrize(("offset_s", "severity"), [(3, "warning"), (3600, "wrong")])
def test_a_clock_that_is_wrong_is_said(demo_database: Database, offset_s: int, severity: str) -> None:
    """This machine's, for the doctor alone; PostgreSQL's stays."""
    library = next(LIBRARIES.glob("**/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("libfaketime is not installed")
    _, findings = examined(demo_database.url, LD_PRELOAD=str(library), FAKETIME=f"+{offset_s}")
    assert "clock" in settings_of(findings, severity)


def test_an_exchange_that_trades_meanwhile_is_found_healthy(own_server: Server) -> None:
    """Head, events and checkpoint are looked at in one moment, or each look would find the others behind."""
    trader = own_server.trader(USD="100000")
    stopped = threading.Event()

    def trade() -> None:
        while not stopped.is_set():
            trader.order("buy", "0.001", "50000").raise_for_status()
            trader.http.delete("/trade/orders").raise_for_status()

    with ThreadPoolExecutor() as pool, psycopg.connect(own_server.database_url, autocommit=True) as connection:
        trading = pool.submit(trade)
        try:
            for _ in range(100):
                for look in (journal.head, journal.read_models, journal.snapshots):
                    assert settings_of(journal.at_one_moment(look, connection)) == set()
        finally:
            stopped.set()
        trading.result()
