"""A whole exchange to break: a PostgreSQL of its own, some replicas on it, and traders.

Everything lies under a folder of the run. The migrated database is made once and its files are copied, because each
scenario must be free to damage them.
"""

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psycopg

from exchange.launch.postgres import DATABASE, OWNER, SUPERUSER, EmbeddedPostgres
from tests.fixtures import manage
from tests.journeys.load import Desk
from tests.server import Server, Trader

from .audit import FUNDS, Tally, settle
from .clients import Load
from .replicas import GUNICORN, Replica, start_all

REPLICAS = 3
DESKS = 6

Connection = psycopg.Connection[tuple[object, ...]]
MakeReplica = Callable[[int, str], Replica]
"""A replica from its number and the address of PostgreSQL."""


class NotPossible(Exception):
    """This machine lacks what a scenario needs. The message says what."""


def _copy(source: Path, target: Path) -> None:
    """Files with their owners, in the place of what was there."""
    if target.exists():
        shutil.rmtree(target)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def sign_up(replicas: Sequence[Server], count: int) -> list[Trader]:
    """New traders with funds, spread over the replicas."""

    def one(server: Server) -> Trader:
        return server.trader(**FUNDS)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, (replicas[number % len(replicas)] for number in range(count))))


class Blueprint:
    """The files of a cluster with the demo's markets laid out and the first traders signed in, to be copied."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres = EmbeddedPostgres(folder)
        with self._postgres as postgres:
            manage("migrate", "--noinput", url=postgres.url(DATABASE, OWNER))
            manage("lay_out_demo", url=postgres.url())
            with Replica(postgres.url()) as replica:
                self.traders = sign_up([replica], DESKS)
                replica.terminate()

    def cluster(self, folder: Path) -> EmbeddedPostgres:
        """A stopped cluster of its own in this folder. Raises NotPossible."""
        source = self._postgres.data_dir
        if not source.is_relative_to(self._folder):
            raise NotPossible(f"this kernel refuses user namespaces, and PostgreSQL keeps its files in {source}")
        target = folder / source.relative_to(self._folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, target)
        return EmbeddedPostgres(folder)

    def discard(self) -> None:
        self._postgres.discard()


@dataclass(slots=True)
class Rig:
    """What a scenario builds its deployment from. A mutant changes ``module`` and ``sql``, the tests take fewer replicas."""

    blueprint: Blueprint
    folder: Path
    seed: int
    module: Sequence[str] = GUNICORN
    """What serves in place of gunicorn."""
    sql: str = ""
    """What the superuser does to the database before the replicas start."""
    tally: Tally = field(default_factory=Tally)
    replicas: int = REPLICAS

    def deployment(self, *, make_replica: MakeReplica | None = None) -> "Deployment":
        """A deployment whose replicas are made by ``make_replica``, else without any ado."""
        postgres = self.blueprint.cluster(self.folder)
        return Deployment(self, postgres, make_replica or self.make_replica)

    def make_replica(self, number: int, database_url: str) -> Replica:
        return Replica(database_url, module=self.module)


class Deployment:
    """PostgreSQL and replicas; runs while it is entered."""

    def __init__(self, rig: Rig, postgres: EmbeddedPostgres, make_replica: MakeReplica) -> None:
        self.postgres = postgres
        self.rng = random.Random(rig.seed)
        self.tally = rig.tally
        self.replicas: list[Replica] = []
        self._rig = rig
        self._make_replica = make_replica
        self._loads = 0

    def __enter__(self) -> Self:
        self.postgres.start()
        try:
            if self._rig.sql:
                with self.connect() as connection:
                    connection.execute(self._rig.sql)
            self.replicas = [self._make_replica(number, self.postgres.url()) for number in range(self._rig.replicas)]
            start_all(self.replicas)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for replica in self.replicas:
            replica.kill()
        self.postgres.stop("immediate")
        self.postgres.discard()

    def connect(self) -> Connection:
        """As superuser, past everything that is done to the replicas' connections."""
        return psycopg.connect(self.postgres.url(DATABASE, SUPERUSER), autocommit=True)

    def head(self) -> int:
        """The number of the journal's last event."""
        with self.connect() as sql:
            row = sql.execute("SELECT seq FROM journal_head").fetchone()
        return int(str(row[0])) if row else 0

    def first_desks(self) -> list[Desk]:
        """The traders that are there from the beginning, spread over the replicas."""
        return [
            Desk(Trader(self.replicas[number % len(self.replicas)], trader.email, trader.token))
            for number, trader in enumerate(self._rig.blueprint.traders)
        ]

    def new_desks(self) -> list[Desk]:
        """As many new ones."""
        return [Desk(trader) for trader in sign_up(self.replicas, DESKS)]

    @contextmanager
    def trading(self, desks: Sequence[Desk]) -> Iterator[Load]:
        """Load from these desks, counted in the tally when it ends."""
        self._loads += 1
        load = Load(desks, self.replicas, seed=f"{self._rig.seed} {self._loads}")
        try:
            with load:
                yield load
        finally:
            self.tally.acknowledged += load.acknowledged
            for missing in load.missing:
                self.tally.find("what one replica acknowledged, every replica comes to know", missing)
            for surprise in load.surprises:
                self.tally.find("answers are of the kinds that a client expects", surprise)

    def settle(self, desks: Sequence[Desk]) -> None:
        """Every check, once nobody trades any more."""
        with self.connect() as sql:
            settle(self.tally, desks, self.replicas, self.postgres.url(), sql)

    def stop_replicas(self) -> None:
        """Stops them as an operator does: each must log the state that the full replay came to."""
        with self.tally.check("every replica stops in the state of the full replay"):
            with ThreadPoolExecutor(len(self.replicas)) as pool:
                codes = list(pool.map(Replica.terminate, self.replicas))
            assert codes == [0] * len(self.replicas), f"exit codes {codes}"
            for replica in self.replicas:
                state = replica.stopped_state()
                assert state == self.tally.verified, f"{replica.log}: {state}, the replay: {self.tally.verified}"

    def kill_replica(self, replica: Replica) -> None:
        """kill -9 of one replica."""
        self.tally.faults += 1
        replica.kill()

    def kill_postgres(self) -> None:
        """kill -9 of the postmaster; nothing is written down before the end."""
        self.tally.faults += 1
        if self.postgres.pid is None:
            raise RuntimeError("PostgreSQL does not run")
        os.kill(self.postgres.pid, signal.SIGKILL)

    def copy_data(self, *, to: Path) -> None:
        """A copy of the data directory, as a standby that receives nothing from now on."""
        self.postgres.stop()
        _copy(self.postgres.data_dir, to)
        self.postgres.start()

    def replace_data(self, *, by: Path) -> None:
        """Fails over to a copy."""
        self.postgres.stop("immediate")
        _copy(by, self.postgres.data_dir)
        self.postgres.start()

    def restart_postgres(self) -> None:
        """What a supervisor does when it finds PostgreSQL dead: a start on what it left behind."""
        self.postgres.stop("immediate")
        self.postgres.start()
