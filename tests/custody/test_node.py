"""The contract of the sidecar, in every world: what is asked of a chain, and how its failures come back."""

from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from bitcoind_proxy.checks import WrongNode, check
from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.errors import InvalidQuestion, NotFound, OutcomeUnknown, Refused, Unreachable, from_call
from bitcoind_proxy.networks import NETWORKS
from bitcoind_proxy.proto import node_pb2 as pb
from bitcoind_proxy.proto import node_pb2_grpc as rpc
from bitcoind_proxy.rpc import Rpc
from tests.server import free_port

from .worlds import WALLET, NodeWorld, World, client

NOWHERE = "ab" * 32


@pytest.fixture
def node(any_world: World) -> Iterator[ChainClient]:
    with client(any_world) as node:
        yield node


def test_the_tip_is_a_block_with_a_header_below_which_the_one_before_is(node: ChainClient, any_world: World) -> None:
    any_world.mine(2)
    tip = node.tip()
    assert (tip.chain, tip.genesis_hash) == (any_world.chain, NETWORKS[any_world.chain].genesis_hash)
    assert tip.is_synced
    assert node.block_hash(tip.height) == tip.block_hash
    assert node.block_hash(0) == tip.genesis_hash
    header = node.header(tip.block_hash)
    assert (header.height, header.is_in_active_chain) == (tip.height, True)
    assert header.previous_hash == node.block_hash(tip.height - 1)


def test_a_block_tells_all_its_outputs_and_which_are_new_coins(node: ChainClient, any_world: World) -> None:
    any_world.mine()
    outputs = node.block_outputs(node.tip().block_hash)
    assert outputs
    assert all(output.is_coinbase for output in outputs)
    assert sum(output.amount_sats for output in outputs) > 0


def test_a_stale_block_is_known_and_not_in_the_active_chain(node: ChainClient, any_world: World) -> None:
    any_world.mine()
    stale = node.tip().block_hash
    any_world.reorganise(1)
    header = node.header(stale)
    assert not header.is_in_active_chain
    assert node.block_hash(header.height) != stale


def test_what_is_unknown_or_makes_no_sense_is_said_as_such(node: ChainClient) -> None:
    with pytest.raises(NotFound):
        node.block_hash(node.tip().height + 1)
    with pytest.raises(NotFound):
        node.header(NOWHERE)
    with pytest.raises(NotFound):
        node.mempool_entry(NOWHERE)
    with pytest.raises((InvalidQuestion, Refused)):
        node.send(b"no transaction")
    assert node.mempool_outputs({NOWHERE}) == []


def test_an_output_is_unspent_from_its_block_on_until_another_spends_it(node: ChainClient, any_world: World) -> None:
    any_world.mine()
    (coin, *_) = [one for one in node.block_outputs(node.tip().block_hash) if one.amount_sats]
    point = (coin.txid, coin.vout)
    found = node.unspent([point, (coin.txid, 9), (NOWHERE, 0)])
    assert set(found) == {point}
    assert (found[point].amount_sats, found[point].script) == (coin.amount_sats, coin.script)
    any_world.reorganise(1)
    assert node.unspent([point]) == {}


def test_the_next_tip_is_told_to_who_watches(node: ChainClient, any_world: World) -> None:
    tips = node.watch_tip()
    first = next(tips)
    any_world.mine()
    assert next(tips).height == first.height + 1
    tips.close()  # type: ignore[attr-defined]


def test_a_call_without_a_deadline_is_refused(any_world: World) -> None:
    with grpc.insecure_channel(any_world.target) as channel, pytest.raises(grpc.RpcError) as raised:
        rpc.ChainStub(channel).GetTip(pb.GetTipRequest())
    assert isinstance(from_call(raised.value), InvalidQuestion)


def test_the_server_says_that_it_is_healthy_and_what_it_serves(any_world: World) -> None:
    with grpc.insecure_channel(any_world.target) as channel:
        asked = health_pb2.HealthCheckRequest()
        answer = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        (listed,) = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([request]), timeout=5)
    assert "kontor.bitcoind.Chain" in {one.name for one in listed.list_services_response.service}


def test_nobody_there_has_an_unknown_outcome() -> None:
    with ChainClient("unix:/nonexistent.sock", timeout_s=0.5) as nobody, pytest.raises(OutcomeUnknown):
        nobody.tip()


# What only a node has


def test_a_payment_goes_from_psbt_to_block_and_may_be_sent_twice(node_world: NodeWorld) -> None:
    """Fund, sign, finalize, send, send again, bump: what withdrawals are made of."""
    with grpc.insecure_channel(node_world.target) as channel, client(node_world) as node:
        wallet = rpc.WalletStub(channel)
        to = node_world.ask("getnewaddress")
        payment = pb.Payment(address=to, amount_sats=12_345_678)
        funded = wallet.CreatePsbt(
            pb.CreatePsbtRequest(wallet=WALLET, payments=[payment], fee_sats_per_kvbyte=20_000), timeout=30
        )
        with pytest.raises(grpc.RpcError) as raised:
            wallet.FinalizePsbt(pb.FinalizePsbtRequest(psbt=funded.psbt), timeout=30)
        assert isinstance(from_call(raised.value), Refused)
        signed = wallet.ProcessPsbt(pb.ProcessPsbtRequest(wallet=WALLET, psbt=funded.psbt, sign=True), timeout=30)
        final = wallet.FinalizePsbt(pb.FinalizePsbtRequest(psbt=signed.psbt), timeout=30)
        assert node.send(final.transaction).txid == final.txid
        assert node.send(final.transaction).txid == final.txid
        assert node.mempool_entry(final.txid).fee_sats == funded.fee_sats
        bumped = wallet.BumpFee(
            pb.BumpFeeRequest(wallet=WALLET, txid=final.txid, fee_sats_per_kvbyte=60_000), timeout=30
        )
        assert (bumped.old_fee_sats, bumped.new_fee_sats > funded.fee_sats) == (funded.fee_sats, True)
        node_world.mine()
        again = node.send(final.transaction)
        assert (again.txid, again.was_known) == (final.txid, True)


def test_a_wallet_that_was_not_named_is_out_of_reach(node_world: NodeWorld) -> None:
    with grpc.insecure_channel(node_world.target) as channel, pytest.raises(grpc.RpcError) as raised:
        rpc.WalletStub(channel).ProcessPsbt(pb.ProcessPsbtRequest(wallet="other", psbt="", sign=True), timeout=5)
    assert isinstance(from_call(raised.value), InvalidQuestion)


def test_a_wrong_node_is_refused_in_words(node_world: NodeWorld) -> None:
    other = NETWORKS["bitcoin:regtest" if node_world.chain.startswith("litecoin") else "litecoin:regtest"]
    with pytest.raises(WrongNode, match="the first block of the node is"):
        check(node_world.rpc, other)
    with pytest.raises(WrongNode, match="the node is on 'regtest', but BITCOIND_CHAIN says bitcoin:mainnet"):
        check(node_world.rpc, NETWORKS["bitcoin:mainnet"])
    with pytest.raises(WrongNode, match="has not loaded the wallet"):
        check(node_world.rpc, NETWORKS[node_world.chain], ("none",))
    with pytest.raises(Refused, match="does not accept our user and password"):
        check(Rpc(node_world.rpc.host, node_world.rpc.port, lambda: ("a", "b:/@%41")), NETWORKS[node_world.chain])
    with pytest.raises(Unreachable):
        check(Rpc("127.0.0.1", free_port(), lambda: ("a", "b")), NETWORKS[node_world.chain])
