"""The exchange's side of the signer.

SignerFailure
├── SignerUnreachable    no answer: ask again with the same PSBT, which gives the same transaction
└── SignerRefused        it answered no, in words
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import grpc

from bitcoind_proxy.wire import WireClient

from .policy import ShownPayment
from .proto import signer_pb2 as pb
from .proto import signer_pb2_grpc as rpc

T = TypeVar("T")
_PASSES = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)


class SignerFailure(Exception):
    """The signer did not sign."""


class SignerUnreachable(SignerFailure):
    """Nobody knows whether it signed."""


class SignerRefused(SignerFailure):
    """It said no, and why."""


class SignerClient(WireClient):
    """Asks one signer."""

    stub_class = rpc.SignerStub

    def wallets(self) -> pb.Wallets:
        answer: pb.Wallets = self._ask(
            lambda signer: signer.GetWallets(pb.GetWalletsRequest(), timeout=self._timeout_s)
        )
        return answer

    def sign(
        self,
        *,
        chain: str,
        purpose: pb.Purpose,
        psbt: bytes,
        anchor: tuple[str, int],
        payments: Sequence[ShownPayment] = (),
    ) -> pb.Signed:
        """``anchor``: (txid, vout). Raises SignerFailure."""
        request = pb.SignRequest(
            chain=chain,
            purpose=purpose,
            psbt=psbt,
            anchor_txid=anchor[0],
            anchor_vout=anchor[1],
            payments=[
                pb.Payment(
                    withdrawal_id=one.withdrawal_id,
                    script=one.script,
                    amount_sats=one.amount_sats,
                    requester=one.requester,
                    approvers=one.approvers,
                )
                for one in payments
            ],
        )
        answer: pb.Signed = self._ask(lambda signer: signer.Sign(request, timeout=self._timeout_s))
        return answer

    def _ask(self, call: Callable[[Any], T]) -> T:
        try:
            return call(self._stub)
        except grpc.RpcError as error:
            code = error.code()
            words = f"the signer: {error.details() or code.name.lower()}"
            raise (SignerUnreachable if code in _PASSES else SignerRefused)(words) from error
