"""The wall clocks of the replicas jump by hours, each for itself, under load. Monotonic clocks are left alone.

The clocks are those of libfaketime, which reads each replica's offset from a file.
"""

import time
from pathlib import Path

from .deployment import NotPossible, Rig
from .replicas import Replica

LIBRARIES = Path("/usr/lib")
LONGEST_JUMP_S = 6 * 3600


def jump(rig: Rig, rounds: int) -> None:
    """``rounds`` jumps of each clock, forth and back."""
    library = next(LIBRARIES.glob("**/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        raise NotPossible("libfaketime is not installed")
    rig.folder.mkdir(parents=True)

    def make_replica(number: int, database_url: str) -> Replica:
        _set_clock(rig.folder, number, 0)
        return Replica(
            database_url,
            module=("tests.chaos.serve", "sleep-by-select"),
            LD_PRELOAD=str(library),
            FAKETIME_TIMESTAMP_FILE=str(_clock(rig.folder, number)),
            FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
        )

    with rig.deployment(make_replica=make_replica) as deployment:
        desks = deployment.first_desks()
        with deployment.trading(desks) as load:
            for _ in range(rounds):
                for number in range(len(deployment.replicas)):
                    deployment.tally.faults += 1
                    _set_clock(rig.folder, number, deployment.rng.randrange(-LONGEST_JUMP_S, LONGEST_JUMP_S))
                    load.wait_for(20)
        deployment.settle(desks)
        with deployment.tally.check("the clocks did jump"), deployment.connect() as sql:
            row = sql.execute("SELECT max(at_us) FROM order_event").fetchone()
            latest_s = int(str(row[0])) / 1e6 if row else 0.0
            assert latest_s > time.time() + 600, f"the latest event is of {latest_s}, which no clock has jumped to"
        deployment.stop_replicas()


def _clock(folder: Path, number: int) -> Path:
    return folder / f"clock-{number}"


def _set_clock(folder: Path, number: int, offset_s: int) -> None:
    """Replaces the file at once: a half-written offset would be another jump."""
    unfinished = folder / f"clock-{number}.new"
    unfinished.write_text(f"{offset_s:+d}\n")
    unfinished.rename(_clock(folder, number))
