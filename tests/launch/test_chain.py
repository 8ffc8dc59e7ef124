"""The demo's chain: its key is for the signer alone, what was chosen stays, and nothing that was shown is lost by a kill."""

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.errors import NodeFailure
from bitcoind_proxy.mining import MinerClient
from bitcoind_proxy.proto.node_pb2 import Tip
from exchange.launch.chain import CHAIN, DemoChain, node_children, prepare_chain
from exchange.launch.child import Child
from exchange.launch.configuration import Configuration, read_configuration
from exchange.launch.refusal import Refusal
from funding.descriptors import change_of, checked
from funding.signer.client import SignerClient, SignerFailure
from tests.custody.worlds import LITECOIND
from tests.server import wait_until

START_LIMIT_S = 60.0
ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    (tmp_path / "log").mkdir()
    return read_configuration({"KONTOR_STATE": str(tmp_path)})


def prepare(configuration: Configuration) -> DemoChain:
    return prepare_chain(configuration, say=lambda words: None)


def test_the_private_key_is_the_signers_alone(configuration: Configuration) -> None:
    prepare(configuration)
    state = configuration.state_dir
    keys, wallet = state / "signer" / "keys", state / "chain" / "wallet"
    assert keys.read_text().startswith("wpkh([")
    assert "tprv" in keys.read_text()
    assert keys.read_text().strip().endswith("/<0;1>/*)")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (keys, keys.parent)] == [0o600, 0o700]
    assert "prv" not in wallet.read_text()
    assert checked(wallet.read_text(), CHAIN).partition("#")[0] == wallet.read_text().strip()
    files = (keys, wallet, state / "signer" / "policy.toml", state / "signer" / "record")
    before = [file.read_bytes() for file in files]
    demo = prepare(configuration)
    assert [file.read_bytes() for file in files] == before
    signer = demo.children[-1]
    signer.start()
    try:
        with SignerClient(demo.signer, timeout_s=2.0) as client:
            (descriptor,) = wait_until(lambda: wallets(client), limit_s=START_LIMIT_S, what="the signer answers")
        assert change_of(wallet.read_text().strip()).partition("#")[0] == descriptor.replace("/<0;1>/*", "/1/*")
    finally:
        signer.stop(limit_s=START_LIMIT_S, hurried=lambda: False)
        demo.sockets.close()


def test_a_lost_record_is_not_begun_anew(configuration: Configuration) -> None:
    prepare(configuration)
    (configuration.state_dir / "signer" / "record").unlink()
    signer = prepare(configuration).children[-1]
    signer.start()
    try:
        wait_until(lambda: not signer.is_running(), limit_s=START_LIMIT_S, what="the signer refuses")
        assert "there is no record" in signer.log.read_text()
    finally:
        signer.stop(limit_s=START_LIMIT_S, hurried=lambda: False)


def wallets(client: SignerClient) -> list[str]:
    try:
        return list(client.wallets().descriptors)
    except SignerFailure:
        return []


def test_what_the_first_start_chose_stays(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert prepare(configuration).kind == "simulated"
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/bitcoind")
    assert prepare(configuration).kind == "simulated"
    (configuration.state_dir / "chain" / "kind").unlink()
    found = prepare(configuration)
    assert (found.kind, [child.name for child in found.children]) == (
        "regtest",
        ["the node", "the node's sidecar", "the signer"],
    )
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Refusal, match="bitcoind was on PATH"):
        prepare(configuration)


def test_custody_can_be_left_out_or_be_on_nodes_of_ones_own() -> None:
    assert read_configuration({}).with_custody
    assert not read_configuration({"CUSTODY": "off"}).with_custody
    assert not read_configuration({"FUNDING_NODES": "bitcoin:regtest=unix:/run/mine.sock"}).with_custody


@pytest.fixture
def children(configuration: Configuration) -> Iterator[list[Child]]:
    running: list[Child] = []
    yield running
    for child in reversed(running):
        child.stop(limit_s=START_LIMIT_S, hurried=lambda: False)


@pytest.mark.parametrize(
    "program",
    ["simulated", pytest.param("litecoind", marks=pytest.mark.skipif(not LITECOIND.exists(), reason="not here"))],
)
def test_a_killed_chain_has_every_block_that_was_shown(
    configuration: Configuration, children: list[Child], program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    demo = prepare(configuration)
    if program == "simulated":
        children += demo.children
    else:
        home = configuration.state_dir / "chain"
        options = (LITECOIND, "litecoin:regtest", home, demo.target, "-vbparams=mweb:-2:0")
        children += node_children(configuration, *options)
    with ChainClient(demo.target, timeout_s=2.0) as node, MinerClient(demo.target) as miner:
        for child in children:
            child.start()
        started = tip(node)
        mined = miner.mine_blocks(2)
        assert mined.tip_height >= started.height + 2
        if program == "simulated":
            txid = miner.pay_address(ADDRESS, 50_000)
        for child in children:
            child.sweep()
    with ChainClient(demo.target, timeout_s=2.0) as node:
        for child in children:
            wait_until(lambda child=child: not child.is_running(), what="the end of the child")  # type: ignore[misc]
            child.start()
        tip(node)
        assert node.block_hash(mined.tip_height) == mined.tip_hash
        if program == "simulated":
            assert node.mempool() == {txid}


def test_a_chain_deep_in_the_file_system_is_reached(tmp_path: Path, children: list[Child]) -> None:
    state = tmp_path / ("deep" * 20) / ("deeper" * 20)
    (state / "log").mkdir(parents=True)
    demo = prepare(read_configuration({"KONTOR_STATE": str(state)}))
    socket_dir = Path(demo.target.removeprefix("unix:")).parent
    children += demo.children
    for child in children:
        child.start()
    with ChainClient(demo.target, timeout_s=2.0) as node:
        assert tip(node).chain == CHAIN
    demo.sockets.close()
    assert not socket_dir.exists()


def tip(node: ChainClient) -> Tip:
    def answers() -> Tip | None:
        try:
            return node.tip()
        except NodeFailure:
            return None

    found = wait_until(answers, limit_s=START_LIMIT_S, what="the chain answers")
    assert isinstance(found, Tip)
    return found
