"""The exchange as a process: started as `make run` starts it, killed without mercy, spoken to over HTTP."""

import contextlib
import http.client
import itertools
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).resolve().parent.parent
WAIT_LIMIT_S = 60.0
"""Long, for the machine may be slow or busy; what comes soon is not waited for longer."""
START_LIMIT_S = 60.0
PASSWORD = "a quiet long password"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of servers without TLS: with one of its own each would read all authorities of the machine, which takes longer
than many a test."""
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PORTS = range(10_000 + _WORKER % 20 * 1000, 11_000 + _WORKER % 20 * 1000)
"""Of this worker alone, and below those that the system gives to whoever asks for any: a port that was found free stays so
until its server listens."""
_numbers = itertools.count(1)
_tries = itertools.count(os.getpid())


def free_port() -> int:
    """Another one at each call, until all had their turn: what still speaks to a server that is gone finds nobody."""
    for number in itertools.islice(_tries, len(PORTS)):
        port = PORTS[number % len(PORTS)]
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"no port of {PORTS} is free")


def wait_until(condition: Any, *, limit_s: float = WAIT_LIMIT_S, what: str) -> Any:
    """The first true value of ``condition()``; fails with ``what`` after the limit."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit_s} s: {what}")
        time.sleep(0.02)


def parent_of(pid: int) -> int:
    """0 for a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


class Server:
    """One gunicorn with one worker on a port of its own."""

    def __init__(self, database_url: str, *, rate_limits: bool = False, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.stream_url = f"ws://127.0.0.1:{self.port}/stream"
        self.database_url = database_url
        self._environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "BIND": f"127.0.0.1:{self.port}",
            "RATE_LIMITS": "on" if rate_limits else "off",
            **environment,
        }
        self.log = Path(os.environ["KONTOR_STATE"]) / f"server-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", "etc/gunicorn.conf.py", "exchange.asgi:application"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        wait_until(self._is_ready, limit_s=START_LIMIT_S, what=f"the server is ready, see {self.log}")

    @property
    def pid(self) -> int:
        """Of gunicorn's master."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    def projectors(self) -> list[int]:
        """The process that writes its read models, if it runs: the child of the worker, which is gunicorn's."""
        pids = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
        return [pid for pid in pids if parent_of(parent_of(pid)) == self.pid]

    def kill(self) -> None:
        """kill -9 of the whole process group."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def terminate(self) -> int:
        """SIGTERM, as an operator stops it; the exit code."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Until it has ended; the exit code."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        code = self._process.wait(WAIT_LIMIT_S)
        self._process = None
        return code

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"the server ended at once: {self.log.read_text()[-2000:]}")
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            line.request("GET", "/health/ready")
            return line.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, timeout=WAIT_LIMIT_S, verify=NO_TLS)

    def trader(self, **funds: str) -> "Trader":
        """A new user, signed in, with these funds from the faucet."""
        email = f"user{next(_numbers)}.{os.getpid()}@example.com"
        with self.client() as client:
            client.post("/user", json={"email": email, "password": PASSWORD}).raise_for_status()
            answer = client.post("/session", json={"email": email, "password": PASSWORD}).raise_for_status()
        trader = Trader(self, email, answer.json()["token"])
        for asset, quantity in funds.items():
            trader.post("/account/faucet", {"asset": asset, "quantity": quantity}).raise_for_status()
        return trader


class Trader:
    """A signed-in user."""

    def __init__(self, server: Server, email: str, token: str) -> None:
        self.email = email
        self.token = token
        self.http = server.client(Authorization=f"Bearer {token}")

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(path, params=query).raise_for_status().json()

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.http.post(path, json=body)

    def order(self, side: str, quantity: str, price: str, market: str = "BTC/USD", **more: Any) -> httpx.Response:
        body = {"market": market, "side": side, "type": "limit", "quantity": quantity, "price": price, **more}
        return self.post("/trade/orders", body)

    def balance(self, asset: str) -> dict[str, str]:
        (one,) = [item for item in self.get("/account/balances")["items"] if item["asset"] == asset]
        return dict(one)
