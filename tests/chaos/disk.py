"""The database's disk fills up under load, and is given room again.

PostgreSQL lies on a small file system in memory. Where it ends because it cannot write, it is started again, as a
supervisor would.
"""

import contextlib
import errno
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.server import wait_until

from .clients import Load
from .deployment import Deployment, NotPossible, Rig

SIZE_MB = 400
FULL_S = 2.0
BLOCK = 64 * 1024
WARM = 40


def full(rig: Rig, rounds: int) -> None:
    """``rounds`` times: filled until nothing is acknowledged any more, left so, then freed."""
    with _small_disk(rig.folder), rig.deployment() as deployment:
        desks = deployment.first_desks()
        filler = rig.folder / "filler"
        with deployment.trading(desks) as load:
            for _ in range(rounds):
                load.wait_for(WARM)
                deployment.tally.faults += 1
                _fill_up(filler)
                _wait_until_refused(deployment, load)
                filler.unlink()
                _wait_until_back(deployment, load)
        deployment.settle(desks)
        deployment.stop_replicas()


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0700", "chaos", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        raise NotPossible(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _wait_until_back(deployment: Deployment, load: Load) -> None:
    """PostgreSQL may end a while after there is room again, at what it met before: who supervises it does not look once."""
    goal = load.acknowledged + WARM

    def is_back() -> bool:
        if not deployment.postgres.is_running():
            deployment.restart_postgres()
        return load.acknowledged >= goal

    wait_until(is_back, what=f"{WARM} more acknowledgements")


def _fill_up(filler: Path) -> None:
    """To the last byte."""
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(BLOCK))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def _wait_until_refused(deployment: Deployment, load: Load) -> None:
    """Asks for a new segment of the journal of PostgreSQL, for which there is no room; then nothing can be committed."""
    with contextlib.suppress(psycopg.Error), deployment.connect() as sql:
        sql.execute("SELECT pg_switch_wal()")
        sql.execute("CREATE TABLE needs_room AS SELECT generate_series(1, 1000000)")
    wait_until(lambda: load.longest_silence(time.monotonic() - FULL_S) >= FULL_S, what="the disk is full")
