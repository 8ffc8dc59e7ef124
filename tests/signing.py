"""API keys as a program uses them: requests signed from the documentation alone, nothing of the server is imported."""

import base64
import hashlib
import hmac
import itertools
import time
from collections.abc import Callable, Generator
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.server import NO_TLS, WAIT_LIMIT_S, Server, Trader

_nonces = itertools.count(time.time_ns())


class KeyAuth(httpx.Auth):
    """Signs each request. ``later_ms``: how far its clock is ahead. ``headers`` of the last one are kept for replays."""

    requires_request_body = True

    def __init__(self, key_id: str, sign: Callable[[bytes], bytes], later_ms: int = 0) -> None:
        self.key_id = key_id
        self.sign = sign
        self.later_ms = later_ms
        self.headers: dict[str, str] = {}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        self.headers = self.signed(request.method, request.url.raw_path, request.content)
        request.headers.update(self.headers)
        yield request

    def signed(self, method: str, target: bytes, body: bytes = b"") -> dict[str, str]:
        at, nonce = str(time.time_ns() // 1_000_000 + self.later_ms), str(next(_nonces))
        lines = (at.encode(), nonce.encode(), method.encode(), target, hashlib.sha256(body).hexdigest().encode())
        return {
            "X-API-Key": self.key_id,
            "X-API-Timestamp": at,
            "X-API-Nonce": nonce,
            "X-API-Signature": base64.b64encode(self.sign(b"\n".join(lines))).decode(),
        }


def make_key(trader: Trader, *scopes: str, **more: Any) -> dict[str, Any]:
    body = {"name": "a program", "scopes": list(scopes), **more}
    return dict(trader.post("/account/api-keys", body).raise_for_status().json())


def hmac_auth(key: dict[str, Any], **more: Any) -> KeyAuth:
    secret = base64.b64decode(key["secret"], validate=True)
    return KeyAuth(key["id"], lambda message: hmac.digest(secret, message, "sha256"), **more)


def hmac_key(trader: Trader, *scopes: str, **more: Any) -> KeyAuth:
    return hmac_auth(make_key(trader, *scopes, **more))


def ed25519_key(trader: Trader, *scopes: str) -> KeyAuth:
    private = Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    return KeyAuth(make_key(trader, *scopes, public_key=public)["id"], private.sign)


def program(server: Server, auth: KeyAuth) -> httpx.Client:
    """A client that signs what it sends."""
    return httpx.Client(base_url=server.url, auth=auth, timeout=WAIT_LIMIT_S, verify=NO_TLS)
