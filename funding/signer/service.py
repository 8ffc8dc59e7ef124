"""The gRPC service: a request is read, judged by the policy, written down, then signed. One request at a time."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import grpc

from bitcoind_proxy.networks import Network

from .keys import KeyRing
from .policy import Denied, Policy, ShownPayment, allow_home, allow_sweep, allow_withdrawals
from .proposal import NotReadable, Proposal, read_proposal, sign
from .proto import signer_pb2 as pb
from .proto import signer_pb2_grpc as rpc
from .record import Record, Signing

log = logging.getLogger("signer")


def now_us() -> int:
    return time.time_ns() // 1000


class SignerService(rpc.SignerServicer):
    def __init__(
        self, network: Network, keys: KeyRing, policy: Policy, record: Record, clock: Callable[[], int] = now_us
    ) -> None:
        self._network = network
        self._keys = keys
        self._policy = policy
        self._record = record
        self._clock = clock
        self._lock = threading.Lock()

    def GetWallets(self, request: pb.GetWalletsRequest, context: grpc.ServicerContext) -> pb.Wallets:
        return pb.Wallets(chain=self._network.chain, descriptors=self._keys.public_descriptors())

    def Sign(self, request: pb.SignRequest, context: grpc.ServicerContext) -> pb.Signed:
        try:
            with self._lock:
                return self._sign(request)
        except NotReadable as error:
            log.warning("not readable: %s", error)
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Denied as error:
            log.warning("denied: %s", error)
            context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
        except Exception:  # a library's message may quote what it was given
            log.error("a request failed; nothing was signed")
            context.abort(grpc.StatusCode.INTERNAL, "the signer failed; nothing was signed")
        raise AssertionError("abort came back")

    def _sign(self, request: pb.SignRequest) -> pb.Signed:
        if request.chain != self._network.chain:
            raise Denied(f"the keys are of {self._network.chain}, not of {request.chain}")
        proposal = read_proposal(request.psbt, self._keys)
        signing = self._judge(request, proposal)
        if not self._record.knows(proposal.txid):
            self._record.write(signing, at_us=self._clock())
            log.info("%s of %s: %s, fee %s", signing.purpose, proposal.txid, signing.words, signing.fee_sats)
        return pb.Signed(txid=proposal.txid, transaction=sign(proposal, self._keys))

    def _judge(self, request: pb.SignRequest, proposal: Proposal) -> Signing:
        anchor, shown = f"{request.anchor_txid}:{request.anchor_vout}", _shown(request.payments)
        if request.purpose == pb.WITHDRAWALS:
            return allow_withdrawals(self._policy, self._record, proposal, shown, anchor=anchor, now_us=self._clock())
        if shown:
            raise Denied("only withdrawals pay what is shown")
        if request.purpose == pb.HOME:
            return allow_home(self._policy, self._record, proposal, anchor=anchor, now_us=self._clock())
        if request.purpose == pb.SWEEP:
            return allow_sweep(self._policy, self._record, proposal, anchor=anchor, now_us=self._clock())
        raise Denied("there is no such purpose")


def _shown(payments: Sequence[pb.Payment]) -> list[ShownPayment]:
    return [
        ShownPayment(
            withdrawal_id=one.withdrawal_id,
            script=one.script,
            amount_sats=one.amount_sats,
            requester=one.requester,
            approvers=tuple(one.approvers),
        )
        for one in payments
    ]
