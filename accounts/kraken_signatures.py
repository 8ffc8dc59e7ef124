"""Requests signed as clients of Kraken sign them: ``API-Key``, ``API-Sign``, and a nonce in the body.

Signed is ``path + SHA-256(nonce + body)`` by HMAC-SHA512 under the key's secret
(https://docs.kraken.com/api/docs/guides/spot-rest-auth). The scheme sends no time, but every client known to us makes its
nonces of the clock, in milliseconds or finer: so a nonce is read as a time, and must be as near to ours as the time of any
other signed request. What counts once is a nonce with its path and body, so that parallel clients with one key, whose clocks
tell the same millisecond, do not refuse each other (docs/decisions/0019). Pure: no clock, no database.
"""

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Mapping

from .problems import SIGNATURE_INCOMPLETE, TIMESTAMP_OUTSIDE_WINDOW, Problem
from .signatures import Signed

KEY_HEADER, SIGNATURE_HEADER = b"api-key", b"api-sign"

_NONCE = re.compile(r"[1-9][0-9]{9,19}")
_MS_DIGITS = 13
"""Of milliseconds since the epoch, until the year 2286; nonces of fewer or more digits are seconds, or finer parts of one."""


def read_kraken_signed(headers: Mapping[bytes, bytes], path: bytes, nonce: str, body: bytes) -> Signed:
    """What a request claims. ``path``: as it was sent, without query. ``nonce``: the body's. Raises Problem."""
    try:
        key_id = uuid.UUID(headers.get(KEY_HEADER, b"").decode("ascii"))
        signature = base64.b64decode(headers.get(SIGNATURE_HEADER, b""), validate=True)
    except (ValueError, binascii.Error) as error:
        raise Problem(SIGNATURE_INCOMPLETE, "API-Key is a key's id, API-Sign base64.") from error
    if not _NONCE.fullmatch(nonce):
        raise Problem(TIMESTAMP_OUTSIDE_WINDOW, "The nonce must be a time since the epoch in 10 to 20 digits.")
    timestamp_ms = int(nonce[:_MS_DIGITS].ljust(_MS_DIGITS, "0"))
    message = path + hashlib.sha256(nonce.encode() + body).digest()
    proof = f"{key_id.hex} {nonce} {hashlib.sha256(message).hexdigest()}"
    return Signed(key_id, timestamp_ms, proof, proof, signature, message, "sha512")
