"""kill -9 under load: of nothing at all, one replica, all, their projectors, PostgreSQL, everything, single database sessions."""

import contextlib
import hashlib
import itertools
import json
import os
import signal
import time
from collections.abc import Callable, Iterator

from tests.journeys.load import Desk, orders_of

from .clients import Load
from .deployment import Deployment, Rig
from .replicas import start_all

WARM = 40
"""Acknowledgements that a round waits for before its random moment begins."""
UNDISTURBED = 100
LONGEST_ROUND_S = 0.5
SETTLE_EVERY = 50
"""Rounds after which everything is audited, and the traders are replaced by new ones."""
TERMINATIONS = 5
"""How often sessions are ended in one round."""

Round = Callable[[Deployment, Load], None]


def nothing(rig: Rig, rounds: int) -> None:
    """What all others are compared with."""
    _survive(rig, rounds, lambda deployment, load: load.wait_for(UNDISTURBED))


def one_replica(rig: Rig, rounds: int) -> None:
    """A random replica at random moments; the others go on, and it comes back beside them."""
    _survive(rig, rounds, _kill_one)


def projectors(rig: Rig, rounds: int) -> None:
    """The processes that write the read models, of all replicas at once."""
    _survive(rig, rounds, _kill_projectors)


def all_replicas(rig: Rig, rounds: int) -> None:
    _survive(rig, rounds, _kill_all)


def postgres(rig: Rig, rounds: int) -> None:
    _survive(rig, rounds, _crash_postgres)


def everything(rig: Rig, rounds: int) -> None:
    """PostgreSQL and all replicas at once, as if the machine had lost its power; what the disk had is what there is."""
    _survive(rig, rounds, _kill_everything)


def sessions(rig: Rig, rounds: int) -> None:
    """Database sessions of one kind after the other, then all, ended by pg_terminate_backend."""
    _survive(rig, rounds, _terminate_sessions)


def _survive(rig: Rig, rounds: int, strike: Round) -> None:
    """Rounds of load and a strike each, with an audit every now and then, and a last look at all that was audited."""
    with rig.deployment() as deployment:
        settled: list[tuple[Desk, str]] = []
        desks = deployment.first_desks()
        for number, count in enumerate(_stretches(rounds)):
            if number:
                settled += [(desk, _close(desk)) for desk in desks]
                desks = deployment.new_desks()
            with deployment.trading(desks) as load:
                for _ in range(count):
                    load.wait_for(WARM)
                    time.sleep(deployment.rng.uniform(0, LONGEST_ROUND_S))
                    strike(deployment, load)
                load.wait_for(WARM)
            deployment.settle(desks)
        _check_settled(deployment, settled)
        deployment.stop_replicas()


def _stretches(rounds: int) -> Iterator[int]:
    for done in range(0, rounds, SETTLE_EVERY):
        yield min(SETTLE_EVERY, rounds - done)


def _close(desk: Desk) -> str:
    """Cancels what is open and forgets what was heard; returns what must never change again."""
    desk.trader.http.delete("/trade/orders").raise_for_status()
    desk.attempts.clear()
    return _fingerprint(desk)


def _fingerprint(desk: Desk) -> str:
    return hashlib.sha256(json.dumps(orders_of(desk.trader)).encode()).hexdigest()


def _check_settled(deployment: Deployment, settled: list[tuple[Desk, str]]) -> None:
    with deployment.tally.check("what was audited stays as it was"):
        for desk, fingerprint in settled:
            assert _fingerprint(desk) == fingerprint, f"the orders of {desk.trader.email} have changed"


def _kill_one(deployment: Deployment, load: Load) -> None:
    victim = deployment.rng.choice(deployment.replicas)
    for replica in deployment.replicas:
        if replica is not victim:
            replica.wait_until_ready()
    deployment.kill_replica(victim)
    victim.launch()


def _kill_projectors(deployment: Deployment, load: Load) -> None:
    for replica in deployment.replicas:
        for pid in replica.projectors():
            deployment.tally.faults += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _kill_all(deployment: Deployment, load: Load) -> None:
    for replica in deployment.replicas:
        deployment.kill_replica(replica)
    start_all(deployment.replicas)


def _crash_postgres(deployment: Deployment, load: Load) -> None:
    deployment.kill_postgres()
    deployment.restart_postgres()


def _kill_everything(deployment: Deployment, load: Load) -> None:
    deployment.kill_postgres()
    for replica in deployment.replicas:
        deployment.kill_replica(replica)
    deployment.restart_postgres()
    start_all(deployment.replicas)


_SESSIONS = ("kontor-engine", "kontor-projector", "%")


def _terminate_sessions(deployment: Deployment, load: Load) -> None:
    with deployment.connect() as sql:
        for kind in itertools.islice(itertools.cycle(_SESSIONS), TERMINATIONS):
            load.wait_for(1)
            time.sleep(deployment.rng.uniform(0, LONGEST_ROUND_S))
            deployment.tally.faults += 1
            sql.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s"
                " AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
                (kind,),
            )
