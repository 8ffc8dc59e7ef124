"""Orders over the stream for the load generator: frames that are ready before the clock starts, and the least reading of answers.

Latencies are in seconds. IN_FLIGHT orders of a connection are under way at a time; what several answers set off is written
at once.
"""

import asyncio
import base64
import itertools
import json
import random
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.flow import draw
from benchmarks.load_rest import OPEN_LIMIT
from benchmarks.measured import Measured

IN_FLIGHT = 16
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_ADDED = b'{"method":"add_order"'
_REQUEST = b'"req_id":'

now = time.perf_counter


class StreamConnection(asyncio.Protocol):
    """Keeps IN_FLIGHT orders under way until ``end``. ``done`` is set when all are answered."""

    def __init__(self, token: str, measured: Measured, seed: int, *, ready: int) -> None:
        self.measured = measured
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self._rng = random.Random(seed)
        frames = self._draw(token)
        self._orders = itertools.chain([next(frames) for _ in range(ready)], frames)
        self._cancel = self._frame(_TEXT, f'{{"method":"cancel_all","params":{{"token":"{token}"}}}}'.encode())
        self._end = 0.0
        self._sent: dict[int, float] = {}
        self._open_orders = 0
        self._number = 0
        self._begun = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        key = base64.b64encode(self._rng.randbytes(16))
        self._transport.write(
            b"GET /stream HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: %b\r\n\r\n" % key
        )

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self.opened, self.done):
            if not future.done():
                future.set_exception(exc or ConnectionResetError("the server closed a connection"))

    def begin(self, end: float) -> None:
        self._end = end
        self._transport.write(b"".join(self._next_order() for _ in range(IN_FLIGHT)))

    def data_received(self, data: bytes) -> None:
        if self._begun:
            data = self._begun + data
        at = 0
        if not self.opened.done():
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self._begun = data
                return
            if data[9:12] != b"101":
                raise ConnectionError(data[:at].decode())
            self.opened.set_result(None)
        replies: list[bytes] = []
        while (end := _end_of_frame(data, at)) <= len(data):
            self._take(data, at, end, replies)
            at = end
        self._begun = data[at:]
        if replies:
            self._transport.write(b"".join(replies))
        if self._number and not self._sent:
            self.done.set_result(None)
            self._transport.close()

    def _take(self, data: bytes, at: int, end: int, replies: list[bytes]) -> None:
        """One frame of the server: ``data`` from ``at`` to ``end``. What it is answered with goes to ``replies``."""
        kind, start = data[at] & 15, at + _head_bytes(data[at + 1])
        if kind == _PING:
            replies.append(self._frame(_PONG, data[start:end]))
        elif kind == _CLOSE:
            raise ConnectionError(f"the server closed the stream: {data[start:end]!r}")
        elif kind == _TEXT and data.startswith(_ADDED, start):
            self._answered(data, start, end, replies)

    def _answered(self, data: bytes, start: int, end: int, replies: list[bytes]) -> None:
        moment = now()
        number = data.find(_REQUEST, start, end) + len(_REQUEST)
        since = self._sent.pop(int(data[number : end - 1]))
        if data.find(b'"success":true', start, end) > 0:
            self.measured.latencies_s.append(moment - since)
            self._open_orders += data.find(b'"order_status":"open"', start, end) > 0
        else:
            self.measured.other[json.loads(data[start:end])["code"]] += 1
        if self._open_orders >= OPEN_LIMIT:
            self._open_orders = 0
            replies.append(self._cancel)
        if moment < self._end:
            replies.append(self._next_order())

    def _next_order(self) -> bytes:
        self._number += 1
        self._sent[self._number] = now()
        return next(self._orders)

    def _draw(self, token: str) -> Iterator[bytes]:
        for number in itertools.count(1):
            order = draw(self._rng)
            text = (
                f'{{"method":"add_order","params":{{"symbol":"BTC/USD","side":"{order.side}","order_type":"limit",'
                f'"limit_price":{order.price},"order_qty":{order.quantity},'
                f'"time_in_force":"{order.time_in_force.lower()}","token":"{token}"}},"req_id":{number}}}'
            )
            yield self._frame(_TEXT, text.encode())

    def _frame(self, kind: int, payload: bytes) -> bytes:
        """A frame of RFC 6455, whole and masked, as a client's must be."""
        mask, length = self._rng.randbytes(4), len(payload)
        head = bytes((0x80 | kind, 0x80 | length)) if length < 126 else b"%c\xfe%b" % (0x80 | kind, length.to_bytes(2))
        pad = int.from_bytes((mask * (length // 4 + 1))[:length])
        return head + mask + (int.from_bytes(payload) ^ pad).to_bytes(length)


def _head_bytes(length: int) -> int:
    """Of a frame that is not masked, by its second byte."""
    return 2 if length < 126 else 4 if length == 126 else 10


def _end_of_frame(data: bytes, at: int) -> int:
    """Where the frame that begins there ends; beyond the data if its head is not all here yet."""
    if len(data) < at + 2:
        return len(data) + 1
    length = data[at + 1]
    head = _head_bytes(length)
    return at + head + (length if head == 2 else int.from_bytes(data[at + 2 : at + head]))
