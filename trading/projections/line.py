"""The line between a serving process and the process that writes for it: what goes over it, and the writer's end of it.

One socket. To the writer go frames: their length in four bytes, the kind in one, the content. Back come reports, a line of
JSON each. The end of what comes in means that nothing follows: what is there is written, and no more. A line on which
nobody is left means that the serving process is gone.
"""

import contextlib
import select
import socket
import struct
from collections.abc import Iterable

import msgspec

from trading.applied import Packed, unpack
from trading.engine.commands import DefineMarket

BATCH_EVENTS = 2000
RECEIVE_BYTES = 1 << 20

_HEAD = struct.Struct("<Ic")
BEGINNING, MARKETS, EVENTS, HURRY = b"B", b"M", b"E", b"H"


class Beginning(msgspec.Struct, frozen=True):
    """The first frame: which database, how much is logged."""

    conninfo: str
    log_level: int


class Report(msgspec.Struct, frozen=True):
    """How far the read models are and whether this writer leads; ``error``: the kind of what has ended it, ``reason`` in words."""

    seq: int
    leads: bool
    error: str | None = None
    reason: str = ""


def frame(kind: bytes, content: bytes = b"") -> bytes:
    return _HEAD.pack(len(content), kind) + content


def beginning(conninfo: str, log_level: int) -> bytes:
    return frame(BEGINNING, msgspec.json.encode(Beginning(conninfo, log_level)))


def markets(definitions: Iterable[DefineMarket]) -> bytes:
    return frame(MARKETS, msgspec.json.encode(list(definitions)))


HURRIED = frame(HURRY)
"""Somebody waits. Always the last of what is sent at a time."""


class Line:
    """The writer's end. ``hurried``: somebody waits, and not everything that came was taken yet."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = bytearray()
        self._has_ended = False
        self.hurried = False
        self.markets: list[DefineMarket] = []
        """Markets that were listed before the events that are taken next. Whoever reads them empties the list."""
        self._abandoned = select.poll()
        self._abandoned.register(connection, 0)

    def begin(self) -> Beginning | None:
        """Waits for the first frame; None if it never comes."""
        found = self._next(waits=True)
        return None if found is None else msgspec.json.decode(found[1], type=Beginning)

    def take(self) -> list[Packed] | None:
        """Waits for events, and takes all that are there, up to BATCH_EVENTS or a little more; None at the end."""
        batch: list[Packed] = []
        while len(batch) < BATCH_EVENTS:
            found = self._next(waits=not batch)
            if found is None:
                self.hurried = False
                return batch or None
            kind, content = found
            if kind == EVENTS:
                batch += unpack(content)
            elif kind == MARKETS:
                self.markets += msgspec.json.decode(content, type=list[DefineMarket])
            elif kind == HURRY:
                self.hurried = True
        return batch

    def report(self, report: Report) -> None:
        """Whether anybody hears it is seen elsewhere."""
        with contextlib.suppress(OSError):
            self._connection.sendall(msgspec.json.encode(report) + b"\n")

    def wait(self, timeout_s: float) -> None:
        """Waits until the time is over, or somebody begins to wait."""
        heard = [] if self._has_ended else [self._connection]
        if select.select(heard, [], [], timeout_s)[0]:
            self._receive(waits=False)
            self.hurried = self.hurried or self._received.endswith(HURRIED)

    def is_abandoned(self, within_s: float) -> bool:
        """Waits until the time is over, whatever comes in, or the serving process is gone; which of them."""
        return bool(self._abandoned.poll(within_s * 1000))

    def _next(self, *, waits: bool) -> tuple[bytes, bytes] | None:
        """The kind and the content of the next frame; None if there is none, or at the end."""
        while (found := self._whole_frame()) is None:
            if self._has_ended or not self._receive(waits=waits):
                return None
        return found

    def _whole_frame(self) -> tuple[bytes, bytes] | None:
        if len(self._received) < _HEAD.size:
            return None
        length, kind = _HEAD.unpack_from(self._received)
        end = _HEAD.size + length
        if len(self._received) < end:
            return None
        content = bytes(memoryview(self._received)[_HEAD.size : end])
        del self._received[:end]
        return kind, content

    def _receive(self, *, waits: bool) -> bool:
        """Takes what came in; False if nothing did."""
        try:
            data = self._connection.recv(RECEIVE_BYTES, 0 if waits else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # the other end was closed with something unread in it
        self._received += data
        self._has_ended = not data
        return True
