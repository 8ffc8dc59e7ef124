"""The exchange's side of the signer. Any thread; nothing is ever asked twice by itself.

SignerFailure
├── SignerUnreachable    no answer: ask again with the same PSBT, which gives the same transaction
└── SignerRefused        it answered no, in words
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import grpc

from bitcoind_proxy.tls import TlsFiles

from .policy import ShownPayment
from .proto import signer_pb2 as pb
from .proto import signer_pb2_grpc as rpc

T = TypeVar("T")
TIMEOUT_S = 30.0
_PASSES = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)


class SignerFailure(Exception):
    """The signer did not sign."""


class SignerUnreachable(SignerFailure):
    """Nobody knows whether it signed."""


class SignerRefused(SignerFailure):
    """It said no, and why."""


@dataclass(frozen=True, slots=True)
class _Stub:
    process: int
    channel: grpc.Channel
    signer: Any


class SignerClient:
    """``target``: `unix:/path` or `host:port` with ``tls``."""

    def __init__(self, target: str, tls: TlsFiles | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        self._target = target
        self._tls = tls
        self._timeout_s = timeout_s
        self._made: _Stub | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._made is not None and self._made.process == os.getpid():
            self._made.channel.close()
        self._made = None

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
            return call(self._stub().signer)
        except grpc.RpcError as error:
            code = error.code()
            words = f"the signer: {error.details() or code.name.lower()}"
            raise (SignerUnreachable if code in _PASSES else SignerRefused)(words) from error

    def _stub(self) -> _Stub:
        if self._made is None or self._made.process != os.getpid():
            channel = self._channel()
            self._made = _Stub(os.getpid(), channel, rpc.SignerStub(channel))
        return self._made

    def _channel(self) -> grpc.Channel:
        options = (("grpc.enable_retries", 0),)
        if self._tls is None:
            return grpc.insecure_channel(self._target, options=options)
        credentials = grpc.ssl_channel_credentials(
            self._tls.authority.read_bytes(), self._tls.key.read_bytes(), self._tls.certificate.read_bytes()
        )
        return grpc.secure_channel(self._target, credentials, options=options)
