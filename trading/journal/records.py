"""What a row of the journal is, and the bytes that are hashed. Every format ever written stays readable.

A row's ``format`` says how its hash is made and how its body is read. New rows have the newest:

1. ``SHA-256(previous hash ‖ seq ‖ at_us ‖ command_id ‖ kind ‖ 0x00 ‖ body)``.
2. ``SHA-256(previous hash ‖ format ‖ seq ‖ at_us ‖ command_id ‖ kind ‖ 0x00 ‖ request_id ‖ 0x00 ‖ body)``; a credit's
   ``kind`` is its ``source``; fields that have their default are left out of the body, in nested objects too.

The format is one byte, seq and at_us are 8 bytes big-endian, the command id 16, texts UTF-8; the hash before the first row
is 32 zero bytes. A body holds the command's fields as a JSON object in the order of the class.
"""

import hashlib
import time
import uuid
from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import lru_cache
from random import getrandbits
from typing import Any, NamedTuple

import msgspec

from trading.engine.commands import KINDS, CancelReplace, Command, FeeTier, Leg, Options

FORMAT = 2
GENESIS_HASH = bytes(32)

Body = dict[str, Any]


class Draft(NamedTuple):
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
    request_id: str
    format: int
    hash: bytes


def draft(command: Command, *, command_id: str, request_id: str) -> Draft:
    market = command.place.market if type(command) is CancelReplace else getattr(command, "market", None)
    return Draft(
        command_id=command_id,
        kind=type(command).__name__,
        account=getattr(command, "account", None),
        market=market,
        body=encode(command),
        request_id=request_id,
    )


def encode(command: Command) -> bytes:
    """The canonical body of a command: equal commands have equal bytes."""
    return _encoder.encode(given(command))


def given(value: object) -> Body:
    """The fields of a command, or of what it holds, that are not at their default, in the order of its class."""
    fields_: Body = {}
    for name, default in _FIELDS[type(value)]:
        one = getattr(value, name)
        if one != default:
            kind = type(one)
            if kind in _FIELDS:
                one = given(one)
            elif kind is tuple:
                one = [given(part) for part in one]
            fields_[name] = one
    return fields_


def decode(record: Record) -> Command:
    """The command of a row. Raises KeyError for an unknown kind, msgspec.ValidationError for a body not of that kind."""
    return _decode(record.format, record.kind, record.body)


def is_same(record: Record, draft: Draft) -> bool:
    """Whether a row holds what a draft asks for, whatever the format it was written in."""
    if record.kind != draft.kind:
        return False
    return record.body == draft.body or decode(record) == _decode(FORMAT, draft.kind, draft.body)


def link(
    previous: bytes, format_: int, seq: int, at_us: int, command_id: str, kind: str, request_id: str, body: bytes
) -> bytes:
    """The hash of a row, given that of the row before it."""
    numbers = seq.to_bytes(8, "big") + at_us.to_bytes(8, "big") + bytes.fromhex(command_id.replace("-", ""))
    if format_ == 1:
        return hashlib.sha256(b"%b%b%b\0%b" % (previous, numbers, kind.encode(), body)).digest()
    parts = (previous, format_, numbers, kind.encode(), request_id.encode(), body)
    return hashlib.sha256(b"%b%c%b%b\0%b\0%b" % parts).digest()


def is_linked(previous: bytes, record: Record) -> bool:
    """Whether a row's hash is what it must be after that of the row before it."""
    seq, at_us, command_id, kind, body, request_id, format_, hash_ = record
    return link(previous, format_, seq, at_us, command_id, kind, request_id, body) == hash_


def new_command_id() -> str:
    """A fresh UUID of version 7 (RFC 9562): random, and close to its neighbours in time for the index's sake."""
    # It need not be hard to guess, only unlike all others: 12 random bits, the variant's two, 62 random bits.
    digits = f"{getrandbits(76) & _RANDOM_BITS | _VARIANT:019x}"
    return f"{_time_digits(time.time_ns() // 1_000_000)}{digits[:3]}-{digits[3:7]}-{digits[7:]}"


@lru_cache(maxsize=1)
def _time_digits(ms: int) -> str:
    """The beginning of all ids of a millisecond, up to the version."""
    digits = f"{ms:012x}"
    return f"{digits[:8]}-{digits[8:]}-7"


def derived_command_id(*parts: str | int) -> str:
    """The UUID (version 8, RFC 9562) that these parts always give: an idempotency key that the caller chose."""
    digest = bytearray(hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


def _decode(format_: int, kind: str, body: bytes) -> Command:
    if format_ < FORMAT and kind in _UPCASTERS:
        return _upcast(format_, kind, body)
    command: Command = _decoders[kind].decode(body)
    return command


def _upcast(format_: int, kind: str, body: bytes) -> Command:
    """Reads a body of an older format: each upcaster takes it from its own format to the next."""
    fields_ = msgspec.json.decode(body, type=Body)
    for upcast in _UPCASTERS[kind][format_ - 1 :]:
        fields_ = upcast(fields_)
    command: Command = msgspec.convert(fields_, KINDS[kind])
    return command


def _credit_from_1(body: Body) -> Body:
    return {("source" if name == "kind" else name): value for name, value in body.items()}


_UPCASTERS: dict[str, tuple[Callable[[Body], Body], ...]] = {"Credit": (_credit_from_1,)}
"""By kind: what takes a body from format 1 to 2, from 2 to 3, and so on."""

_FIELDS: dict[type, tuple[tuple[str, object], ...]] = {
    kind: tuple((one.name, None if one.default is MISSING else one.default) for one in fields(kind))
    for kind in (*KINDS.values(), FeeTier, Options, Leg)
}
"""Names and defaults of the fields of every command and of what one may hold; None where there is no default."""

_VARIANT = 1 << 63
_RANDOM_BITS = (1 << 76) - 1 ^ 3 << 62
_encoder = msgspec.json.Encoder()
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(command, strict=True) for kind, command in KINDS.items()
}
