"""`manage.py watch_custody` as a process: woken by blocks, killed without mercy, stopped by a signal; and the sidecar's own."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.errors import NodeFailure, Refused
from bitcoind_proxy.mining import MinerClient
from funding.models import DepositWallet
from tests.fixtures import ROOT, Database, manage
from tests.server import wait_until

from .stage import SMALL, Stage, public_descriptor, words_of
from .worlds import NodeWorld

WAIT_S = 90.0


@contextlib.contextmanager
def watching(stage: Stage, database: Database) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {
        **os.environ,
        "DATABASE_URL": database.url,
        "FUNDING_NODES": f"{stage.world.chain}={stage.world.target}",
    }
    process = subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "watch_custody", "deposits"], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(stage: Stage, state: str) -> None:
    states = list[str]()

    def reached() -> bool:
        stage.books.catch_up()
        states[:] = stage.states()
        return states == [state]

    try:
        wait_until(reached, limit_s=WAIT_S, what=state)
    except AssertionError as error:
        steps = [words for deposit in stage.deposits() for words in words_of(deposit)]
        raise AssertionError(f"{error}, but {states}: {steps}") from None


def test_a_killed_watcher_goes_on_where_it_was(simulated_stage: Stage, database: Database) -> None:
    stage = simulated_stage
    stage.pay((stage.address(), SMALL))
    with watching(stage, database) as process:
        until(stage, "seen")
        stage.world.mine()
        process.send_signal(signal.SIGKILL)
        process.wait()
    with watching(stage, database) as process:
        until(stage, "credited")
        stage.world.reorganise(1)
        until(stage, "reversed")
        process.send_signal(signal.SIGKILL)
        process.wait()
    stage.world.mine()
    with watching(stage, database) as process:
        until(stage, "credited")
        process.terminate()
        assert process.wait(WAIT_S) == 0
    assert stage.balance() == SMALL
    stage.check_books()


def test_people_add_a_wallet_by_a_command(simulated_stage: Stage, database: Database) -> None:
    stage = simulated_stage
    chain, nodes = stage.world.chain, f"{stage.world.chain}={stage.world.target}"
    descriptor = public_descriptor(chain, 1_000_000)
    added = manage("add_deposit_wallet", "BTC", chain, descriptor, url=database.url, FUNDING_NODES=nodes)
    assert "BTC is deposited on bitcoin:regtest" in added.stdout
    assert DepositWallet.objects.filter(is_active=True).count() == 1
    for arguments, words in (
        (("BTC", chain, descriptor), "is known already"),
        (("BTC", chain, "wpkh(nothing)"), "no descriptor"),
        (("BTC", "litecoin:regtest", descriptor), "FUNDING_NODES does not have litecoin:regtest"),
        (("XYZ", chain, descriptor), "has none for XYZ"),
    ):
        refused = manage("add_deposit_wallet", *arguments, url=database.url, check=False, FUNDING_NODES=nodes)
        assert refused.returncode != 0
        assert words in refused.stderr
    assert manage("resume_deposits", chain, url=database.url, check=False).returncode != 0


@contextlib.contextmanager
def sidecar(node_world: NodeWorld, target: str, **more: str) -> Iterator["subprocess.Popen[bytes]"]:
    user, password = node_world.rpc.credentials()
    environment = {
        **os.environ,
        "BITCOIND_CHAIN": node_world.chain,
        "BITCOIND_RPC": f"{node_world.rpc.host}:{node_world.rpc.port}",
        "BITCOIND_RPC_USER": user,
        "BITCOIND_RPC_PASSWORD": password,
        "BITCOIND_PROXY_LISTEN": target,
        **more,
    }
    with subprocess.Popen([sys.executable, "-m", "bitcoind_proxy"], env=environment, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.terminate()


def await_node(node: ChainClient, chain: str) -> None:
    def serves() -> bool:
        with contextlib.suppress(NodeFailure):
            return node.tip().chain == chain
        return False

    wait_until(serves, limit_s=WAIT_S, what="the sidecar serves")


def test_the_sidecar_serves_a_node_and_ends_at_a_signal(node_world: NodeWorld, tmp_path: Path) -> None:
    target = f"unix:{tmp_path}/sidecar.sock"
    with sidecar(node_world, target) as process, ChainClient(target, timeout_s=2.0) as node:
        await_node(node, node_world.chain)
        with MinerClient(target) as miner, pytest.raises(Refused):
            miner.mine_blocks(1)
        process.terminate()
        assert process.wait(WAIT_S) == 0


def test_on_regtest_the_sidecar_mines_and_pays(node_world: NodeWorld, tmp_path: Path) -> None:
    target = f"unix:{tmp_path}/sidecar.sock"
    wallet = {"BITCOIND_MINER_WALLET": "demo", "BITCOIND_BLOCK_INTERVAL_S": "1"}
    with (
        sidecar(node_world, target, **wallet),
        ChainClient(target, timeout_s=2.0) as node,
        MinerClient(target) as miner,
    ):
        await_node(node, node_world.chain)
        height = node.tip().height
        wait_until(lambda: node.tip().height > height, limit_s=WAIT_S, what="a block by itself")
        before = miner.mine_blocks(1).tip_height
        assert miner.mine_blocks(3).tip_height >= before + 3
        txid = miner.pay_address(node_world.ask("getnewaddress"), SMALL)
        miner.mine_blocks(1)
        assert node_world.ask("gettransaction", txid)["confirmations"] > 0
