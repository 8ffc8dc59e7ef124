"""The asking side of gRPC, for all clients here. Any thread; nothing is ever asked twice by itself.

A channel that was made before a fork does not work after it, so each process makes its own when it first asks.
"""

import os
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import grpc

from .tls import TlsFiles

TIMEOUT_S = 30.0
_OPTIONS = (("grpc.enable_retries", 0), ("grpc.max_receive_message_length", 16 * 1024 * 1024))


@dataclass(frozen=True, slots=True)
class _Made:
    process: int
    channel: grpc.Channel
    stub: Any


class WireClient:
    """``target``: `unix:/path` or `host:port` with ``tls``."""

    stub_class: ClassVar[Any]

    def __init__(self, target: str, tls: TlsFiles | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        self._target = target
        self._tls = tls
        self._timeout_s = timeout_s
        self._made: _Made | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._made is not None and self._made.process == os.getpid():
            self._made.channel.close()
        self._made = None

    @property
    def _stub(self) -> Any:
        if self._made is None or self._made.process != os.getpid():
            channel = self._channel()
            self._made = _Made(os.getpid(), channel, type(self).stub_class(channel))
        return self._made.stub

    def _channel(self) -> grpc.Channel:
        if self._tls is None:
            return grpc.insecure_channel(self._target, options=_OPTIONS)
        credentials = grpc.ssl_channel_credentials(
            self._tls.authority.read_bytes(), self._tls.key.read_bytes(), self._tls.certificate.read_bytes()
        )
        return grpc.secure_channel(self._target, credentials, options=_OPTIONS)
