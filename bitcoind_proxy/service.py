"""The gRPC services over a chain and its wallets: deadlines, failures, streams. Runs in the threads of the gRPC server.

A chain is a real node (``core_node``) or a simulated one (``simulator``); both are served by the same code.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar

import grpc

from .errors import InvalidQuestion, NodeFailure, abort
from .proto import miner_pb2, miner_pb2_grpc
from .proto import node_pb2 as pb
from .proto import node_pb2_grpc as rpc

T = TypeVar("T")

LONGEST_CALL_S = 120.0
NO_DEADLINE_S = 24 * 3600.0
"""gRPC says of a call without a deadline that ages remain."""
OUTPUTS_PER_MESSAGE = 2_000
TXIDS_PER_QUESTION = 1_000
BLOCKS_PER_CALL = 1_000
WATCH_POLL_S = 0.5
"""How often a watcher asks for the tip. ZMQ would save the polls, but not every node has it, and no answer relies on speed."""
WATCHERS = 8
"""Each holds a thread of the server."""


class ChainSource(Protocol):
    """What Chain needs. Raises NodeFailure. ``timeout_s`` bounds each question to the node."""

    def tip(self, timeout_s: float) -> pb.Tip: ...
    def block_hash(self, height: int, timeout_s: float) -> str: ...
    def header(self, block_hash: str, timeout_s: float) -> pb.Header: ...
    def block_outputs(self, block_hash: str, timeout_s: float) -> Sequence[pb.Output]: ...
    def mempool(self, timeout_s: float) -> list[str]: ...
    def mempool_outputs(self, txids: Iterable[str], timeout_s: float) -> Iterator[pb.Output]: ...
    def mempool_entry(self, txid: str, timeout_s: float) -> pb.MempoolEntry: ...
    def fee_estimate(self, target_blocks: int, timeout_s: float) -> int: ...
    def unspent(self, points: Iterable[pb.OutPoint], timeout_s: float) -> Iterator[pb.Output]: ...
    def send(self, transaction: bytes, timeout_s: float) -> pb.SentTransaction: ...


class WalletSource(Protocol):
    """What Wallet needs."""

    def create_psbt(
        self, wallet: str, payments: Sequence[pb.Payment], fee_sats_per_kvbyte: int, timeout_s: float
    ) -> pb.FundedPsbt: ...
    def process_psbt(self, wallet: str, psbt: str, sign: bool, timeout_s: float) -> pb.ProcessedPsbt: ...
    def finalize_psbt(self, psbt: str, timeout_s: float) -> pb.FinalTransaction: ...
    def bump_fee(self, wallet: str, txid: str, fee_sats_per_kvbyte: int, timeout_s: float) -> pb.BumpedPsbt: ...


class MinerSource(Protocol):
    """What Miner needs."""

    def pay_address(self, address: str, amount_sats: int, timeout_s: float) -> str: ...
    def mine_blocks(self, count: int, timeout_s: float) -> tuple[str, int]: ...


def _answer(context: grpc.ServicerContext, ask: Callable[[float], T]) -> T:
    """What ``ask`` gives within the caller's deadline; a NodeFailure ends the call."""
    try:
        return ask(_time_left_s(context))
    except NodeFailure as failure:
        abort(context, failure)


def _time_left_s(context: grpc.ServicerContext) -> float:
    left = context.time_remaining()
    if left is None or left > NO_DEADLINE_S:
        raise InvalidQuestion("give the call a deadline")
    return max(0.001, min(left, LONGEST_CALL_S))


def _in_messages(outputs: Iterable[pb.Output]) -> Iterator[pb.Outputs]:
    waiting = iter(outputs)
    while some := list(islice(waiting, OUTPUTS_PER_MESSAGE)):
        yield pb.Outputs(outputs=some)


