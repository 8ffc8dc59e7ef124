"""One connection to the stream: its bounded outbox, its subscriptions, the principals it has proven."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from accounts.authentication import Principal
from trading.api.http import Send

OUTBOX_LIMIT = 2000
"""Messages that may wait for a slow reader; beyond it the connection is closed with SLOW_READER."""
CLOSE_SESSION_ENDED = 4001
CLOSE_SLOW_READER = 4008
CLOSE_TOO_LARGE = 1009
CLOSE_GOING_AWAY = 1001


class Client:
    """Used on the event loop only. ``write`` runs as a task of its own, so that a slow reader delays nobody else."""

    def __init__(self, send: Send, address: str) -> None:
        self.address = address
        self.principals: dict[str, Principal] = {}
        self.last_sent = time.monotonic()
        self.in_flight = 0
        self.close_code: int | None = None
        self._send = send
        self._outbox: deque[str] = deque()
        self._filled = asyncio.Event()
        self._placing: dict[str, asyncio.Event] = {}

    def post(self, text: str) -> None:
        """Queues a message; a client whose outbox is full is closed instead."""
        if self.close_code is not None:
            return
        if len(self._outbox) >= OUTBOX_LIMIT:
            self.close(CLOSE_SLOW_READER)
            return
        self._outbox.append(text)
        self._filled.set()

    def close(self, code: int) -> None:
        """Ends the connection. What waits is dropped for a slow reader, sent to others."""
        if self.close_code is None:
            self.close_code = code
            if code == CLOSE_SLOW_READER:
                self._outbox.clear()
            self._filled.set()

    @contextmanager
    def placing(self, client_order_id: str | None) -> Iterator[None]:
        """While an order is under way; ``placed`` waits for its end."""
        if client_order_id is None:
            yield
            return
        done = self._placing[client_order_id] = asyncio.Event()
        try:
            yield
        finally:
            done.set()
            if self._placing.get(client_order_id) is done:
                del self._placing[client_order_id]

    async def placed(self, client_order_id: str) -> None:
        """Waits until no order of this client order id is under way, so that one sent before its cancel is found."""
        while (done := self._placing.get(client_order_id)) is not None:
            await done.wait()

    async def write(self) -> None:
        """Sends what is posted, in order, until the connection is closed."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._outbox:
                await self._send({"type": "websocket.send", "text": self._outbox.popleft()})
                self.last_sent = time.monotonic()
            if self.close_code is not None:
                await self._send({"type": "websocket.close", "code": self.close_code})
                return
