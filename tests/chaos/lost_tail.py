"""Fail-over to a standby that lost the journal's tail: what has seen the tail must refuse to go on.

The standby is a copy of the data directory, taken earlier and put in the place of the later one. Either the journal there
simply ends earlier, or others have gone on from there: then its head is not behind, but its history is another one.
What the database lost is lost; the check is that nobody builds on it.
"""

import time
from collections.abc import Sequence

from tests.journeys.load import Desk, new_attempt

from .audit import FUNDS, Connection
from .clients import Line, NoAnswer
from .deployment import Deployment, Rig
from .replicas import Replica, start_all

NOTICE_LIMIT_S = 30.0
STALE_S = 2.0
"""So long they stay, and could still do harm."""
TAIL = 60
"""Acknowledgements that the standby does not have."""


def behind(rig: Rig, rounds: int) -> None:
    """The standby's journal ends earlier than the replicas have read."""
    for _ in range(rounds):
        _fail_over(rig, diverge=False)


def other_history(rig: Rig, rounds: int) -> None:
    """Somebody who knows nothing of the tail has gone on, further than the tail was, before the replicas see it."""
    for _ in range(rounds):
        _fail_over(rig, diverge=True)


def _fail_over(rig: Rig, *, diverge: bool) -> None:
    with rig.deployment() as deployment:
        desks = deployment.first_desks()
        earlier = rig.folder / "earlier"
        deployment.copy_data(to=earlier)
        lock = _keep_back_read_models(deployment)
        with deployment.trading(desks) as load:
            load.wait_for(TAIL)
        if diverge:
            for replica in deployment.replicas:
                replica.pause()
            head = deployment.head()
        deployment.replace_data(by=earlier)
        lock.close()
        if diverge:
            _go_on_without_tail(rig, deployment, until=head + 1)
            for replica in deployment.replicas:
                replica.resume()
        deployment.tally.faults += 1
        _check_refusal(deployment, desks)
        _go_on_anew(deployment)


def _keep_back_read_models(deployment: Deployment) -> Connection:
    """Nobody can move their checkpoint, as if the database were slow: the tail is still to be written at the fail-over."""
    lock = deployment.connect()
    lock.execute("BEGIN; SELECT seq FROM projection_checkpoint FOR UPDATE")
    return lock


def _go_on_without_tail(rig: Rig, deployment: Deployment, *, until: int) -> None:
    with Replica(deployment.postgres.url(), module=rig.module) as other:
        trader = other.trader(**FUNDS)
        while deployment.head() < until:
            trader.order("buy", "0.1", "10", time_in_force="IOC").raise_for_status()
        other.terminate()


def _check_refusal(deployment: Deployment, desks: Sequence[Desk]) -> None:
    """Orders are sent to every replica until all say that the database lost data: none may be acknowledged."""
    lines = [Line(replica, desks[0].trader.token) for replica in deployment.replicas]
    deadline = time.monotonic() + NOTICE_LIMIT_S
    with deployment.tally.check("what has seen more than the database has says so, and stops"):
        while not all(_refuses(replica) for replica in deployment.replicas):
            _send_order(deployment, desks[0], lines)
            told = [replica.health().get("parts") for replica in deployment.replicas]
            assert time.monotonic() < deadline, f"after {NOTICE_LIMIT_S} s: {told}"
    until = time.monotonic() + STALE_S
    while time.monotonic() < until:
        _send_order(deployment, desks[0], lines)
    with deployment.tally.check("nothing is acknowledged on a journal that lost data"):
        assert deployment.tally.lost == 0, f"{deployment.tally.lost} orders were acknowledged"


def _refuses(replica: Replica) -> bool:
    health = replica.health()
    return health.get("status") == "unavailable" and "DatabaseLostData" in health["parts"]["engine"]


def _send_order(deployment: Deployment, desk: Desk, lines: Sequence[Line]) -> None:
    for line in lines:
        try:
            status, _ = line.send("POST", "/trade/orders", new_attempt(desk, deployment.rng).body)
        except NoAnswer:
            continue
        deployment.tally.lost += status in (200, 201, 422)


def _go_on_anew(deployment: Deployment) -> None:
    """What an operator does who has decided to live without the tail: replicas that know nothing of it."""
    for replica in deployment.replicas:
        replica.kill()
    start_all(deployment.replicas)
    desks = deployment.new_desks()
    with deployment.trading(desks) as load:
        load.wait_for(TAIL)
    deployment.settle(desks)
    deployment.stop_replicas()
