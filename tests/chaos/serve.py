"""gunicorn with something changed in its process: ``python -m tests.chaos.serve CHANGE`` and gunicorn's own arguments.

The worker is a fork, so what is changed here stays changed there, and the product needs no hooks. All but the first change
are defects put in on purpose, for ``mutants``.
"""

import select
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import psycopg
from gunicorn.app.wsgiapp import run
from psycopg.pq import TransactionStatus

from trading import replica
from trading.applied import Applied
from trading.fold import Fold
from trading.journal import append as journal
from trading.journal.append import COLUMNS, Appended, Known, as_record
from trading.journal.records import Draft, Record

Connection = psycopg.Connection[tuple[object, ...]]
Cursor = psycopg.Cursor[tuple[object, ...]]

LATER_S = 0.3


def sleep_by_select() -> None:
    """libfaketime 0.9.10 makes an error of the sleep to an absolute time that Python's own sleep is."""

    def sleep(seconds: float) -> None:
        select.select([], [], [], seconds)

    time.sleep = sleep


def in_two_steps(connection: Connection, drafts: Sequence[Draft], at_us: int, known: Known) -> None:
    """Instead of an append in one statement: the defects are put into the longer way."""


def commit_later() -> None:
    """Answers go out at once; the COMMIT of all that was answered meanwhile follows LATER_S after the first."""
    put_and_commit, append = journal._put_and_commit, replica.append
    turn = threading.Lock()

    def put(before: int, at_us: int, drafts: Sequence[Draft], records: Sequence[Record]) -> str:
        return put_and_commit(before, at_us, drafts, records).partition("COMMIT")[0]

    def commit(connection: Connection) -> None:
        with turn:
            if connection.info.transaction_status == TransactionStatus.INTRANS:
                connection.execute("COMMIT")

    def append_uncommitted(
        connection: Connection, drafts: Sequence[Draft], *, now_us: int, known: Known, last_at_us: int | None
    ) -> Appended:
        with turn:
            is_first = connection.info.transaction_status == TransactionStatus.IDLE
            appended = append(connection, drafts, now_us=now_us, known=known)
        if is_first:
            threading.Timer(LATER_S, commit, [connection]).start()
        return appended

    journal._put_and_commit = put
    replica.append = append_uncommitted


def forget_commands() -> None:
    """The look-up of repeated commands finds nothing. The mutant's SQL drops the constraint that would refuse them."""
    lock_head = journal._lock_head
    journal._continue = in_two_steps

    def lock_head_alone(
        cursor: Cursor, drafts: Iterable[Draft], known: Known
    ) -> tuple[tuple[int, int, bytes], dict[str, Record]]:
        head, _ = lock_head(cursor, drafts, known)
        return head, {}

    journal._lock_head = lock_head_alone


def number_by_sequence() -> None:
    """Appends take numbers from a sequence without locking the head; readers take what is there and see no gap."""
    apply_linked = Fold.apply_linked
    journal._continue = in_two_steps

    def take_numbers(
        cursor: Cursor, drafts: Sequence[Draft], known: Known
    ) -> tuple[tuple[int, int, bytes], dict[str, Record]]:
        numbers = f"SELECT nextval('journal_seq') AS number FROM generate_series(1, {len(drafts)})"
        cursor.execute(f"BEGIN; SELECT max(number) - {len(drafts)} FROM ({numbers}) AS taken")
        cursor.nextset()
        return (_number(cursor.fetchone()), 0, known.hash), {}

    def last_number(connection: Connection, known: Known) -> int:
        return _number(connection.execute("SELECT coalesce(max(seq), 0) FROM order_event").fetchone())

    def records_between(connection: Connection, after: int, last: int) -> Iterator[Record]:
        query = f"SELECT {COLUMNS} FROM order_event WHERE seq > %s AND seq <= %s ORDER BY seq"
        yield from map(as_record, connection.execute(query, (after, last), binary=True).fetchall())

    def apply_whatever_comes(self: Fold, record: Record) -> Applied:
        event = self.engine.open_orders
        event.seq, event.at_us = record.seq - 1, min(event.at_us, record.at_us)
        return apply_linked(self, record)

    journal._lock_head = take_numbers
    replica.check_head = last_number
    replica.records_between = records_between

    def apply_many(self: Fold, records: Sequence[Record]) -> list[Applied]:
        return [apply_whatever_comes(self, record) for record in records]

    Fold.apply = Fold.apply_linked = apply_whatever_comes
    Fold.apply_many = apply_many


def _number(row: tuple[object, ...] | None) -> int:
    return int(str(row[0])) if row else 0


CHANGES: dict[str, Callable[[], None]] = {
    "sleep-by-select": sleep_by_select,
    "commit-later": commit_later,
    "forget-commands": forget_commands,
    "number-by-sequence": number_by_sequence,
}


if __name__ == "__main__":
    CHANGES[sys.argv.pop(1)]()
    run()
