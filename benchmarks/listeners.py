"""Readers of the stream in a process of their own: ``python -m benchmarks.listeners reading|stalled PORT COUNT``.

Says "ready" when all have subscribed to a book. Those that read note how long after its event each message came, and when a line
comes on standard input all is told in one line of JSON. Those that are stalled read nothing after their handshake.
"""

import asyncio
import base64
import datetime as dt
import json
import os
import socket
import sys
import time
from itertools import islice

import uvloop

SUBSCRIBE = b'{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10}}'
OPENING_AT_ONCE = 200
STAMP = b'"timestamp":"'
STAMP_LENGTH = len("2026-11-20T12:00:00.000000Z")
UPDATE = b'"type":"update"'
BOOK = b'{"channel":"book"'
HEAD_LENGTH = 40
PING = 0x89


def handshake(port: int) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def frame(payload: bytes) -> bytes:
    """A text frame of less than 126 bytes, masked with zeros."""
    return bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload


class Readers:
    """What all readers saw. ``delays_us`` of the updates of books; ``memo`` of timestamps, which all readers see alike."""

    def __init__(self) -> None:
        self.delays_us: list[int] = []
        self.lost = 0
        self.memo: dict[bytes, int] = {}

    def note(self, stamp: bytes) -> None:
        at_us = self.memo.get(stamp)
        if at_us is None:
            at = dt.datetime.fromisoformat(stamp.decode())
            at_us = self.memo[stamp] = int(at.timestamp()) * 1_000_000 + at.microsecond
        self.delays_us.append(time.time_ns() // 1000 - at_us)

    def report(self) -> dict[str, float]:
        ordered = sorted(self.delays_us)
        count = len(ordered)
        quantiles = (
            {name: ordered[int(count * share)] / 1000 for name, share in (("p50", 0.5), ("p99", 0.99))} if count else {}
        )
        return {"delivered": count, "lost": self.lost, **quantiles, "max": ordered[-1] / 1000 if count else 0}


class Reader(asyncio.Protocol):
    """One connection: reads frames, answers pings."""

    def __init__(self, port: int, readers: Readers, subscribed: asyncio.Event) -> None:
        self._port, self._readers, self._subscribed = port, readers, subscribed
        self._is_open = False
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(handshake(self._port))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if not self._is_open:
            self._is_open = True
            data = data[data.index(b"\r\n\r\n") + 4 :]
            self._transport.write(frame(SUBSCRIBE))  # type: ignore[attr-defined]
        data, at = self._rest + data, 0
        while (found := _frame_at(data, at)) is not None:
            start, end = found
            if data[at] == PING:
                self._transport.write(bytes((0x8A, 0x80 | end - start, 0, 0, 0, 0)) + data[start:end])  # type: ignore[attr-defined]
            elif UPDATE in data[start : start + HEAD_LENGTH] and data.startswith(BOOK, start):
                stamp = data.index(STAMP, start) + len(STAMP)
                self._readers.note(data[stamp : stamp + STAMP_LENGTH])
            elif not self._subscribed.is_set() and data.startswith(BOOK, start):
                self._subscribed.set()
            at = end
        self._rest = data[at:]

    def connection_lost(self, error: Exception | None) -> None:
        self._readers.lost += 1


def _frame_at(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame begins and ends; None if it is not whole yet."""
    if len(data) < at + 4:
        return None
    length, start = data[at + 1], at + 2
    if length == 126:
        length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
    return None if len(data) < start + length else (start, start + length)


async def read(port: int, count: int) -> None:
    loop, readers = asyncio.get_running_loop(), Readers()

    async def open_one() -> None:
        subscribed = asyncio.Event()
        await loop.create_connection(lambda: Reader(port, readers, subscribed), "127.0.0.1", port)
        await subscribed.wait()

    opening = (open_one() for _ in range(count))
    while some := list(islice(opening, OPENING_AT_ONCE)):
        await asyncio.gather(*some)
    readers.delays_us.clear()
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    print(json.dumps(readers.report()), flush=True)


def stall(port: int, count: int) -> None:
    sockets = []
    for _ in range(count):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        one.connect(("127.0.0.1", port))
        one.sendall(handshake(port))
        while b"\r\n\r\n" not in one.recv(4096):
            pass
        one.sendall(frame(SUBSCRIBE))
        sockets.append(one)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps({"sockets": len(sockets)}), flush=True)


if __name__ == "__main__":
    kind, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if kind == "stalled":
        stall(port, count)
    else:
        uvloop.run(read(port, count))
