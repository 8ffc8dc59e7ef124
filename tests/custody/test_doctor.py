"""What `manage.py doctor` says of nodes, signers and addresses that are not what the settings say."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from exchange.doctor import custody
from funding import stops
from funding.models import Alarm
from tests.doctor.said import examined, only, settings_of
from tests.fixtures import Database

from .stage import Stage
from .worlds import SimulatedWorld

HERE = "bitcoin:regtest"


@pytest.fixture
def named(simulated_stage: Stage) -> Iterator[Stage]:
    """Whose node is in the settings."""
    with override_settings(FUNDING_NODES={HERE: simulated_stage.world.target}):
        yield simulated_stage


def test_a_node_that_is_followed_is_said_to_be(named: Stage, database: Database) -> None:
    named.watcher.round()
    _, findings = examined(database.url, FUNDING_NODES=f"{HERE}={named.world.target}")
    assert settings_of(findings) == {"clock"}, "the stage's journal has a clock of its own"
    says = " ".join(finding.says for finding in findings)
    assert f"The node of {HERE}, version" in says and f"{HERE} is followed to its tip" in says


def test_a_node_of_another_chain_an_old_one_and_one_that_still_reads_are_said(named: Stage) -> None:
    with override_settings(FUNDING_NODES={"bitcoin:testnet": named.world.target}):
        assert f"serves {HERE}" in only(custody.nodes()).says
        assert "no node of it is named" in next(custody.wallets()).says
    with override_settings(FUNDING_NODES={"bitcoin:main": named.world.target}):
        assert "bitcoin:mainnet" in only(custody.nodes()).fix
    assert "10000000 is the oldest" in only(custody.nodes(10_000_000)).says
    assert isinstance(named.world, SimulatedWorld)
    named.world.simulated.is_synced = False
    assert "still reads its chain" in only(custody.nodes(), "warning").says


def test_a_node_or_signer_that_does_not_answer_is_said(named: Stage, tmp_path: Path) -> None:
    nowhere = f"unix:{tmp_path}/none.sock"
    with override_settings(FUNDING_NODES={HERE: nowhere}, FUNDING_SIGNERS={HERE: nowhere}):
        assert "does not answer" in only(custody.nodes()).says
        assert only(custody.signers()).setting == "FUNDING_SIGNERS"
    with override_settings(FUNDING_NODES={}, FUNDING_SIGNERS={HERE: nowhere}):
        assert "no node of it in FUNDING_NODES" in next(custody.signers()).says
    with override_settings(FUNDING_NODES={HERE: "node.example:1"}, FUNDING_SIGNERS={HERE: "signer.example:1"}):
        assert only(custody.nodes()).setting == only(custody.signers()).setting == "FUNDING_TLS_*"


def test_a_chain_that_is_not_followed_is_said(named: Stage) -> None:
    assert "not yet to its tip" in only(custody.wallets()).says


def test_cold_addresses_of_another_chain_are_said(named: Stage) -> None:
    ours, main = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    with override_settings(COLD_ADDRESSES={"BTC": main}):
        assert "an address of bitcoin:mainnet" in only(custody.cold_addresses()).says
    with override_settings(COLD_ADDRESSES={"BTC": ours, "LTC": "x"}):
        assert "no deposit wallet of LTC" in only(custody.cold_addresses(), "warning").says


def test_what_waits_for_a_person_is_said(named: Stage) -> None:
    stops.stop("BTC", "books and coins differ.", now=named.now())
    Alarm.objects.create(subject="one", words="look at it", raised_at=named.now())
    findings = list(custody.stops())
    assert "resume_withdrawals BTC" in only(findings).fix and settings_of(findings, "warning") == {"alarms"}


def test_real_coins_behind_a_demo_and_test_coins_behind_real_money_are_said() -> None:
    with override_settings(FUNDING_NODES={"bitcoin:mainnet": "unix:/none"}):
        assert only(custody.real_chains()).setting == "DJANGO_SETTINGS_MODULE"
    with override_settings(FUNDING_NODES={HERE: "unix:/none"}, DEMO=False):
        assert only(custody.real_chains(), "warning").setting == "FUNDING_NODES"
