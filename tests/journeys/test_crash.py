"""The server and its database killed and stopped under load: nothing acknowledged is lost, nothing is done twice.

CRASH_ROUNDS says how often the server is killed (3); CRASH_SEED where the random moments begin.
"""

import os
import random
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from exchange.launch.postgres import DATABASE, OWNER, EmbeddedPostgres
from tests.fixtures import Cluster, manage
from tests.server import Server, parent_of, wait_until

from .load import Desk, Load, audit, open_desks, repeat_unknown
from .stream_client import Stream

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "3"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
TRADERS = 6
WARM = 40
"""Answers that a round waits for before its random moment begins."""
LONGEST_ROUND_S = 0.8


@dataclass(frozen=True, slots=True)
class State:
    """The engine's state at an event."""

    event: int
    hash: str


def last_state(text: str, words: str) -> State:
    """The last state that a text tells in these words, as the server's log or the answer of ``verify``."""
    event, state = re.findall(words, text)[-1]
    return State(int(event), state)


def read_state(server: Server) -> State:
    return last_state(server.log.read_text(), r"read the journal to event (\d+), state ([0-9a-f]{64})")


def verified_state(database_url: str) -> State:
    """The state that ``manage.py verify`` comes to, if it finds nothing wrong."""
    told = manage("verify", url=database_url, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    return last_state(told.stdout, r"whole to event (\d+), .*State ([0-9a-f]{64})")


def settle(desks: list[Desk]) -> None:
    """Sends every order of unknown outcome again, which must give exactly one order; then clears the book."""
    assert repeat_unknown(desks) == []
    found = audit(desks)
    assert found.is_clean, found
    for desk in desks:
        desk.trader.http.delete("/trade/orders").raise_for_status()
        for attempt in desk.attempts:
            attempt.cancel_sent = True


def unknown(desks: list[Desk]) -> int:
    return sum(not attempt.is_acknowledged for desk in desks for attempt in desk.attempts)


def test_kills_under_load_lose_and_double_nothing(own_server: Server) -> None:
    rng = random.Random(SEED)
    desks = open_desks(own_server, TRADERS)
    print("\nround  acknowledged  unknown  lost  doubled  verify  ready_s")
    of_unknown_outcome = 0
    for number in range(1, ROUNDS + 1):
        with Load(desks, seed=SEED * 1000 + number) as load:
            wait_until(lambda load=load: load.acknowledged >= WARM, what="orders are acknowledged")
            time.sleep(rng.uniform(0, LONGEST_ROUND_S))
            own_server.kill()
        assert load.surprises == []
        killed_at = time.monotonic()
        own_server.start()
        ready_s = time.monotonic() - killed_at
        assert verified_state(own_server.database_url) == read_state(own_server)
        not_known, found = unknown(desks), audit(desks)
        counts = f"{load.acknowledged:12}  {not_known:7}  {len(found.lost):4}  {len(found.doubled):7}"
        print(f"{number:5}  {counts}  {'ok':>6}  {ready_s:7.2f}")
        assert found.is_clean, found
        of_unknown_outcome += not_known
        settle(desks)
    assert of_unknown_outcome, "no kill met an order on its way, so nothing was ever sent again"
    verified_state(own_server.database_url)


def test_kills_of_the_projector_lose_nothing_and_it_does_not_outlive_its_server(own_server: Server) -> None:
    desks = open_desks(own_server, TRADERS)
    with Load(desks, seed=SEED) as load:
        for kills in (1, 2, 3):
            wait_until(lambda goal=kills * WARM: load.acknowledged >= goal, what="orders are acknowledged")
            (pid,) = wait_until(own_server.projectors, what="there is a projector")
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda gone=pid: parent_of(gone) == 0, what="it is gone")
    assert load.surprises == []
    settle(desks)
    verified_state(own_server.database_url)
    (pid,) = own_server.projectors()
    os.kill(own_server.pid, signal.SIGKILL)
    wait_until(lambda: parent_of(pid) == 0, what="the projector has ended with its server")


def test_a_signal_to_the_whole_group_lets_the_projector_write_what_was_acknowledged(own_server: Server) -> None:
    desks = open_desks(own_server, TRADERS)
    with Load(desks, seed=SEED) as load:
        wait_until(lambda: load.acknowledged >= WARM, what="orders are acknowledged")
        os.killpg(own_server.pid, signal.SIGTERM)
        assert own_server.terminate() == 0
    assert load.surprises == []
    stopped = last_state(own_server.log.read_text(), r"stopped at event (\d+), state ([0-9a-f]{64})")
    with psycopg.connect(own_server.database_url) as connection:
        assert connection.execute("SELECT seq FROM projection_checkpoint").fetchone() == (stopped.event,)
    assert verified_state(own_server.database_url) == stopped


def test_a_stop_under_load_keeps_what_was_acknowledged_and_the_state(own_server: Server) -> None:
    desks = open_desks(own_server, TRADERS)
    with Load(desks, seed=SEED) as load:
        wait_until(lambda: load.acknowledged >= 3 * WARM, what="orders are acknowledged")
        assert own_server.terminate() == 0
    assert load.surprises == []
    stopped = last_state(own_server.log.read_text(), r"stopped at event (\d+), state ([0-9a-f]{64})")
    own_server.start()
    assert read_state(own_server) == stopped
    found = audit(desks)
    assert found.is_clean, found
    settle(desks)
    verified_state(own_server.database_url)


@pytest.fixture
def own_postgres(cluster: Cluster) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL with the demo laid out, which the test may kill. Its path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="kontor-", dir="/tmp") as folder:
        postgres = EmbeddedPostgres(Path(folder))
        with postgres:
            manage("migrate", "--noinput", url=postgres.url(DATABASE, OWNER))
            manage("lay_out_demo", url=postgres.url(), KONTOR_STATE=folder)
            yield postgres
        postgres.discard()


def crash(postgres: EmbeddedPostgres) -> None:
    """kill -9 of the postmaster and a start on what it left behind."""
    if postgres.pid is None:
        raise RuntimeError("PostgreSQL does not run")
    os.kill(postgres.pid, 9)
    postgres.stop()
    postgres.start()


def test_a_killed_database_loses_and_doubles_nothing_while_the_server_stays(own_postgres: EmbeddedPostgres) -> None:
    with Server(own_postgres.url()) as server, Stream(server, (trader := server.trader())) as stream:
        assert stream.private("subscribe", channel="balances")["success"]
        desks = open_desks(server, TRADERS)
        with Load(desks, seed=SEED, stubborn=True) as load:
            for crashes in (1, 2):
                wait_until(lambda goal=crashes * WARM: load.acknowledged >= goal, what="orders are acknowledged")
                crash(own_postgres)
                before = load.acknowledged
                wait_until(lambda goal=before + WARM: load.acknowledged >= goal, what="trading goes on by itself")
        found = audit(desks)
        assert found.is_clean, found
        settle(desks)
        trader.post("/account/faucet", {"asset": "BTC", "quantity": "1"}).raise_for_status()
        assert [message["type"] for message in stream.listen()] == ["snapshot", "update"]
        trader.http.delete("/session").raise_for_status()
        assert stream.close_code() == 4001
        verified = verified_state(server.database_url)
        assert server.terminate() == 0
        stopped = last_state(server.log.read_text(), r"stopped at event (\d+), state ([0-9a-f]{64})")
        assert stopped == verified
        assert load.surprises == []
