"""The exchange's side of the sidecar. Failures come back as those of ``errors``."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import grpc

from .errors import from_call
from .proto import node_pb2 as pb
from .proto import node_pb2_grpc as rpc
from .service import TXIDS_PER_QUESTION
from .wire import WireClient

T = TypeVar("T")

MANY = 4
"""So many times as long may it take to give all outputs of a block."""


class ChainClient(WireClient):
    """Asks about one chain."""

    stub_class = rpc.ChainStub

    def tip(self) -> pb.Tip:
        answer: pb.Tip = self._ask(lambda chain: chain.GetTip(pb.GetTipRequest(), timeout=self._timeout_s))
        return answer

    def block_hash(self, height: int) -> str:
        """Raises NotFound above the tip."""
        request = pb.GetBlockHashRequest(height=height)
        return str(self._ask(lambda chain: chain.GetBlockHash(request, timeout=self._timeout_s)).block_hash)

    def header(self, block_hash: str) -> pb.Header:
        request = pb.GetHeaderRequest(block_hash=block_hash)
        answer: pb.Header = self._ask(lambda chain: chain.GetHeader(request, timeout=self._timeout_s))
        return answer

    def block_outputs(self, block_hash: str) -> list[pb.Output]:
        """All of them or a failure, never a part."""
        request = pb.GetBlockOutputsRequest(block_hash=block_hash)
        return self._ask(lambda chain: _all(chain.GetBlockOutputs(request, timeout=MANY * self._timeout_s)))

    def mempool(self) -> set[str]:
        return set(self._ask(lambda chain: chain.ListMempool(pb.ListMempoolRequest(), timeout=self._timeout_s)).txids)

    def mempool_outputs(self, txids: Iterable[str]) -> list[pb.Output]:
        """The outputs of those that still wait."""
        wanted, found = sorted(txids), list[pb.Output]()
        for start in range(0, len(wanted), TXIDS_PER_QUESTION):
            request = pb.GetMempoolOutputsRequest(txids=wanted[start : start + TXIDS_PER_QUESTION])
            found += self._mempool_part(request)
        return found

    def _mempool_part(self, request: pb.GetMempoolOutputsRequest) -> list[pb.Output]:
        return self._ask(lambda chain: _all(chain.GetMempoolOutputs(request, timeout=MANY * self._timeout_s)))

    def mempool_entry(self, txid: str) -> pb.MempoolEntry:
        """Raises NotFound for one that does not wait."""
        request = pb.GetMempoolEntryRequest(txid=txid)
        answer: pb.MempoolEntry = self._ask(lambda chain: chain.GetMempoolEntry(request, timeout=self._timeout_s))
        return answer

    def fee_sats_per_kvbyte(self, target_blocks: int) -> int:
        """Raises UnavailableEstimate."""
        request = pb.EstimateFeeRequest(target_blocks=target_blocks)
        return int(self._ask(lambda chain: chain.EstimateFee(request, timeout=self._timeout_s)).fee_sats_per_kvbyte)

    def unspent(self, points: Iterable[tuple[str, int]]) -> dict[tuple[str, int], pb.Output]:
        """Those of the outputs, (txid, vout), that are unspent in the active chain."""
        wanted, found = sorted(points), dict[tuple[str, int], pb.Output]()
        for start in range(0, len(wanted), TXIDS_PER_QUESTION):
            part = wanted[start : start + TXIDS_PER_QUESTION]
            request = pb.GetUnspentRequest(points=[pb.OutPoint(txid=txid, vout=vout) for txid, vout in part])
            found |= {(output.txid, output.vout): output for output in self._unspent_part(request)}
        return found

    def _unspent_part(self, request: pb.GetUnspentRequest) -> list[pb.Output]:
        return self._ask(lambda chain: list(chain.GetUnspent(request, timeout=MANY * self._timeout_s).outputs))

    def send(self, transaction: bytes) -> pb.SentTransaction:
        """After OutcomeUnknown send the same bytes again: they are one transaction, however often they are sent."""
        request = pb.SendTransactionRequest(transaction=transaction)
        answer: pb.SentTransaction = self._ask(lambda chain: chain.SendTransaction(request, timeout=self._timeout_s))
        return answer

    def watch_tip(self) -> Iterator[pb.Tip]:
        """Each new tip, for ever. Raises NodeFailure when the wire breaks; closing the client ends it too."""
        try:
            yield from self._stub.WatchTip(pb.WatchTipRequest())
        except grpc.RpcError as error:
            raise from_call(error) from error

    def _ask(self, call: Callable[[Any], T]) -> T:
        try:
            return call(self._stub)
        except grpc.RpcError as error:
            raise from_call(error) from error


def _all(messages: Iterable[pb.Outputs]) -> list[pb.Output]:
    return [output for message in messages for output in message.outputs]
