"""A client of the stream as a stranger would write one from its documentation: nothing of the server is imported.

Decimal numbers are kept as the text that came, so that a comparison with REST is one of digits.
"""

import contextlib
import itertools
import json
import time
import zlib
from collections import defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from tests.server import WAIT_LIMIT_S, Server, Trader

ANSWER_LIMIT_S = WAIT_LIMIT_S
CHECKSUM_LEVELS = 10


def stream_token(trader: Trader) -> str:
    return str(trader.get("/session/stream-token")["token"])


class Stream:
    """One connection. ``heard``: the channels' messages that came so far, in order, without heartbeats and status.

    ``answers``: by request, those that came while another was waited for.
    """

    def __init__(self, server: Server, trader: Trader | None = None, **options: Any) -> None:
        self.token = None if trader is None else stream_token(trader)
        self.heard: deque[dict[str, Any]] = deque()
        self.answers: defaultdict[int, deque[dict[str, Any]]] = defaultdict(deque)
        self._numbers = itertools.count(1)
        self._open = contextlib.ExitStack()
        options = {"compression": None, "max_queue": None, **options}
        self.socket = self._open.enter_context(connect(server.stream_url, **options))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a request; whatever comes before it is added to ``heard``."""
        return self.answer(self.send(method, **params))

    def private(self, method: str, **params: Any) -> dict[str, Any]:
        return self.call(method, token=self.token, **params)

    def send(self, method: str, **params: Any) -> int:
        """Sends a request and returns its number."""
        number = next(self._numbers)
        self.socket.send(json.dumps({"method": method, "params": params, "req_id": number}))
        return number

    def send_together(self, *requests: tuple[str, dict[str, Any]]) -> list[int]:
        """Sends private requests in one write, so that the server reads them at once; returns their numbers."""
        numbers = [next(self._numbers) for _ in requests]
        texts = [
            json.dumps({"method": method, "params": {"token": self.token, **params}, "req_id": number})
            for number, (method, params) in zip(numbers, requests, strict=True)
        ]
        frames = [Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in texts]
        self.socket.socket.sendall(b"".join(frames))
        return numbers

    def answer(self, number: int) -> dict[str, Any]:
        """The answer to this request; several, one call each."""
        if not self.answers[number]:
            self.first(lambda message: message.get("req_id") == number, what=f"an answer to request {number}")
        return self.answers[number].popleft()

    def ask(self, text: str | bytes) -> dict[str, Any]:
        """Sends a frame as it is; the next message that belongs to no channel."""
        self.socket.send(text)
        return self.first(lambda message: "channel" not in message, what=f"an answer to {text[:100]!r}")

    def first(self, wanted: Callable[[dict[str, Any]], bool], *, what: str) -> dict[str, Any]:
        """The next message that is wanted; fails with ``what`` after ANSWER_LIMIT_S."""
        end = time.monotonic() + ANSWER_LIMIT_S
        while time.monotonic() < end:
            message = self.receive()
            if wanted(message):
                return message
        raise AssertionError(f"not within {ANSWER_LIMIT_S} s: {what}")

    def receive(self) -> dict[str, Any]:
        """The next message of any kind; heartbeats come every second, so silence is an error."""
        message: dict[str, Any] = json.loads(self.socket.recv(timeout=ANSWER_LIMIT_S), parse_float=str)
        if message.get("channel") not in (None, "heartbeat", "status"):
            self.heard.append(message)
        if "req_id" in message:
            self.answers[message["req_id"]].append(message)
        return message

    def listen(self) -> list[dict[str, Any]]:
        """All messages of channels up to now: what the server answers after a request comes after what it told before."""
        self.call("ping")
        messages = list(self.heard)
        self.heard.clear()
        return messages

    def close_code(self, limit_s: float = ANSWER_LIMIT_S) -> int | None:
        """Reads on until the server closes; its code, None without one. Fails after the limit."""
        end = time.monotonic() + limit_s
        try:
            while time.monotonic() < end:
                self.socket.recv(timeout=limit_s)
            raise AssertionError(f"not closed within {limit_s} s")
        except ConnectionClosed as closed:
            return None if closed.rcvd is None else closed.rcvd.code


class Book:
    """A book kept by the recipe: take the snapshot, set what an update says, cut at the depth."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}
        self.sequences: list[int] = []
        self.most_levels = 0

    def apply(self, message: dict[str, Any]) -> None:
        (data,) = message["data"]
        if message["type"] == "snapshot":
            self.bids, self.asks = {}, {}
        for levels, changes in ((self.bids, data["bids"]), (self.asks, data["asks"])):
            for change in changes:
                if Decimal(change["qty"]) == 0:
                    levels.pop(change["price"], None)
                else:
                    levels[change["price"]] = change["qty"]
        self.bids, self.asks = dict(self.levels("bids")), dict(self.levels("asks"))
        self.most_levels = max(self.most_levels, len(self.bids), len(self.asks))
        self.sequences.append(message["sequence"])
        if self.checksum() != data["checksum"]:
            raise AssertionError(f"the book differs from the server's at {message}")

    def levels(self, side: str) -> list[tuple[str, str]]:
        """Best first, at most ``depth``."""
        levels = self.bids if side == "bids" else self.asks
        ordered = sorted(levels.items(), key=lambda level: Decimal(level[0]), reverse=side == "bids")
        return ordered[: self.depth]

    def checksum(self) -> int:
        text = ""
        for side in ("asks", "bids"):
            for level in self.levels(side)[:CHECKSUM_LEVELS]:
                text += "".join(number.replace(".", "").lstrip("0") for number in level)
        return zlib.crc32(text.encode())