class ChainService(rpc.ChainServicer):
    """``stop`` ends the watchers, so that the server can end."""

    def __init__(self, chain: ChainSource) -> None:
        self._chain = chain
        self._stopping = threading.Event()
        self._watchers = threading.BoundedSemaphore(WATCHERS)

    def stop(self) -> None:
        self._stopping.set()

    def GetTip(self, request: pb.GetTipRequest, context: grpc.ServicerContext) -> pb.Tip:
        return _answer(context, self._chain.tip)

    def GetBlockHash(self, request: pb.GetBlockHashRequest, context: grpc.ServicerContext) -> pb.BlockHash:
        return pb.BlockHash(block_hash=_answer(context, lambda left: self._chain.block_hash(request.height, left)))

    def GetHeader(self, request: pb.GetHeaderRequest, context: grpc.ServicerContext) -> pb.Header:
        return _answer(context, lambda left: self._chain.header(request.block_hash, left))

    def GetBlockOutputs(
        self, request: pb.GetBlockOutputsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.Outputs]:
        yield from _in_messages(_answer(context, lambda left: self._chain.block_outputs(request.block_hash, left)))

    def ListMempool(self, request: pb.ListMempoolRequest, context: grpc.ServicerContext) -> pb.MempoolTransactions:
        return pb.MempoolTransactions(txids=_answer(context, self._chain.mempool))

    def GetMempoolOutputs(
        self, request: pb.GetMempoolOutputsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.Outputs]:
        def ask(left: float) -> list[pb.Output]:
            if len(request.txids) > TXIDS_PER_QUESTION:
                raise InvalidQuestion(f"at most {TXIDS_PER_QUESTION} transactions in one question")
            return list(self._chain.mempool_outputs(request.txids, left))

        yield from _in_messages(_answer(context, ask))

    def GetMempoolEntry(self, request: pb.GetMempoolEntryRequest, context: grpc.ServicerContext) -> pb.MempoolEntry:
        return _answer(context, lambda left: self._chain.mempool_entry(request.txid, left))

    def EstimateFee(self, request: pb.EstimateFeeRequest, context: grpc.ServicerContext) -> pb.FeeEstimate:
        rate = _answer(context, lambda left: self._chain.fee_estimate(request.target_blocks, left))
        return pb.FeeEstimate(fee_sats_per_kvbyte=rate)

    def GetUnspent(self, request: pb.GetUnspentRequest, context: grpc.ServicerContext) -> pb.UnspentOutputs:
        def ask(left: float) -> pb.UnspentOutputs:
            if len(request.points) > TXIDS_PER_QUESTION:
                raise InvalidQuestion(f"at most {TXIDS_PER_QUESTION} outputs in one question")
            return pb.UnspentOutputs(outputs=self._chain.unspent(request.points, left))

        return _answer(context, ask)

    def SendTransaction(self, request: pb.SendTransactionRequest, context: grpc.ServicerContext) -> pb.SentTransaction:
        return _answer(context, lambda left: self._chain.send(request.transaction, left))

    def WatchTip(self, request: pb.WatchTipRequest, context: grpc.ServicerContext) -> Iterator[pb.Tip]:
        """The one call without a deadline: it lasts as long as the caller does."""
        if not self._watchers.acquire(blocking=False):
            abort(context, NodeFailureAtBound(f"{WATCHERS} watch already"))
        if not context.add_callback(self._watchers.release):
            self._watchers.release()  # the caller has gone already, and nobody would call back
            return
        last = ""
        while context.is_active() and not self._stopping.is_set():
            try:
                tip = self._chain.tip(LONGEST_CALL_S)
            except NodeFailure as failure:
                abort(context, failure)
            if tip.block_hash != last:
                last = tip.block_hash
                yield tip
            self._stopping.wait(WATCH_POLL_S)


class NodeFailureAtBound(NodeFailure):
    """There is no room for another of these calls."""

    kind, status = pb.REFUSED, grpc.StatusCode.RESOURCE_EXHAUSTED


