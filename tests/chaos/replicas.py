"""Servers of one exchange that are killed, stopped and started again while the others serve.

Started from the main thread only: the kernel ends a server when the thread that started it ends.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from exchange.launch.child import end_with_parent
from tests.server import NO_TLS, ROOT, START_LIMIT_S, WAIT_LIMIT_S, Server, wait_until

GUNICORN = ("gunicorn",)
"""The module that serves, with what stands before gunicorn's own arguments."""

PATIENCE_S = 30.0
POLL_S = 0.05

_STOPPED = re.compile(r"stopped at event (\d+), state ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class State:
    """The engine's state at an event."""

    event: int
    hash: str


class Replica(Server):
    """A server that is one of several on a database."""

    def __init__(self, database_url: str, *, module: Sequence[str] = GUNICORN, **environment: str) -> None:
        super().__init__(database_url, **environment)
        self._module = module

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, timeout=WAIT_LIMIT_S, transport=_Patient(verify=NO_TLS))

    def launch(self) -> None:
        """Starts it without waiting until it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._module, "--config", "etc/gunicorn.conf.py", "exchange.asgi:application"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=end_with_parent(signal.SIGKILL),
            )

    def start(self) -> None:
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        wait_until(self._is_ready, limit_s=START_LIMIT_S, what=f"the server is ready, see {self.log}")

    def pause(self) -> None:
        """SIGSTOP of all its processes: it keeps its locks, sockets and memory, and does nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def health(self) -> dict[str, Any]:
        """What ``/health/ready`` says; nothing if it does not answer."""
        try:
            answer: dict[str, Any] = httpx.get(f"{self.url}/health/ready", timeout=5, verify=NO_TLS).json()
        except httpx.TransportError:
            return {}
        return answer

    def stopped_state(self) -> State:
        """What its log said when it was last stopped."""
        event, state = _STOPPED.findall(self.log.read_text())[-1]
        return State(int(event), state)

    def _signal(self, number: int) -> None:
        if self._process is None:
            raise RuntimeError("the server does not run")
        os.killpg(self._process.pid, number)


class _Patient(httpx.HTTPTransport):
    """Asks again what changes nothing when asked twice, while the answer is 503: after a fault a first one may be."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            response = super().handle_request(request)
            if response.status_code != 503 or request.method == "POST" or time.monotonic() > deadline:
                return response
            response.close()
            time.sleep(POLL_S)


def start_all(replicas: Iterable[Replica]) -> None:
    """Starts them side by side."""
    started = list(replicas)
    for replica in started:
        replica.launch()
    for replica in started:
        replica.wait_until_ready()
