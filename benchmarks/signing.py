"""The headers of requests signed by API keys, as docs/api.md says, with as little work as a client can do.

A key goes to the load generator as JSON: ``{"id", "kind": "hmac"|"ed25519", "secret"}``, the secret in base64.
"""

import base64
import hashlib
import hmac
import itertools
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Sign = Callable[[str, str, bytes], bytes]
"""Method, path and body to header lines."""


def signer(key: dict[str, str], prefix: str) -> Sign:
    """``prefix`` begins the nonces, unlike those of any other connection that uses the key."""
    sign = _signature(key["kind"], base64.b64decode(key["secret"]))
    numbers = itertools.count(time.time_ns())

    def headers(method: str, path: str, body: bytes) -> bytes:
        at_ms, nonce = time.time_ns() // 1_000_000, f"{prefix}.{next(numbers)}"
        message = f"{at_ms}\n{nonce}\n{method}\n{path}\n{hashlib.sha256(body).hexdigest()}".encode()
        signature = base64.b64encode(sign(message)).decode()
        lines = f"x-api-key: {key['id']}\r\nx-api-timestamp: {at_ms}\r\nx-api-nonce: {nonce}\r\nx-api-signature: {signature}\r\n"
        return lines.encode()

    return headers


def _signature(kind: str, secret: bytes) -> Callable[[bytes], bytes]:
    if kind == "ed25519":
        return Ed25519PrivateKey.from_private_bytes(secret).sign
    return lambda message: hmac.digest(secret, message, "sha256")
