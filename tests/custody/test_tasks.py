"""Celery's tasks do what the loops do: each is one round, and a worker with a beat carries a deposit by itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from funding import tasks
from funding.models import Withdrawal
from funding.payout_models import Reconciliation
from tests.chaos.redis import Redis
from tests.fixtures import ROOT, Database
from tests.server import wait_until

from .stage import SMALL
from .till import Till

WAIT_S = 60.0


@pytest.fixture
def chain(simulated_till: Till, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    chain = simulated_till.world.chain
    monkeypatch.setattr(settings, "FUNDING_NODES", {chain: simulated_till.world.target})
    monkeypatch.setattr(settings, "FUNDING_SIGNERS", {chain: f"unix:{tmp_path}/signer.sock"})
    tasks._watcher.cache_clear()
    tasks._payer.cache_clear()
    return chain


def test_a_withdrawal_goes_all_its_way_by_tasks_alone(simulated_till: Till, chain: str) -> None:
    till = simulated_till
    till.fund(10**8)
    till.request(10**6)

    def states() -> list[str]:
        for task, arguments in ((tasks.read_chain, (chain,)), (tasks.hold_withdrawals, ()), (tasks.pay, (chain,))):
            assert task(*arguments)
            assert task(*arguments)  # once more does nothing else
            till.books.catch_up()
        return till.withdrawals()

    assert states() == ["approved"] or states() == ["broadcast"]
    till.world.mine(2)
    while states() != ["settled"]:
        assert Withdrawal.objects.get().state in ("approved", "signed", "broadcast", "mined", "settling")
        till.world.mine()
    assert tasks.reconcile(chain)
    assert Reconciliation.objects.get().differences == ""
    assert till.received() == till.owed()


def test_a_task_whose_node_does_not_answer_leaves_it_to_the_next(simulated_till: Till, chain: str) -> None:
    simulated_till.fund(10**8)
    settings.FUNDING_NODES[chain] = "unix:/nowhere"
    settings.FUNDING_SIGNERS[chain] = "unix:/nowhere"
    simulated_till.request(10**6)
    assert tasks.hold_withdrawals()
    assert not tasks.read_chain(chain)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_a_worker_with_a_beat_credits_a_deposit(simulated_till: Till, database: Database, tmp_path: Path) -> None:
    till = simulated_till
    with Redis() as redis:
        environment = {
            **os.environ,
            "DATABASE_URL": database.url,
            "REDIS_URL": redis.url,
            "FUNDING_NODES": f"{till.world.chain}={till.world.target}",
        }
        command = [sys.executable, "-m", "celery", "-A", "exchange", "worker", "--beat", "--pool", "solo"]
        command += ["--schedule", str(tmp_path / "beat"), "--loglevel", "WARNING"]
        worker = subprocess.Popen(command, cwd=ROOT, env=environment)
        try:
            till.pay((till.address(), SMALL))
            till.world.mine(3)

            def credited() -> bool:
                till.books.catch_up()
                return till.states() == ["credited"]

            wait_until(credited, limit_s=WAIT_S, what=f"credited, but {till.states()}")
            worker.terminate()
            assert worker.wait(WAIT_S) == 0
        finally:
            worker.kill()
            worker.wait()
    assert till.balance() == SMALL
