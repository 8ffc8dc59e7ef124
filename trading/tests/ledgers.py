"""A small exchange without threads, for tests of the books: commands are journaled, folded and posted one batch at a time,
with the holds of withdrawals and no other read models.
"""

from typing import Self

import psycopg

from ledger.posting import Books
from tests.fixtures import Database
from trading.applied import Applied
from trading.engine.commands import Command, DefineMarket
from trading.engine.engine import Engine
from trading.engine.outcomes import Outcome
from trading.fold import Fold
from trading.journal.append import append
from trading.journal.read import head_seq, records_between
from trading.journal.records import FORMAT, Record, draft, new_command_id
from trading.projections import withdrawals
from trading.projections.checkpoint import read_checkpoint
from trading.projections.postings import entries
from trading.rederivation import Rederivation

START_US = 1_800_000_000_000_000
SECOND_US = 1_000_000


def come_to(seq: int, command: Command, outcomes: list[Outcome]) -> Applied:
    """An event that came to these outcomes, whatever the engine would say. It has no row in a journal."""
    nowhere = Record(seq, START_US, "id", type(command).__name__, b"", "", FORMAT, bytes(32))
    return Applied(seq, START_US, "id", command, outcomes, bytes(32), None, nowhere, b"")


class Ledgered:
    """``do`` journals a batch one second after the one before it. ``seq`` is the last event's number.

    It goes on where the books of the database are.
    """

    def __init__(self, database: Database) -> None:
        self.connection: psycopg.Connection[tuple[object, ...]] = database.connect()
        self._state = Fold.new()
        self.now_us = START_US
        self._books = Books(self.connection)
        self._markets: dict[str, DefineMarket] = {}
        row = self.connection.execute("SELECT seq FROM projection_checkpoint").fetchone()
        self._fold(int(str(row[0])) if row else 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @property
    def engine(self) -> Engine:
        return self._state.engine

    @property
    def seq(self) -> int:
        return self._state.seq

    def do(self, *commands: Command) -> list[Outcome]:
        """Carries the commands out; returns the outcomes of the last."""
        self.journal(*commands)
        return self.catch_up()

    def journal(self, *commands: Command) -> None:
        drafts = [draft(command, command_id=new_command_id(), request_id="test") for command in commands]
        self.now_us += SECOND_US
        append(self.connection, drafts, now_us=self.now_us)

    def catch_up(self) -> list[Outcome]:
        """Folds and posts what the journal has; returns the outcomes of the last event."""
        before = self.seq
        applied = self._fold(head_seq(self.connection))
        if not applied:
            return []
        with self.connection.transaction():
            self.connection.execute("SELECT move_projection_checkpoint(%s, %s, %s)", (before, *self._state.known))
            posted = self._books.statements(entries(applied, self._markets))
            for statement in (*posted, *withdrawals.statements(applied)):
                self.connection.execute(statement)
        return applied[-1].outcomes

    def _fold(self, last: int) -> list[Applied]:
        applied = [self._state.apply(record) for record in records_between(self.connection, self.seq, last)]
        self._markets |= {market.name: market.definition for market in self.engine.markets.values()}
        return applied

    def lines(self, cause: int) -> list[tuple[object, ...]]:
        """(owner, kind of account, asset, kind of posting, amount, held) of an entry's postings, in order."""
        rows = self.connection.execute(
            "SELECT a.owner, a.kind, a.asset, p.kind, p.amount::bigint, p.held::bigint FROM ledger_posting p"
            " JOIN ledger_account a ON a.id = p.account_id WHERE p.cause = %s ORDER BY p.id",
            (cause,),
        ).fetchall()
        return list(rows)


def differences(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """The first row of the ledger that is not what the journal comes to, in words; nothing if all are."""
    with connection.transaction():
        posted, fold = read_checkpoint(connection), Fold.new()
        rederivation = Rederivation(connection, posted=posted)
        for record in records_between(connection, 0, posted):
            rederivation.check(fold.apply(record))
        return rederivation.finish()
