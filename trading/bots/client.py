"""A connection to ``/stream``: requests matched with their answers, subscriptions, messages in their order.

Numbers are JSON numbers with the exact decimal text, both ways. A connection is used once: whoever needs it again opens
another one, with a fresh token, and reads the snapshots.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from .session import Disconnected, Refused

OPEN_LIMIT_S = 5.0
ANSWER_LIMIT_S = 20.0
"""Longer than the exchange itself waits for its journal."""
SILENCE_LIMIT_S = 15.0
"""The exchange sends a heartbeat every second; a connection that is silent for so long is dead."""
CLOSE_LIMIT_S = 1.0

OnMessage = Callable[[str, str, list[dict[str, Any]]], None]
"""Called with channel, type ("snapshot" or "update") and data."""


class Connection(Protocol):
    """What is used of a WebSocket connection."""

    async def send(self, message: str) -> None: ...

    async def recv(self) -> str | bytes: ...


class Stream:
    """An open connection. ``reading`` ends, with Disconnected, when the connection does."""

    def __init__(self, connection: Connection, token: str, on_message: OnMessage) -> None:
        self._connection = connection
        self._token = token
        self._on_message = on_message
        self._requests = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._snapshots: dict[str, asyncio.Future[None]] = {}
        self.reading = asyncio.create_task(self._read())

    async def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Sends a request and waits for its answer; returns the result.

        Raises Refused; Disconnected if there is no answer, or the answer is that the outcome is not known.
        """
        if self.reading.done():
            raise Disconnected("the connection has ended")
        self._requests += 1
        number = self._requests
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        frame = {"method": method, "params": {**params, "token": self._token}, "req_id": number}
        try:
            await self._connection.send(encode(frame))
            found = await asyncio.wait_for(answer, ANSWER_LIMIT_S)
        except TimeoutError:
            raise Disconnected(f"no answer to {method} within {ANSWER_LIMIT_S:.0f} s") from None
        except (WebSocketException, OSError) as error:
            raise Disconnected(str(error)) from error
        finally:
            self._answers.pop(number, None)
        if found["success"]:
            return dict(found.get("result", {}))
        if found["code"] == "outcome_unknown":
            raise Disconnected(f"{method}: {found['error']}")
        raise Refused(found["code"], found["error"])

    async def subscribe(self, channel: str, symbol: str | None = None) -> None:
        """Subscribes, and returns when the snapshot has been handed on. One subscription at a time."""
        snapshot = self._snapshots[channel] = asyncio.get_running_loop().create_future()
        try:
            await self.request("subscribe", {"channel": channel, "symbol": None if symbol is None else [symbol]})
            await asyncio.wait_for(snapshot, ANSWER_LIMIT_S)
        except TimeoutError:
            raise Disconnected(f"no snapshot of {channel} within {ANSWER_LIMIT_S:.0f} s") from None
        finally:
            del self._snapshots[channel]

    async def _read(self) -> None:
        try:
            while True:
                async with asyncio.timeout(SILENCE_LIMIT_S):
                    text = await self._connection.recv()
                self._receive(json.loads(text, parse_float=Decimal))
        except TimeoutError:
            raise Disconnected(f"nothing was heard for {SILENCE_LIMIT_S:.0f} s") from None
        except (WebSocketException, OSError) as error:
            raise Disconnected(str(error)) from error
        finally:
            waiting: list[asyncio.Future[Any]] = [*self._answers.values(), *self._snapshots.values()]
            for future in waiting:
                if not future.done():
                    future.set_exception(Disconnected("the connection ended before the answer"))

    def _receive(self, message: dict[str, Any]) -> None:
        if "channel" not in message:
            answer = self._answers.get(message.get("req_id", 0))
            if answer is not None and not answer.done():
                answer.set_result(message)
        elif "data" in message:
            channel, kind = message["channel"], message["type"]
            self._on_message(channel, kind, message["data"])
            snapshot = self._snapshots.get(channel)
            if kind == "snapshot" and snapshot is not None and not snapshot.done():
                snapshot.set_result(None)


@asynccontextmanager
async def open_stream(url: str, token: str, on_message: OnMessage) -> AsyncIterator[Stream]:
    """A connection to the exchange at this HTTP address. Raises Disconnected."""
    parts = urlsplit(url)
    address = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}/stream"
    opening = connect(
        address,
        open_timeout=OPEN_LIMIT_S,
        close_timeout=CLOSE_LIMIT_S,
        ping_interval=None,
        compression=None,
        proxy=None,
    )
    try:
        connection = await opening
    except (WebSocketException, OSError, TimeoutError) as error:
        raise Disconnected(str(error) or "the connection could not be opened in time") from error
    stream = Stream(connection, token, on_message)
    try:
        yield stream
    finally:
        stream.reading.cancel()
        await asyncio.gather(stream.reading, return_exceptions=True)
        await connection.close()


def encode(value: Any) -> str:
    """JSON in which a Decimal is a number with exactly its own digits."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{encode(item)}" for name, item in value.items()) + "}"
    return json.dumps(value)
