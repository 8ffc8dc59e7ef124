"""The fold: the journal's rows go in, one after the other, their outcomes come out. Whoever reads the journal uses it.

It holds the engine, the hash of the last row, and the chain of outcomes. Every row must follow from the one before it, by
number and by hash; so what is folded is exactly what was appended.
"""

from collections.abc import Sequence

from trading.engine.commands import Command, Event
from trading.engine.engine import Engine
from trading.engine.outcomes import Outcome

from .applied import Applied
from .journal.append import Known
from .journal.errors import JournalBroken
from .journal.records import GENESIS_HASH, Record, decode, is_linked
from .outcome_chain import OutcomeChain, told_of


class Fold:
    """The state that the journal leads to. One thread applies."""

    __slots__ = ("chain", "engine", "journal_hash")

    def __init__(self, engine: Engine, journal_hash: bytes, chain: OutcomeChain) -> None:
        self.engine = engine
        self.journal_hash = journal_hash
        self.chain = chain

    @classmethod
    def new(cls) -> "Fold":
        """Before the first event."""
        return cls(Engine(), GENESIS_HASH, OutcomeChain())

    @property
    def seq(self) -> int:
        return self.engine.seq

    @property
    def known(self) -> Known:
        """What the journal must still hold when it is read again."""
        return Known(self.engine.seq, self.journal_hash)

    def apply(self, record: Record) -> Applied:
        """Applies the next row. Raises JournalBroken if it does not follow from the last one, and what the engine raises."""
        if not is_linked(self.journal_hash, record):
            raise _altered(record)
        return self.apply_linked(record)

    def apply_linked(self, record: Record) -> Applied:
        """The same for a row whose hash was made here, after that of the last one."""
        command = decode(record)
        outcomes = self.engine.apply(Event(seq=record.seq, at_us=record.at_us, command=command))
        return self._applied(record, command, outcomes)

    def apply_many(self, records: Sequence[Record]) -> list[Applied]:
        """Applies the next rows, all or, if one does not follow from that before it, none. Raises what ``apply`` does."""
        previous = self.journal_hash
        for record in records:
            if not is_linked(previous, record):
                raise _altered(record)
            previous = record.hash
        events = [Event(record.seq, record.at_us, decode(record)) for record in records]
        told = self.engine.apply_many(events)
        return [
            self._applied(record, event.command, outcomes)
            for record, event, outcomes in zip(records, events, told, strict=True)
        ]

    def _applied(self, record: Record, command: Command, outcomes: list[Outcome]) -> Applied:
        self.journal_hash = record.hash
        told = told_of(outcomes)
        checkpoint = self.chain.add(told)
        return Applied(
            record.seq, record.at_us, record.command_id, command, outcomes, record.hash, checkpoint, record, told
        )


def _altered(record: Record) -> JournalBroken:
    return JournalBroken(f"event {record.seq} was altered: its hash does not follow from event {record.seq - 1}")
