"""A client of Kraken's REST API, written from Kraken's documentation alone; nothing of the server is imported."""

import base64
import hashlib
import hmac
import itertools
import json
import time
import urllib.parse
from typing import Any

import httpx

from tests.server import NO_TLS, WAIT_LIMIT_S, Server

_nonces = itertools.count(time.time_ns())


def sign(secret: str, path: str, nonce: str, body: str) -> str:
    message = path.encode() + hashlib.sha256((nonce + body).encode()).digest()
    return base64.b64encode(hmac.digest(base64.b64decode(secret), message, "sha512")).decode()


def fresh_nonce() -> str:
    """A time in ns that is nobody else's."""
    return str(max(next(_nonces), time.time_ns()))


class Refused(Exception):
    """The errors of an answer."""


class KrakenClient:
    """``key``: as POST /account/api-keys answers it. ``sent``: the last private request, for replays."""

    def __init__(self, server: Server, key: dict[str, Any] | None = None) -> None:
        self.http = httpx.Client(base_url=server.url, timeout=WAIT_LIMIT_S, verify=NO_TLS)
        self.key = key or {"id": "", "secret": ""}
        self.sent: tuple[str, str, dict[str, str]] = ("", "", {})

    def public(self, call: str, **query: Any) -> Any:
        return self._result(self.http.get(f"/0/public/{call}", params=query))

    def private(self, call: str, **fields: Any) -> Any:
        """With a form."""
        body = urllib.parse.urlencode({"nonce": fresh_nonce(), **fields})
        return self._result(self.send(call, body))

    def private_json(self, call: str, **fields: Any) -> Any:
        return self._result(self.send(call, json.dumps({"nonce": fresh_nonce(), **fields}), "application/json"))

    def send(
        self, call: str, body: str, kind: str = "application/x-www-form-urlencoded", **more: str
    ) -> httpx.Response:
        """Signed with the nonce of the body."""
        path = f"/0/private/{call}"
        nonce = json.loads(body)["nonce"] if kind.endswith("json") else urllib.parse.parse_qs(body)["nonce"][0]
        headers = {
            "API-Key": self.key["id"],
            "API-Sign": sign(self.key["secret"], path, str(nonce), body),
            "Content-Type": kind,
            **more,
        }
        self.sent = path, body, headers
        return self.http.post(path, content=body, headers=headers)

    def again(self, **changes: str) -> httpx.Response:
        path, body, headers = self.sent
        return self.http.post(path, content=body, headers={**headers, **changes})

    @staticmethod
    def _result(answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        if body["error"]:
            raise Refused(*body["error"])
        return body["result"]


def errors(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return list(answer.json()["error"])
