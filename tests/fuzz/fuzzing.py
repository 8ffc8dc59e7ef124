"""Sends random requests to the stream and judges every answer: it is one of the document's, and never a fault of ours."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from tests.journeys.stream_client import Stream, stream_token
from tests.server import WAIT_LIMIT_S, Server

from .drawing import Drawer

MARKETS = ["BTC/USD", "ETH/USD"]
TEXTS = {
    "symbol": [*MARKETS, "DOGE/USD"],
    "channel": ["book", "level3", "trade", "ticker", "ohlc", "status", "executions", "balances", "magic"],
    "order_type": ["limit", "limit", "market", "stop-loss", "take-profit-limit", "trailing-stop", "iceberg", "magic"],
    "type": ["limit", "stop", "stop-loss-limit", "market"],
    "time_in_force": ["gtc", "ioc", "fok", "gtd"],
    "expire_time": ["2040-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "tomorrow"],
    "deadline": ["2040-01-01T00:00:00Z", "2020-01-01T00:00:00Z"],
    "cl_ord_id": ["a", "b", "c", "d", "not valid"],
}
CONNECTION_REQUESTS = 200
FAULTS = ("internal_error",)


class Judge:
    """Knows the document's messages."""

    def __init__(self, document: dict[str, Any]) -> None:
        components = {"components": {"schemas": document["components"]["schemas"]}}
        self._validators = {
            name: Draft202012Validator({**one["payload"], **components})
            for name, one in document["components"]["messages"].items()
        }
        self.judged: dict[str, int] = {}

    def judge(self, message: dict[str, Any]) -> None:
        """Raises AssertionError."""
        if "channel" in message:
            name = message["channel"] if message["channel"] == "heartbeat" else f"{message['channel']}_message"
        elif message["success"]:
            name = f"{message['method']}_answer".replace("pong", "ping")
        else:
            name = "refusal"
        errors = [error.message for error in self._validators[name].iter_errors(message)]
        assert not errors, (name, errors[:3], message)
        assert message.get("code") not in FAULTS, message
        self.judged[name] = self.judged.get(name, 0) + 1


def fuzz(server: Server, document: dict[str, Any], *, seed: int, requests: int) -> dict[str, int]:
    """How often each message of the document was seen. Raises AssertionError for the first that is wrong."""
    judge = Judge(document)
    trader = server.trader(BTC="50", USD="5000000")
    texts = {**TEXTS, "token": [stream_token(trader)] * 9 + ["nonsense"]}
    drawer = Drawer(document, texts, seed)
    for first in range(0, requests, CONNECTION_REQUESTS):
        with Stream(server) as stream:
            for number in range(first + 1, min(first + CONNECTION_REQUESTS, requests) + 1):
                _ask(stream, drawer, judge, number)
    assert "Traceback" not in server.log.read_text(), server.log
    return judge.judged


def _ask(stream: Stream, drawer: Drawer, judge: Judge, number: int) -> None:
    """Sends one request, and a ping after it: what is answered until the pong is judged."""
    stream.socket.send(drawer.request(number))
    end = -number
    stream.socket.send(json.dumps({"method": "ping", "req_id": end}))
    while True:
        message = json.loads(stream.socket.recv(timeout=WAIT_LIMIT_S))
        judge.judge(message)
        result = message.get("result")
        if isinstance(result, dict) and "order_id" in result:
            drawer.known.append(result["order_id"])
        if message.get("req_id") == end:
            return
