"""The gRPC server: services, health, reflection; on a unix socket, or on TCP with mutual TLS and nothing else."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from .service import WATCHERS, ChainService, MinerService, WalletService, registrations
from .tls import UNIX, TlsFiles

THREADS = 8 + WATCHERS
CALLS_AT_ONCE = 64
"""More are refused with RESOURCE_EXHAUSTED."""
STOP_GRACE_S = 5.0


class CannotListen(Exception):
    """The server may or can not listen there. The message says why."""


class NodeServer:
    """Serves from ``start`` to ``stop``. Raises CannotListen."""

    def __init__(
        self,
        chain: ChainService,
        wallets: WalletService | None = None,
        miner: MinerService | None = None,
        *,
        listen: str,
        tls: TlsFiles | None = None,
        interceptors: Sequence[grpc.ServerInterceptor] = (),
    ) -> None:
        self._chain = chain
        self._health = health.HealthServicer()
        self._server = grpc.server(
            ThreadPoolExecutor(THREADS, thread_name_prefix="node"),
            interceptors=list(interceptors),
            maximum_concurrent_rpcs=CALLS_AT_ONCE,
            options=(("grpc.so_reuseport", 0),),
        )
        names = [health.SERVICE_NAME, reflection.SERVICE_NAME]
        for name, add in registrations(chain, wallets, miner):
            add(self._server)
            names.append(name)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(names, self._server)
        self.port = self._bind(listen, tls)

    def _bind(self, listen: str, tls: TlsFiles | None) -> int:
        """The port, 1 for a unix socket."""
        try:
            if listen.startswith(UNIX):
                return self._server.add_insecure_port(listen)
            if tls is None:
                raise CannotListen(f"{listen} is no unix socket: that takes mutual TLS, see BITCOIND_PROXY_TLS_*")
            return self._server.add_secure_port(
                listen,
                grpc.ssl_server_credentials(
                    [(tls.key.read_bytes(), tls.certificate.read_bytes())],
                    root_certificates=tls.authority.read_bytes(),
                    require_client_auth=True,
                ),
            )
        except (RuntimeError, OSError) as error:
            raise CannotListen(f"{listen}: {error}") from error

    def start(self) -> None:
        self._server.start()
        self.say_healthy(True)

    def say_healthy(self, is_healthy: bool) -> None:
        serving = health_pb2.HealthCheckResponse.SERVING
        self._health.set("", serving if is_healthy else health_pb2.HealthCheckResponse.NOT_SERVING)

    def stop(self) -> None:
        self._health.enter_graceful_shutdown()
        self._chain.stop()
        self._server.stop(STOP_GRACE_S).wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
