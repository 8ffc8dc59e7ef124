"""What tests stand on: a real PostgreSQL, a fresh database for each test, the server as a process of its own.

Loaded as a pytest plugin for the tests of every app. PostgreSQL is embedded, started once per run, or once per worker of a
run, under ``.state/test``; a database is a copy of a migrated template, since what is append-only cannot be emptied.
"""

import fcntl
import itertools
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / ".state" / "test"
STATE = RUNS / str(os.getpid())
"""A folder for this run or worker, so that several may go on at once; those of runs that are gone are cleared away."""
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ["KONTOR_STATE"] = str(STATE)
os.environ["DATABASE_URL"] = "postgresql://nobody@/none"
os.environ.pop("REDIS_URL", None)
os.environ.pop("RATE_LIMITS", None)
# The tests start programs while gRPC's threads run; its handlers, meant for a child that goes on with gRPC, can end a child
# that only becomes another program.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

import django  # noqa: E402
import psycopg  # noqa: E402
import pytest  # noqa: E402

from exchange.launch.postgres import APPLICATION, OWNER, SUPERUSER, EmbeddedPostgres  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

from tests.recycling import Template  # noqa: E402
from tests.server import Server  # noqa: E402

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """A database of its own: ``url`` for the application's role, ``owner_url`` for who may migrate."""

    name: str
    url: str
    owner_url: str

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.url, autocommit=True)

    def connect_as_owner(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.owner_url, autocommit=True)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The PostgreSQL of this run or worker, with a migrated template and one that the demo is laid out in.

    ``_origins``: the templates of the copies that are in use. ``_stock``: those that were given back, by template.
    """

    postgres: EmbeddedPostgres
    _templates: dict[str, Template] = field(default_factory=dict)
    _origins: dict[str, str] = field(default_factory=dict)
    _stock: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def copy(self, template: str, name: str | None = None) -> Database:
        """A new database; one without a name of its own is like the template, but was perhaps in use before."""
        fresh = name or f"test_{os.getpid()}_{next(_numbers)}"
        with self._connect("postgres") as connection:
            if name is None and self._stock[template]:
                connection.execute(f'ALTER DATABASE "{self._stock[template].pop()}" RENAME TO "{fresh}"')
            else:
                connection.execute(f'CREATE DATABASE "{fresh}" OWNER {OWNER} TEMPLATE "{template}" STRATEGY FILE_COPY')
        if name is None:
            self._origins[fresh] = template
            if template not in self._templates:
                with self._connect(fresh) as connection:
                    self._templates[template] = Template.of(connection)
        return Database(fresh, self.postgres.url(fresh, APPLICATION), self.postgres.url(fresh, OWNER))

    def drop(self, database: Database) -> None:
        """It is gone for all who know it; what can be made like new is kept for the next copy."""
        origin = self._origins.pop(database.name, None)
        if origin is not None and (name := self._recycled(database.name, self._templates[origin])):
            self._stock[origin].append(name)
            return
        with self._connect("postgres") as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')

    def _recycled(self, name: str, template: Template) -> str | None:
        """Its next name, under which nobody knows it. None if it is not like new."""
        spare = f"spare_{os.getpid()}_{next(_numbers)}"
        try:
            with self._connect(name) as connection:
                if not template.restore(connection):
                    return None
            with self._connect("postgres") as connection:
                connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{spare}"')
        except psycopg.Error:
            return None  # somebody still uses it, or it is not there
        return spare

    def _connect(self, name: str) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.postgres.url(name, SUPERUSER), autocommit=True)


def manage(*arguments: str, url: str, check: bool = True, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs manage.py on a database."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env={**os.environ, "DATABASE_URL": url, **environment},
        capture_output=True,
        text=True,
        check=check,
    )


def _clear_dead_runs() -> None:
    """One at a time: the workers of a run all begin with it."""
    RUNS.mkdir(parents=True, exist_ok=True)
    with (RUNS / "clearing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in RUNS.glob("[0-9]*"):
            if not Path("/proc", folder.name).exists():
                EmbeddedPostgres(folder).discard()
                shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    yield from migrated_cluster()


def migrated_cluster() -> Iterator[Cluster]:
    _clear_dead_runs()
    (STATE / "static").mkdir(parents=True, exist_ok=True)
    with EmbeddedPostgres(STATE) as postgres:
        cluster = Cluster(postgres)
        empty = cluster.copy("kontor", "template_empty")
        manage("migrate", "--noinput", url=empty.owner_url)
        demo = cluster.copy("template_empty", "template_demo")
        manage("lay_out_demo", url=demo.url)
        yield cluster
    postgres.discard()
    shutil.rmtree(STATE, ignore_errors=True)


def _database(cluster: Cluster, template: str) -> Iterator[Database]:
    database = cluster.copy(template)
    previous = settings.DATABASES["default"].copy()
    _point_django_at(database.name, cluster)
    yield database
    connections.close_all()
    settings.DATABASES["default"].update(previous)
    connections["default"].settings_dict.update(previous)
    cluster.drop(database)


def _point_django_at(name: str, cluster: Cluster) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(cluster.postgres.url(name, APPLICATION))
    connections.close_all()
    for target in (settings.DATABASES["default"], connections["default"].settings_dict):
        target.update(NAME=name, USER=parts["user"], HOST=parts["host"], PORT=parts.get("port", ""), PASSWORD="")


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Database]:
    """A migrated database with nothing in it; Django's connection points at it too."""
    yield from _database(cluster, "template_empty")


@pytest.fixture(scope="module")
def shared_database(cluster: Cluster) -> Iterator[Database]:
    """The same for all tests of a module, where each makes accounts of its own and nothing has to be empty."""
    yield from _database(cluster, "template_empty")


@pytest.fixture
def demo_database(cluster: Cluster) -> Iterator[Database]:
    """A database with the demo's assets, markets and accounts."""
    yield from _database(cluster, "template_demo")


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[Server]:
    """The exchange as a process, with the demo's markets and no bots; shared by the tests of a module."""
    database = cluster.copy("template_demo")
    with Server(database.url) as server:
        yield server
    cluster.drop(database)


@pytest.fixture
def own_server(cluster: Cluster) -> Iterator[Server]:
    """A server for one test alone, which may kill it."""
    database = cluster.copy("template_demo")
    with Server(database.url) as server:
        yield server
    cluster.drop(database)
