"""The web worker: gunicorn's, with uvicorn inside. One event loop, one engine thread, beside it the projector's process."""

import os
import socket
import sys
from asyncio import BaseTransport
from collections.abc import Callable
from typing import Any, ClassVar

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn_worker import UvicornWorker
from websockets import frames
from websockets.http11 import Request
from websockets.protocol import OPEN

from trading.stream import ABORT, NOTICE, WRITE

from .serving import SERVER_PID

SWITCH_INTERVAL_S = 0.0005
"""How long a thread may keep the interpreter from others. The engine thread waits for the database twice a batch, and
each time it comes back while the event loop is busy, all callers wait for it; Python's own 5 ms are too long for that."""


UNSENT_LIMIT = 16 * 1024
"""Bytes that the kernel takes for a peer beyond what is on its way, before the peer counts as one that does not read."""
CLOSE_GOING_AWAY = 1001
CLOSE_LIMIT_S = 3.0
READ_AHEAD = 64
"""Messages of a peer that are taken before the application has had the first; then nothing more is read until it has all."""
_WHOLE_TEXT, _MASKED = 0x81, 0x80
apply_mask: Callable[[bytes, bytes], bytes] = frames.apply_mask  # type: ignore[attr-defined]


class StreamProtocol(WebSocketsSansIOProtocol):
    """Says that the server goes away, and 1001, when it stops. Cuts off who does not read even that, whom the application
    cuts off, and who does not answer pings: a transport that is closed waits for ever for a peer that does not read.
    Whole text frames, which nearly all are, are read here; the library reads all others.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._begun = b""
        """The beginning of a frame whose end has not come yet."""
        self._is_left_to_library = False

    def data_received(self, data: bytes) -> None:
        """The library gets whole frames, so that it is never in the middle of one when the next is read here."""
        if not hasattr(self, "scope"):
            return super().data_received(data)  # the handshake
        if self._is_left_to_library or self.conn.state is not OPEN:
            self._is_left_to_library = True
            data, self._begun = self._begun + data, b""
            return super().data_received(data) if data else None
        data, at = self._begun + data, 0
        while (bounds := _payload_of_frame(data, at)) is not None:
            start, stop = bounds
            if stop - start > self.config.ws_max_size:
                self._is_left_to_library, self._begun = True, b""
                return super().data_received(data[at:])  # it refuses the frame without waiting for its end
            if stop > len(data):
                break
            if data[at] != _WHOLE_TEXT or not self._take_text(data[at:stop], start - at):
                super().data_received(data[at:stop])
            at = stop
        self._begun = data[at:]
        if not self.read_paused and self.queue.qsize() >= READ_AHEAD:
            self.read_paused = True
            self.transport.pause_reading()

    def _take_text(self, frame: bytes, start: int) -> bool:
        """Hands a whole text message to the application; False if the library is to judge it."""
        is_good = self.conn.state is OPEN and not self.close_sent and self.conn.current_size is None
        if not is_good or not frame[1] & _MASKED:
            return False
        try:
            text = apply_mask(frame[start:], frame[start - 4 : start]).decode()
        except UnicodeDecodeError:
            return False
        self.queue.put_nowait({"type": "websocket.receive", "text": text})
        return True

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


def _payload_of_frame(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame that begins there starts and stops; None if its head is not all here."""
    if len(data) < at + 2:
        return None
    length = data[at + 1] & 0x7F
    extended = 2 if length == 126 else 8 if length == 127 else 0
    start = at + 2 + extended + (4 if data[at + 1] & _MASKED else 0)
    if len(data) < start:
        return None
    if extended:
        length = int.from_bytes(data[at + 2 : at + 2 + extended])
    return start, start + length


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
        os.environ[SERVER_PID] = str(self.ppid)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        super().init_process()
