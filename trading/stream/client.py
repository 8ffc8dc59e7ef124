"""One connection to the stream: its bounded outbox, the principals it has proven, how it is ended."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Protocol

from accounts.authentication import Principal
from trading.api.http import Send

from .shapes import Channel

Subscription = tuple[Channel, str | int, Hashable]
"""Channel, market or account, and which of several feeds of it."""
OUTBOX_LIMIT = 2000
OUTBOX_LIMIT_BYTES = 8 * 1024 * 1024
"""Messages, and characters in them, that may wait for a slow reader; beyond either the connection is closed with 4008."""
CLOSE_LIMIT_S = 10.0
"""How long a connection that is being closed may take to read what it was sent; then it is cut off."""
CLOSE_SESSION_ENDED = 4001
CLOSE_SLOW_READER = 4008
CLOSE_SILENT = 4009
CLOSE_TOO_LARGE = 1009
CLOSE_GOING_AWAY = 1001


class Source(Protocol):
    """What a client that has fallen behind is to be sent next; nothing once it has all."""

    def missed(self, client: "Client") -> list[str]: ...


class Client:
    """Used on the event loop only. ``write`` runs as a task of its own, so that a slow reader delays nobody else.

    ``write_frame`` writes a frame to a peer that keeps up, so that the task need not run for it; None if the server cannot.
    ``abort`` cuts the connection off without asking its peer; None if the server cannot.
    ``armed``: accounts whose orders are cancelled when the connection ends. ``silence_limit_s``: taken for lost after that.
    """

    def __init__(
        self,
        send: Send,
        abort: Callable[[], None] | None = None,
        write_frame: Callable[[bytes], bool] | None = None,
        address: str = "",
        *,
        is_krakens: bool = False,
    ) -> None:
        self.address = address
        self.is_krakens = is_krakens
        """It came to the address of Kraken's clients, some of which stumble over a snapshot of no trades."""
        self.principals: dict[str, Principal] = {}
        self.last_sent = self.last_heard = time.monotonic()
        self.in_flight = 0
        self.not_begun = 0
        """Those of them whose tasks have not run yet: nothing that came later may go before them."""
        self.subscriptions: set[Subscription] = set()
        self.close_code: int | None = None
        self.armed: set[int] = set()
        self.silence_limit_s: float | None = None
        self._send = send
        self._abort = abort
        self._write_frame = write_frame
        self._is_sending = False
        self._outbox: deque[str] = deque()
        self._behind: dict[Source, None] = {}
        """Where it has fallen behind, in that order."""
        self._waiting = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._placing: dict[str, asyncio.Event] = {}

    def answer(self, payload: bytes) -> None:
        """Queues a message that nobody else hears."""
        if not self.write_at_once(frame(payload)):
            self._queue(payload.decode())

    def post(self, text: str) -> None:
        """Queues a message; a client whose outbox is full is closed instead."""
        if not self.write_at_once(frame_of(text)):
            self._queue(text)

    def _queue(self, text: str) -> None:
        """Keeps for the task what could not be written at once."""
        if len(self._outbox) >= OUTBOX_LIMIT or self._waiting > OUTBOX_LIMIT_BYTES:
            self.close(CLOSE_SLOW_READER)
            return
        self._outbox.append(text)
        self._waiting += len(text)
        self._filled.set()

    def write_at_once(self, frames: bytes) -> bool:
        """Writes frames if nothing waits and the peer takes what it is sent; whether that is done. A closed one takes all."""
        if self.close_code is not None:
            return True
        if self._outbox or self._is_sending or self._write_frame is None or not self._write_frame(frames):
            return False
        self.last_sent = time.monotonic()
        return True

    def fall_behind(self, source: Source) -> None:
        """Asks the source for what was missed, once its peer can take more."""
        self._behind[source] = None
        self._filled.set()

    async def room(self) -> None:
        """Waits until the outbox is empty or the connection is being closed, for who has much to post at once."""
        await asyncio.sleep(0)  # what was written goes out, and is found to be too much if it is
        while self._outbox and self.close_code is None:
            self._emptied.clear()
            await self._emptied.wait()

    def close(self, code: int) -> None:
        """Ends the connection. What waits is dropped for a slow reader, sent to others; who reads neither is cut off."""
        if self.close_code is None:
            self.close_code = code
            if code == CLOSE_SLOW_READER:
                self._outbox.clear()
                self._behind.clear()
                self._waiting = 0
            self._filled.set()
            self._emptied.set()
            self.cut_off_later()

    def cut_off_later(self) -> None:
        """After CLOSE_LIMIT_S the connection is gone, whatever its peer does. Nothing happens if it is by then."""
        if self._abort is not None:
            asyncio.get_running_loop().call_later(CLOSE_LIMIT_S, self._abort)

    @contextmanager
    def placing(self, client_order_ids: list[str]) -> Iterator[None]:
        """While orders are under way; ``placed`` waits for their end."""
        done = self.begin_placing(client_order_ids)
        try:
            yield
        finally:
            self.end_placing(client_order_ids, done)

    def begin_placing(self, client_order_ids: list[str]) -> asyncio.Event:
        """The same for who cannot hold a context; to be given to ``end_placing``."""
        done = asyncio.Event()
        self._placing.update((name, done) for name in client_order_ids)
        return done

    def end_placing(self, client_order_ids: list[str], done: asyncio.Event) -> None:
        done.set()
        for name in client_order_ids:
            if self._placing.get(name) is done:
                del self._placing[name]

    async def placed(self, client_order_id: str) -> None:
        """Waits until no order of this client order id is under way, so that one sent before its cancel is found."""
        while (done := self._placing.get(client_order_id)) is not None:
            await done.wait()

    async def write(self) -> None:
        """Sends what is posted, in order, until the connection is closed."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            self._is_sending = True
            while texts := self._next_texts():
                for text in texts:
                    await self._send({"type": "websocket.send", "text": text})
                    self.last_sent = time.monotonic()
            self._is_sending = False
            self._emptied.set()
            if self.close_code is not None:
                await self._send({"type": "websocket.close", "code": self.close_code})
                return

    def _next_texts(self) -> list[str]:
        """What was posted comes before what was missed: a snapshot before the updates that follow it."""
        if self._outbox:
            text = self._outbox.popleft()
            self._waiting -= len(text)
            return [text]
        for source in list(self._behind):
            if texts := source.missed(self):
                return texts
            del self._behind[source]
        return []


@lru_cache(maxsize=16)
def frame_of(text: str) -> bytes:
    """A message as a frame, the same for all who hear it."""
    return frame(text.encode())


def frame(payload: bytes) -> bytes:
    """A text message as a frame of RFC 6455: whole, not masked."""
    length = len(payload)
    if length < 126:
        return bytes((0x81, length)) + payload
    if length < 1 << 16:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload
