"""An applied event: a command of the journal and what it came to; and the bytes as which it goes to another process.

Packed, an event is the journal's row, its outcomes as the chain of outcomes has taken them up, and the checkpoint: all are
bytes already when the event is applied, so packing costs next to nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from trading.engine.commands import Command
from trading.engine.outcomes import Outcome

from .journal.records import Record, decode
from .outcome_chain import Checkpoint, outcomes_told


class Applied(NamedTuple):
    """A journaled command and what it came to. ``checkpoint``: the chain of outcomes, if this event completes a stretch.

    ``hash`` is the journal's after the event, ``record`` its row, ``told`` the outcomes as the chain took them up.
    """

    seq: int
    at_us: int
    command_id: str
    command: Command
    outcomes: list[Outcome]
    hash: bytes
    checkpoint: Checkpoint | None
    record: Record
    told: bytes


class Packed(NamedTuple):
    """An event that came from another process, its command and outcomes not read yet."""

    record: Record
    told: bytes
    checkpoint: Checkpoint | None

    @property
    def seq(self) -> int:
        return self.record.seq


def pack(events: Iterable[Applied]) -> bytes:
    return _encode([(event.record, event.told, event.checkpoint) for event in events])


def unpack(packed: bytes | memoryview) -> list[Packed]:
    """Raises msgspec.DecodeError."""
    return _decoder.decode(packed)


def read(packed: Packed) -> Applied:
    """The event as it was before it was packed."""
    record, told, checkpoint = packed
    return Applied(
        record.seq,
        record.at_us,
        record.command_id,
        decode(record),
        outcomes_told(told),
        record.hash,
        checkpoint,
        record,
        told,
    )


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(list[Packed])
