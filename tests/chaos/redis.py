"""Redis frozen, then killed, under load: people go on trading and signing in."""

import shutil
import signal
import socket
import subprocess
import time
from typing import Self

from exchange.launch.child import end_with_parent
from tests.server import PASSWORD, free_port, wait_until

from .clients import Load
from .deployment import Deployment, NotPossible, Rig
from .replicas import Replica

ABSENCE_S = 2.0
SILENCE_LIMIT_S = 3.0
"""Less than Redis is away for in any form of the scenario."""
SIGN_IN_LIMIT_S = 30.0
QUOTAS = dict.fromkeys(("RATE_LIMIT_ACCOUNT", "RATE_LIMIT_ORDERS", "RATE_LIMIT_ADDRESS"), "1000000")
"""Limits are kept and shared, but the load shall not meet them."""


class Redis:
    """A Redis that keeps nothing."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
            preexec_fn=end_with_parent(signal.SIGKILL),
        )
        wait_until(self._listens, what="Redis listens")

    def freeze(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def absent(rig: Rig, rounds: int) -> None:
    """Redis is frozen for so many times ABSENCE_S, then gone for as long, then there again."""
    if shutil.which("redis-server") is None:
        raise NotPossible("redis-server is not installed")
    with Redis() as redis:

        def make_replica(_: int, database_url: str) -> Replica:
            return Replica(database_url, module=rig.module, REDIS_URL=redis.url, RATE_LIMITS="on", **QUOTAS)

        with rig.deployment(make_replica=make_replica) as deployment:
            desks = deployment.first_desks()
            with deployment.trading(desks) as load:
                load.wait_for(20)
                redis.freeze()
                _go_on(deployment, load, desks[0].trader.email, "frozen", rounds * ABSENCE_S)
                redis.kill()
                _go_on(deployment, load, desks[0].trader.email, "gone", rounds * ABSENCE_S)
                redis.start()
                load.wait_for(20)
            deployment.settle(desks)
            deployment.stop_replicas()


def _go_on(deployment: Deployment, load: Load, email: str, what: str, for_s: float) -> None:
    """Orders and sign-ins, while Redis is away."""
    deployment.tally.faults += 1
    since = time.monotonic()
    with deployment.tally.check(f"people sign in while Redis is {what}"), deployment.replicas[0].client() as client:
        client.timeout = SIGN_IN_LIMIT_S
        client.post("/session", json={"email": email, "password": PASSWORD}).raise_for_status()
    time.sleep(max(0.0, since + for_s - time.monotonic()))
    with deployment.tally.check(f"orders go on while Redis is {what}"):
        silence = load.longest_silence(since)
        assert silence < SILENCE_LIMIT_S, f"nothing was acknowledged for {silence:.1f} s"
