"""The web worker: gunicorn's, with uvicorn inside. One event loop, one engine thread, one projector thread."""

import socket
import sys
from asyncio import BaseTransport
from typing import Any, ClassVar

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn_worker import UvicornWorker
from websockets.http11 import Request

from trading.stream import ABORT, NOTICE, WRITE

SWITCH_INTERVAL_S = 0.0005
"""How long a thread may keep the interpreter from others. The engine thread waits for the database twice a batch, and
each time it comes back while the event loop is busy, all callers wait for it; Python's own 5 ms are too long for that."""


UNSENT_LIMIT = 16 * 1024
"""Bytes that the kernel takes for a peer beyond what is on its way, before the peer counts as one that does not read."""
CLOSE_GOING_AWAY = 1001
CLOSE_LIMIT_S = 3.0


class StreamProtocol(WebSocketsSansIOProtocol):
    """Says that the server goes away, and 1001, when it stops. Cuts off who does not read even that, whom the application
    cuts off, and who does not answer pings: a transport that is closed waits for ever for a peer that does not read.
    """

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # type: ignore[attr-defined]
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_LIMIT)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"] |= {ABORT: self.abort, WRITE: self.write_frame}  # type: ignore[dict-item]

    def abort(self) -> None:
        if not self.disconnected:
            self.transport.abort()

    def write_frame(self, frame: bytes) -> bool:
        """Nothing is written to a peer that does not read, nor after a close."""
        is_open = self.handshake_complete and not self.close_sent and not self.disconnected
        if not is_open or not self.writable.is_set() or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(CLOSE_LIMIT_S, self.abort)

    def shutdown(self) -> None:
        if not self.handshake_complete or self.close_sent:
            return super().shutdown()
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": CLOSE_GOING_AWAY})
        if notice := self.app_state.get(NOTICE):
            self.conn.send_text(notice().encode())
        self.conn.send_close(CLOSE_GOING_AWAY)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()
        self.loop.call_later(CLOSE_LIMIT_S, self.abort)


class Worker(UvicornWorker):  # type: ignore[misc]
    """Refuses WebSocket frames beyond 64 KiB; no compression, which would cost more than the orders do."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": "exchange.http:HttpProtocol",
        "ws": StreamProtocol,
        "timeout_graceful_shutdown": 5,
        "ws_max_size": 64 * 1024,
        "ws_per_message_deflate": False,
        "lifespan": "on",
        "server_header": False,
        "timeout_keep_alive": 75,
    }

    def init_process(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        super().init_process()
