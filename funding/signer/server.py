"""The signer's gRPC server, on a unix socket that only its user and group reach, or on TCP with mutual TLS and nothing else."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from bitcoind_proxy.tls import UNIX, TlsFiles

from .proto import signer_pb2_grpc as rpc
from .service import SignerService

THREADS = 4
CALLS_AT_ONCE = 16
SOCKET_MODE = 0o660
STOP_GRACE_S = 5.0


class CannotListen(Exception):
    """The server may or can not listen there. The message says why."""


class SignerServer:
    """Serves from ``start`` to ``stop``. Raises CannotListen."""

    def __init__(
        self,
        service: SignerService,
        *,
        listen: str,
        tls: TlsFiles | None = None,
        interceptors: Sequence[grpc.ServerInterceptor] = (),
    ) -> None:
        self._listen = listen
        self._server = grpc.server(
            ThreadPoolExecutor(THREADS, thread_name_prefix="signer"),
            interceptors=list(interceptors),
            maximum_concurrent_rpcs=CALLS_AT_ONCE,
            options=(("grpc.so_reuseport", 0),),
        )
        rpc.add_SignerServicer_to_server(service, self._server)
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._bind(tls)

    def _bind(self, tls: TlsFiles | None) -> None:
        try:
            if self._listen.startswith(UNIX):
                self._server.add_insecure_port(self._listen)
            elif tls is None:
                raise CannotListen(f"{self._listen} is no unix socket: that takes mutual TLS, see SIGNER_TLS_*")
            else:
                self._server.add_secure_port(
                    self._listen,
                    grpc.ssl_server_credentials(
                        [(tls.key.read_bytes(), tls.certificate.read_bytes())],
                        root_certificates=tls.authority.read_bytes(),
                        require_client_auth=True,
                    ),
                )
        except (RuntimeError, OSError) as error:
            raise CannotListen(f"{self._listen}: {error}") from error

    def start(self) -> None:
        self._server.start()
        if self._listen.startswith(UNIX):
            Path(self._listen.removeprefix(UNIX)).chmod(SOCKET_MODE)
        self._health.set("", health_pb2.HealthCheckResponse.SERVING)

    def stop(self) -> None:
        self._health.enter_graceful_shutdown()
        self._server.stop(STOP_GRACE_S).wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