class WalletService(rpc.WalletServicer):
    """``allowed``: the wallets of the configuration; a caller reaches no other that the node has loaded."""

    def __init__(self, wallets: WalletSource, allowed: tuple[str, ...]) -> None:
        self._wallets = wallets
        self._allowed = allowed

    def CreatePsbt(self, request: pb.CreatePsbtRequest, context: grpc.ServicerContext) -> pb.FundedPsbt:
        def ask(left: float) -> pb.FundedPsbt:
            if not request.payments or any(not payment.amount_sats for payment in request.payments):
                raise InvalidQuestion("there is nothing to pay")
            wallet = self._known(request.wallet)
            return self._wallets.create_psbt(wallet, request.payments, request.fee_sats_per_kvbyte, left)

        return _answer(context, ask)

    def ProcessPsbt(self, request: pb.ProcessPsbtRequest, context: grpc.ServicerContext) -> pb.ProcessedPsbt:
        return _answer(
            context,
            lambda left: self._wallets.process_psbt(self._known(request.wallet), request.psbt, request.sign, left),
        )

    def FinalizePsbt(self, request: pb.FinalizePsbtRequest, context: grpc.ServicerContext) -> pb.FinalTransaction:
        return _answer(context, lambda left: self._wallets.finalize_psbt(request.psbt, left))

    def BumpFee(self, request: pb.BumpFeeRequest, context: grpc.ServicerContext) -> pb.BumpedPsbt:
        return _answer(
            context,
            lambda left: self._wallets.bump_fee(
                self._known(request.wallet), request.txid, request.fee_sats_per_kvbyte, left
            ),
        )

    def _known(self, wallet: str) -> str:
        if wallet not in self._allowed:
            raise InvalidQuestion(f"the wallet {wallet!r} is not one of BITCOIND_WALLETS")
        return wallet


class MinerService(miner_pb2_grpc.MinerServicer):
    """For chains that are made at will alone, see ``mining``."""

    def __init__(self, miner: MinerSource) -> None:
        self._miner = miner

    def PayAddress(self, request: miner_pb2.PayAddressRequest, context: grpc.ServicerContext) -> miner_pb2.PaidAddress:
        def ask(left: float) -> miner_pb2.PaidAddress:
            if not request.address or not request.amount_sats:
                raise InvalidQuestion("there is nothing to pay")
            return miner_pb2.PaidAddress(txid=self._miner.pay_address(request.address, request.amount_sats, left))

        return _answer(context, ask)

    def MineBlocks(self, request: miner_pb2.MineBlocksRequest, context: grpc.ServicerContext) -> miner_pb2.MinedBlocks:
        def ask(left: float) -> miner_pb2.MinedBlocks:
            if not 0 < request.count <= BLOCKS_PER_CALL:
                raise InvalidQuestion(f"from 1 to {BLOCKS_PER_CALL} blocks in one call")
            tip_hash, tip_height = self._miner.mine_blocks(request.count, left)
            return miner_pb2.MinedBlocks(tip_hash=tip_hash, tip_height=tip_height)

        return _answer(context, ask)


Registration = tuple[str, Callable[[Any], None]]
"""A service's full name, and what adds it to a server."""


def registrations(chain: ChainService, wallets: WalletService | None, miner: MinerService | None) -> list[Registration]:
    services = pb.DESCRIPTOR.services_by_name
    found: list[Registration] = [
        (services["Chain"].full_name, lambda server: rpc.add_ChainServicer_to_server(chain, server))
    ]
    if wallets is not None:
        found.append((services["Wallet"].full_name, lambda server: rpc.add_WalletServicer_to_server(wallets, server)))
    if miner is not None:
        name = miner_pb2.DESCRIPTOR.services_by_name["Miner"].full_name
        found.append((name, lambda server: miner_pb2_grpc.add_MinerServicer_to_server(miner, server)))
    return found
