"""What a row of the journal is, and the bytes that are hashed.

``hash = SHA-256(previous hash ‖ seq ‖ at_us ‖ command_id ‖ kind ‖ 0x00 ‖ body)``: seq and at_us as 8 bytes big-endian,
the command id as 16 bytes, kind and body as UTF-8. The hash before the first row is 32 zero bytes.

A body holds the command's fields as a JSON object in the order of the class, without those that are None.
"""

import hashlib
import time
import uuid
from dataclasses import dataclass
from random import getrandbits
from typing import Any, NamedTuple

import msgspec

from trading.engine.commands import KINDS, Command

GENESIS_HASH = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A command to be appended. ``command_id`` (a canonical UUID) is its idempotency key."""

    command_id: str
    kind: str
    account: int | None
    market: str | None
    body: bytes
    request_id: str


class Record(NamedTuple):
    """A row of the journal."""

    seq: int
    at_us: int
    command_id: str
    kind: str
    body: bytes
    hash: bytes


def draft(command: Command, *, command_id: str, request_id: str) -> Draft:
    return Draft(
        command_id=command_id,
        kind=type(command).__name__,
        account=getattr(command, "account", None),
        market=getattr(command, "market", None),
        body=encode(command),
        request_id=request_id,
    )


def encode(command: Command) -> bytes:
    """The canonical body of a command: equal commands have equal bytes."""
    fields = {name: value for name in command.__slots__ if (value := getattr(command, name)) is not None}
    return _encoder.encode(fields)


def decode(kind: str, body: bytes) -> Command:
    """The command of a row. Raises KeyError for an unknown kind, msgspec.ValidationError for a body not of that kind."""
    command: Command = _decoders[kind].decode(body)
    return command


def link(previous: bytes, seq: int, at_us: int, command_id: str, kind: str, body: bytes) -> bytes:
    """The hash of a row, given that of the row before it."""
    digest = hashlib.sha256(previous)
    digest.update(seq.to_bytes(8, "big") + at_us.to_bytes(8, "big") + bytes.fromhex(command_id.replace("-", "")))
    digest.update(kind.encode() + b"\0" + body)
    return digest.digest()


def new_command_id() -> str:
    """A fresh UUID of version 7 (RFC 9562): random, and close to its neighbours in time for the index's sake."""
    bits = getrandbits(74)  # it need not be hard to guess, only unlike all others
    digits = f"{time.time_ns() // 1_000_000:012x}7{bits >> 62:03x}{bits & (1 << 62) - 1 | 1 << 63:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def derived_command_id(*parts: str | int) -> str:
    """The UUID (version 8, RFC 9562) that these parts always give: an idempotency key that the caller chose."""
    digest = bytearray(hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


_encoder = msgspec.json.Encoder()
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(command, strict=True) for kind, command in KINDS.items()
}
