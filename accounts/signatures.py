"""Requests signed by an API key: what is read from their headers, what is signed, how it is verified.

Signed is ``timestamp \\n nonce \\n METHOD \\n path?query \\n hex(sha256(body))``, every part as it was sent: another
path, query, body, time or nonce is another signature. Pure: no clock, no database. ``kraken_signatures`` reads another scheme.
"""

import base64
import binascii
import hashlib
import hmac
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from nacl.bindings import crypto_sign_BYTES, crypto_sign_open
from nacl.exceptions import BadSignatureError

from .problems import SIGNATURE_INCOMPLETE, TIMESTAMP_OUTSIDE_WINDOW, Problem

KEY_HEADER, TIME_HEADER, NONCE_HEADER, SIGNATURE_HEADER = (
    b"x-api-key",
    b"x-api-timestamp",
    b"x-api-nonce",
    b"x-api-signature",
)
WINDOW_MS = 5_000
"""How far a request's time may be from ours, to either side."""

_TIME = re.compile(rb"[0-9]{1,15}")
_NONCE = re.compile(rb"[A-Za-z0-9._~:+/=-]{1,64}")


Digest = Literal["sha256", "sha512"]
"""Under which a shared secret signs: our own scheme's, Kraken's."""


class Verifier(Protocol):
    """Knows whether a signature over a message is its key's."""

    def verifies(self, signature: bytes, message: bytes, digest: Digest) -> bool: ...


@dataclass(frozen=True, slots=True)
class HmacVerifier:
    """HMAC under a shared secret."""

    secret: bytes = field(repr=False)

    def verifies(self, signature: bytes, message: bytes, digest: Digest) -> bool:
        return hmac.compare_digest(hmac.digest(self.secret, message, digest), signature)


@dataclass(frozen=True, slots=True)
class Ed25519Verifier:
    """Ed25519 (RFC 8032): of the pair only the public key is known here, in 32 bytes. It signs by our own scheme alone.

    By libsodium, which takes half the time of OpenSSL, and accepts neither keys of small order nor a signature's other forms.
    """

    public_key: bytes

    def verifies(self, signature: bytes, message: bytes, digest: Digest) -> bool:
        if digest != "sha256" or len(signature) != crypto_sign_BYTES:
            return False
        try:
            crypto_sign_open(signature + message, self.public_key)
        except BadSignatureError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request claims. ``proof`` names this one request of this key: nothing else has the same. ``nonce``: the key's."""

    key_id: uuid.UUID
    timestamp_ms: int
    nonce: str
    proof: str
    signature: bytes
    message: bytes
    digest: Digest = "sha256"

    def check_time(self, now_ms: int) -> None:
        """Raises Problem timestamp_outside_window."""
        late_ms = now_ms - self.timestamp_ms
        if abs(late_ms) > WINDOW_MS:
            detail = (
                f"The timestamp is {abs(late_ms)} ms {'behind' if late_ms > 0 else 'ahead of'} the exchange's clock."
            )
            raise Problem(TIMESTAMP_OUTSIDE_WINDOW, f"{detail} At most {WINDOW_MS} ms; GET /public/time tells it.")


def key_named(headers: Mapping[bytes, bytes]) -> uuid.UUID:
    """The key that a request says it is signed by. Raises ValueError: no key has such an id."""
    return uuid.UUID(headers.get(KEY_HEADER, b"").decode("ascii"))


def read_signed(headers: Mapping[bytes, bytes], method: str, target: bytes, body: bytes) -> Signed:
    """What the headers claim of a request. ``target``: path?query as it was sent. Raises Problem signature_incomplete."""
    time, nonce, signature = (headers.get(name, b"") for name in (TIME_HEADER, NONCE_HEADER, SIGNATURE_HEADER))
    if not _TIME.fullmatch(time):
        raise Problem(SIGNATURE_INCOMPLETE, "X-API-Timestamp must be milliseconds since the epoch.")
    if not _NONCE.fullmatch(nonce):
        raise Problem(SIGNATURE_INCOMPLETE, "X-API-Nonce must be 1 to 64 of A-Z a-z 0-9 . _ ~ : + / = -")
    try:
        key_id = key_named(headers)
        raw_signature = base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Problem(SIGNATURE_INCOMPLETE, "X-API-Key is a key's id, X-API-Signature base64.") from error
    message = b"\n".join((time, nonce, method.encode(), target, hashlib.sha256(body).hexdigest().encode()))
    own_nonce, proof = f"{key_id.hex} {nonce.decode()}", f"{key_id.hex} {int(time)} {nonce.decode()}"
    return Signed(key_id, int(time), own_nonce, proof, raw_signature, message)
