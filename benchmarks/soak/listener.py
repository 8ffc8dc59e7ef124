"""One connection to the stream. It hears everything in order, and can wait until it has heard all that was said so far."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from .findings import Findings

UNCUT = "no stream is cut off"
DRAIN_LIMIT_S = 30.0


class Listener:
    """``hear`` gets the text of every message of a channel, heartbeats aside."""

    def __init__(self, socket: ClientConnection, hear: Callable[[str], None], findings: Findings) -> None:
        self._socket = socket
        self._hear = hear
        self._findings = findings
        self._pong = asyncio.Event()
        self._ending = False
        self._task = asyncio.create_task(self._listen())

    @classmethod
    async def subscribe(
        cls, url: str, subscription: dict[str, Any], hear: Callable[[str], None], findings: Findings
    ) -> "Listener":
        socket = await connect(url, compression=None, max_queue=None)
        await socket.send(json.dumps({"method": "subscribe", "params": subscription, "req_id": 1}))
        return cls(socket, hear, findings)

    async def drain(self) -> None:
        """Until everything is heard that the server had to tell before this call."""
        self._pong.clear()
        await self._socket.send('{"method":"ping","req_id":2}')
        await asyncio.wait_for(self._pong.wait(), DRAIN_LIMIT_S)

    async def close(self) -> None:
        self._ending = True
        await self._socket.close()
        await self._task

    async def _listen(self) -> None:
        try:
            async for message in self._socket:
                text = str(message)
                if text.startswith('{"channel":"heartbeat"'):
                    continue
                if '"req_id":2' in text:
                    self._pong.set()
                elif '"success":false' in text:
                    self._findings.add(UNCUT, text)
                elif '"channel":' in text and '"req_id"' not in text:
                    self._hear(text)
        except ConnectionClosed as closed:
            self._findings.add(UNCUT, str(closed))
        else:
            if not self._ending:
                self._findings.add(UNCUT, "closed by the server")
