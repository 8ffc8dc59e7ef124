"""The exchange that the drill watches: started by the launcher as on a real server, with the demo's bots and a customer."""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exchange.launch import logs
from exchange.launch.child import Child
from exchange.launch.configuration import CHECKOUT, HOST, SETTINGS_MODULE
from exchange.launch.console import Console
from exchange.launch.drill_customer import Customer
from exchange.launch.postgres import DATABASE, OWNER, EmbeddedPostgres
from exchange.launch.refusal import refusal_of_output
from exchange.launch.surroundings import read_demo_users

_START_LIMIT_S = 120.0
_STOP_LIMIT_S = 30.0
_POLL_S = 0.05


@contextmanager
def trading_exchange(postgres: EmbeddedPostgres, state: Path, *, console: Console) -> Iterator[Customer]:
    """The exchange with somebody who trades on it. Its state directory stays the same when its database is another one."""
    port, home = _free_port(), state / "exchange"
    child = Child(
        name="the exchange",
        command=[sys.executable, "-m", "exchange.launch", "--stop-with-parent"],
        environment=environment_of(postgres, home) | {"PORT": str(port), "BOTS": "on"},
        log=home / "log" / "launch.log",
        folder=CHECKOUT,
    )
    console.say("starting the exchange")
    child.start()
    try:
        _wait_until_ready(child, home)
        (trader,) = [user for user in read_demo_users(home) if user.role == "trader"]
        console.say("it is ready; the bots and a customer trade")
        with Customer(f"http://{HOST}:{port}", trader) as customer:
            yield customer
    finally:
        child.stop(limit_s=_STOP_LIMIT_S, hurried=lambda: False)


def environment_of(postgres: EmbeddedPostgres, home: Path) -> dict[str, str]:
    """What the exchange's programs get. PG* variables are meant for someone's other server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return environment | {
        "DJANGO_SETTINGS_MODULE": SETTINGS_MODULE,
        "DATABASE_URL": postgres.url(),
        "DATABASE_OWNER_URL": postgres.url(DATABASE, OWNER),
        "KONTOR_STATE": str(home),
    }


def _wait_until_ready(child: Child, home: Path) -> None:
    """Until the launcher says so. Raises Refusal."""
    deadline = time.monotonic() + _START_LIMIT_S
    while "] ready\n" not in child.log.read_text():
        if not child.is_running() or time.monotonic() > deadline:
            raise refusal_of_output(logs.tail(child.log), home, "the exchange did not start:")
        time.sleep(_POLL_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
