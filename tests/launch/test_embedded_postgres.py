"""The embedded PostgreSQL: it survives rough treatment, stays private, and gives each role what it needs and no more."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from exchange.launch.postgres import APPLICATION, DATABASE, OWNER, SUPERUSER, EmbeddedPostgres
from exchange.launch.refusal import EXIT_REFUSED, Refusal
from tests.launch.waiting import is_alive, processes_in, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("server")) as running:
        yield running


def answer(server: EmbeddedPostgres, query: str, *, role: str = APPLICATION, database: str = DATABASE) -> object:
    with psycopg.connect(server.url(database, role)) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def note_something(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url(role=OWNER)) as connection:
        connection.execute("CREATE TABLE note (words text)")
        connection.execute("INSERT INTO note VALUES ('kept')")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("lc_collate", "C"),
        ("listen_addresses", ""),
    ],
)
def test_it_is_durable_checksummed_and_closed_to_the_network(
    server: EmbeddedPostgres, setting: str, value: str
) -> None:
    query = (
        "SELECT datcollate FROM pg_database WHERE datname = current_database()"
        if setting == "lc_collate"
        else f"SHOW {setting}"
    )
    assert answer(server, query) == value


def test_nobody_else_can_reach_the_socket_or_the_data(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        assert stat.S_IMODE((tmp_path / "postgres").stat().st_mode) == 0o700
        assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.data_dir.parent.stat().st_mode) == 0o700


def test_permissions_and_owner_of_the_folders_above_stay_as_they_were(tmp_path: Path) -> None:
    above = tmp_path / "private"
    above.mkdir(mode=0o700)
    before = above.stat()
    with EmbeddedPostgres(above / "state"):
        during = above.stat()
    assert (during.st_mode, during.st_uid, during.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_the_application_reads_and_writes_rows_and_cannot_change_tables(
    tmp_path: Path, server: EmbeddedPostgres
) -> None:
    with psycopg.connect(server.url(role=OWNER), autocommit=True) as owner:
        owner.execute("CREATE TABLE thing (id serial PRIMARY KEY, words text)")
    with psycopg.connect(server.url(), autocommit=True) as application:
        application.execute("INSERT INTO thing (words) VALUES ('a')")
        application.execute("UPDATE thing SET words = 'b'")
        application.execute("DELETE FROM thing")
        for forbidden in (
            "TRUNCATE thing",
            "DROP TABLE thing",
            "ALTER TABLE thing ADD x int",
            "CREATE TABLE other (id int)",
            "CREATE DATABASE other",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute(forbidden.encode())


def test_a_database_that_the_owner_creates_gives_the_application_the_same_rights(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url("postgres", OWNER), autocommit=True) as owner:
        owner.execute("CREATE DATABASE another")
    with psycopg.connect(server.url("another", OWNER), autocommit=True) as owner:
        owner.execute("CREATE TABLE thing (id serial PRIMARY KEY, words text)")
    with psycopg.connect(server.url("another"), autocommit=True) as application:
        application.execute("INSERT INTO thing (words) VALUES ('a')")


def test_data_outlives_stop_and_start(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    server.start()
    note_something(server)
    server.stop()
    assert processes_in(tmp_path) == []
    assert server.pid is None
    with server:
        assert answer(server, "SELECT words FROM note") == "kept"


def test_data_outlives_a_killed_postmaster(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        note_something(server)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.is_running(), what="the postmaster's end")
        server.stop()
        server.start()
        assert answer(server, "SELECT words FROM note") == "kept"


def test_a_stale_pid_file_with_the_number_of_a_live_process_does_not_prevent_a_start(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as earlier:
        data = earlier.data_dir
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n1\n5432\n\n\n1 1\nready\n")
    with EmbeddedPostgres(tmp_path) as server:
        assert answer(server, "SELECT 1") == 1


STARTER = """
import signal, sys
from pathlib import Path
from exchange.launch.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
signal.pause()
"""


def test_it_ends_with_a_killed_launcher_and_starts_again_at_once(tmp_path: Path) -> None:
    launcher = subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)], stdout=subprocess.PIPE)
    assert launcher.stdout is not None
    postmaster = int(launcher.stdout.readline())
    launcher.kill()
    launcher.wait()
    with EmbeddedPostgres(tmp_path) as server:
        assert not is_alive(postmaster)
        assert answer(server, "SELECT 1") == 1


def test_a_server_that_outlived_its_launcher_is_ended_before_a_start(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as orphan:
        note_something(orphan)
        postmaster = orphan.pid
        assert postmaster is not None
        (tmp_path / "postgres" / "lock").unlink()
        with EmbeddedPostgres(tmp_path) as server:
            assert not is_alive(postmaster)
            assert answer(server, "SELECT words FROM note") == "kept"


def test_a_state_directory_has_one_server_at_a_time(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        with pytest.raises(Refusal, match="another process uses") as refused:
            EmbeddedPostgres(tmp_path).start()
        assert refused.value.exit_code == EXIT_REFUSED
        assert answer(server, "SELECT 1") == 1


def test_two_state_directories_have_two_servers(tmp_path: Path, server: EmbeddedPostgres) -> None:
    with EmbeddedPostgres(tmp_path) as other:
        note_something(other)
        assert answer(server, "SELECT to_regclass('note') IS NULL") is True
        assert answer(other, "SELECT to_regclass('note') IS NULL") is False


def test_a_path_too_long_for_a_socket_gets_a_private_short_one_that_goes_with_the_server(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-name-of-a-folder"] * 4)
    with EmbeddedPostgres(deep) as server:
        assert answer(server, "SELECT 1") == 1
        socket_dir = Path(str(answer(server, "SHOW unix_socket_directories", role=SUPERUSER)))
        assert deep not in socket_dir.parents
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
    assert not list(socket_dir.parent.glob(f"{socket_dir.name}/.s*"))


def test_a_path_with_spaces_and_signs_is_no_obstacle(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "50 % of & more") as server:
        assert answer(server, "SELECT 1") == 1


def test_data_of_another_major_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as earlier:
        version = earlier.data_dir / "PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(Refusal, match="was written by PostgreSQL 14"):
        EmbeddedPostgres(tmp_path).start()
    assert version.read_text() == "14\n"


def test_a_discarded_cluster_is_gone_and_the_next_one_is_empty(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    server.start()
    note_something(server)
    server.stop()
    server.discard()
    assert not server.data_dir.exists()
    with server:
        assert answer(server, "SELECT to_regclass('note') IS NULL") is True


def test_a_cluster_in_use_is_not_discarded(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as running:
        with pytest.raises(Refusal, match="another process uses"):
            EmbeddedPostgres(tmp_path).discard()
        assert answer(running, "SELECT 1") == 1


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres" / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path) as server:
        assert answer(server, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes to another account")
def test_root_without_user_namespaces_runs_it_as_an_unprivileged_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "bin" / "unshare"
    refusing.parent.mkdir()
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{refusing.parent}:{os.environ['PATH']}")
    remarks: list[str] = []
    with EmbeddedPostgres(tmp_path / "state", say=remarks.append) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
        assert answer(server, "SELECT 1") == 1
    assert any(str(server.data_dir.parent) in remark for remark in remarks)
