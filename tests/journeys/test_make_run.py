"""`make run` as a stranger runs it: a fresh clone, an empty HOME, nothing prepared, then trading, stopping and killing.

As root it is done twice, once as an ordinary user. The clone has what is committed: what is not yet is not seen here.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.launch.waiting import wait_until
from tests.server import ROOT, free_port

NOBODY = 65534
FIRST_START_LIMIT_S = 600.0
NEXT_START_LIMIT_S = 120.0
STOP_LIMIT_S = 120.0
PAID_LIMIT_S = 120.0
FINAL_CONFIRMATIONS = 2
"""Of the demo's PAYOUT_RULES."""
NOBODYS_ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
OWN = ("KONTOR_", "DATABASE_", "DJANGO_", "REDIS_", "PYTHON", "XDG_", "PG", "MAKE")
"""Variables of ours that a stranger does not have; those of the machine's network and package indexes stay."""


class Clone:
    """A checkout of its own with its environment, for one user."""

    def __init__(self, folder: Path, *, user: int | None, engine: str) -> None:
        self.folder = folder / "kontor"
        self.home = folder / "home"
        self.output = folder / "output"
        self.user = user
        self.engine = engine
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.home.mkdir()
        subprocess.run(["git", "-c", "safe.directory=*", "clone", "--quiet", str(ROOT), str(self.folder)], check=True)
        if user is not None:
            folder.chmod(0o755)
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user, user, follow_symlinks=False)

    def environment(self, **variables: str) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(OWN) and name not in ("VIRTUAL_ENV", "BOTS", "RATE_LIMITS")
        }
        if self.user is not None:
            inherited["PATH"] = "/usr/local/bin:/usr/bin:/bin"
        return (
            inherited
            | {"HOME": str(self.home), "PORT": str(self.port), "BOTS": "off", "KONTOR_ENGINE": self.engine}
            | variables
        )

    def make_run(self, **variables: str) -> "subprocess.Popen[bytes]":
        with self.output.open("wb") as output:
            return subprocess.Popen(
                ["make", "run"],
                cwd=self.folder,
                env=self.environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
            )

    def manage(self, *arguments: str) -> str:
        """What manage.py says in the clone, called as a person would beside `make run`."""
        return subprocess.run(
            [".venv/bin/python", "manage.py", *arguments],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=True,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
        ).stdout

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def start(self, *, limit_s: float) -> None:
        """`make run` until it prints the address."""
        self._process = self.make_run()
        wait_until(self._is_open, limit_s=limit_s, what=f"the address is printed, see {self.output}")

    def _is_open(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.said
        return f"Kontor is open at {self.url}" in self.said and "Stop " in self.said

    def stop(self, number: signal.Signals, *, group: bool) -> None:
        assert self._process is not None
        send = os.killpg if group else os.kill
        send(self._process.pid, number)
        self._process.wait(STOP_LIMIT_S)
        self._process = None

    def processes(self) -> list[str]:
        """What still runs in the clone or from it."""
        note = self.folder / ".state" / "postgres" / "outside_folder"
        folders = [self.folder, *([Path(note.read_text())] if note.exists() else [])]
        return [text for entry in Path("/proc").glob("[0-9]*") if (text := _works_for(entry, folders))]

    def discard(self) -> None:
        if self._process is not None:
            self.stop(signal.SIGKILL, group=True)
        wait_until(lambda: not self.processes(), limit_s=STOP_LIMIT_S, what="the processes of the clone have ended")
        note = self.folder / ".state" / "postgres" / "outside_folder"
        if note.exists():
            shutil.rmtree(note.read_text(), ignore_errors=True)
        shutil.rmtree(self.folder.parent)


def _works_for(entry: Path, folders: list[Path]) -> str:
    """The command line of a process that works in one of the folders, or was started from it; else nothing."""
    try:
        command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        working_directory = (entry / "cwd").readlink()
    except OSError:
        return ""
    is_ours = any(working_directory.is_relative_to(folder) or str(folder) in command for folder in folders)
    return command if is_ours else ""


@pytest.fixture(scope="module", params=["this user", *(["an ordinary user"] if os.geteuid() == 0 else [])])
def clone(request: pytest.FixtureRequest) -> Iterator[Clone]:
    """Where there are two, the ordinary user's is compiled, and root's is as without a compiler."""
    folder = Path(tempfile.mkdtemp(prefix="kontor-clone-"))
    is_ordinary = request.param == "an ordinary user"
    engine = "interpreted" if os.geteuid() == 0 and not is_ordinary else "auto"
    clone = Clone(folder, user=NOBODY if is_ordinary else None, engine=engine)
    yield clone
    clone.discard()


def listed(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    return list(client.get(path).raise_for_status().json()["items"])


def states(client: httpx.Client) -> dict[str, str]:
    """Of the deposits, by txid."""
    return {one["txid"]: one["state"] for one in listed(client, "/deposit")}


def mailed_code(client: httpx.Client, email: str) -> str:
    mails = client.get("/demo/mail", params={"to": email}, headers={"Accept": "application/json"}).json()["items"]
    found = re.search(r"^ {4}([0-9]{6})$", mails[0]["text"], re.MULTILINE)
    assert found is not None, mails[0]
    return found[1]


def mine(client: httpx.Client, count: int) -> None:
    for _ in range(count):
        client.post("/deposit/test-blocks").raise_for_status()


def withdraw(client: httpx.Client, email: str) -> None:
    """To an address of nobody's, until it is paid; the signer signs, and the chain judges."""
    client.post("/account/security/email/code").raise_for_status()
    client.post("/account/security/email", json={"code": mailed_code(client, email)}).raise_for_status()
    client.post("/account/security/step-up/code").raise_for_status()
    vault = {"asset": "BTC", "address": NOBODYS_ADDRESS, "label": "vault", "totp": mailed_code(client, email)}
    address_id = client.post("/withdrawal/addresses", json=vault).raise_for_status().json()["id"]
    wish = {"asset": "BTC", "quantity": "0.01", "address_id": address_id}
    asked = client.post("/withdrawal", json=wish, headers={"Idempotency-Key": "one"}).raise_for_status().json()

    def is_now(state: str) -> bool:
        return bool(client.get(f"/withdrawal/{asked['id']}").raise_for_status().json()["state"] == state)

    mine(client, FINAL_CONFIRMATIONS)  # before that the deposit's coin is not spent
    wait_until(lambda: is_now("broadcast"), limit_s=PAID_LIMIT_S, what="the withdrawal is given to the network")
    mine(client, FINAL_CONFIRMATIONS)
    wait_until(lambda: is_now("settled"), limit_s=PAID_LIMIT_S, what="the withdrawal is paid")
    balances = {item["asset"]: item["total"] for item in listed(client, "/account/balances")}
    assert balances["BTC"] == "0.04000000"


def test_a_stranger_trades_stops_and_goes_on(clone: Clone) -> None:
    clone.start(limit_s=FIRST_START_LIMIT_S)
    found = re.search(r"^ +trader +(\S+) +(\S+)$", clone.said, re.MULTILINE)
    assert found is not None, clone.said
    with httpx.Client(base_url=clone.url, timeout=30) as client:
        answer = client.post("/session", json={"email": found[1], "password": found[2]}).raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        client.post("/account/faucet", json={"asset": "USD", "quantity": "50000"}).raise_for_status()
        order = {"market": "BTC/USD", "side": "buy", "type": "limit", "quantity": "0.5", "price": "40000"}
        placed = client.post("/trade/orders", json=order).raise_for_status().json()
        assert placed["status"] == "open"
        assert client.get("/markets/BTC-USD").status_code == 200
        assert client.get("/static/vendor/preact/preact.mjs").status_code == 200

        terms = {one["asset"]: (one["deposit"], one["minimum_deposit"]) for one in listed(client, "/public/assets")}
        assert terms == {"BTC": (True, "0.00010000"), "ETH": (False, None), "USD": (False, None)}
        address = client.post("/deposit/addresses", json={"asset": "BTC"}).raise_for_status().json()["address"]
        coins = {"address": address, "amount": "0.05"}
        txid = client.post("/deposit/test-coins", json=coins).raise_for_status().json()["txid"]
        client.post("/deposit/test-blocks").raise_for_status()
        wait_until(lambda: states(client) == {txid: "credited"}, limit_s=STOP_LIMIT_S, what="the deposit is credited")
        assert "the bitcoin chain is simulated" in client.get("/").text

        if clone.user is None:
            withdraw(client, found[1])

        clone.stop(signal.SIGTERM, group=False)
        assert "stopped; the next start goes on from here" in clone.said
        assert clone.processes() == []

        clone.start(limit_s=NEXT_START_LIMIT_S)
        assert client.get("/trade/orders").json()["items"] == [placed]
        second = client.post("/trade/orders", json={**order, "price": "40001"}).raise_for_status().json()

        waiting = client.post("/deposit/test-coins", json=coins).raise_for_status().json()["txid"]
        clone.stop(signal.SIGKILL, group=True)
        clone.start(limit_s=NEXT_START_LIMIT_S)
        assert client.get("/trade/orders").json()["items"] == [second, placed]
        balances = {item["asset"]: item for item in client.get("/account/balances").json()["items"]}
        assert balances["USD"]["total"] == "50000.00"
        client.post("/deposit/test-blocks").raise_for_status()
        both = {txid: "credited", waiting: "credited"}
        wait_until(lambda: states(client) == both, limit_s=STOP_LIMIT_S, what="what waited is credited")
        assert "the books agree with the engine" in clone.manage("verify")
        assert "\nNothing wrong," in clone.manage("doctor")
        assert "would be the same" in clone.manage("rebuild", "--compare")

    clone.stop(signal.SIGINT, group=True)
    assert clone.processes() == []
    assert list(clone.home.iterdir()) == [], "something was written outside the checkout"


def test_a_port_in_use_is_one_clear_sentence(clone: Clone) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = clone.make_run(PORT=str(port))
        assert refused.wait(FIRST_START_LIMIT_S) != 0
    sentences = [
        line for line in clone.said.splitlines() if not re.match(r"make|kontor: (preparing|installing|fetching)", line)
    ]
    assert len(sentences) == 1, clone.said
    assert sentences[0].startswith(f"kontor: port {port} is in use")
    assert clone.processes() == []
