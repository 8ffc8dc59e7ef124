"""Reading the journal, always by ``seq`` above what is known: gapless, so nothing that commits late can be missed."""

from collections.abc import Iterator, Sequence

import psycopg

from .append import COLUMNS, Known, as_record, check_known
from .errors import DatabaseLostData, JournalBroken
from .records import Record

Connection = psycopg.Connection[tuple[object, ...]]

CHUNK = 5000


def head_seq(connection: Connection) -> int:
    """The sequence number of the last committed event, 0 if there is none."""
    row = connection.execute("SELECT seq FROM journal_head").fetchone()
    match row:
        case (int(seq),):
            return seq
    raise JournalBroken(f"journal_head holds {row!r}")


def check_head(connection: Connection, known: Known) -> int:
    """``head_seq``; raises DatabaseLostData if the journal does not hold what is known of it."""
    head = head_seq(connection)
    if head < known.seq:
        raise DatabaseLostData(f"the journal ends at event {head}, {known.seq} was read here")
    row = connection.execute("SELECT hash FROM order_event WHERE seq = %s", (known.seq,)).fetchone()
    check_known(known, row)
    return head


def records_between(connection: Connection, after: int, last: int) -> Iterator[Record]:
    """Events with ``after < seq <= last`` in order, in chunks. Raises JournalBroken at a gap."""
    while after < last:
        upto = min(after + CHUNK, last)
        rows = connection.execute(
            f"SELECT {COLUMNS} FROM order_event WHERE seq > %s AND seq <= %s ORDER BY seq", (after, upto), binary=True
        ).fetchall()
        for row in rows:
            record = as_record(row)
            if record.seq != after + 1:
                raise JournalBroken(f"event {after + 1} is missing")
            after = record.seq
            yield record
        if after < upto:
            raise JournalBroken(f"event {after + 1} is missing")


def records_by_seq(connection: Connection, numbers: Sequence[int]) -> dict[int, Record]:
    """The events of these numbers."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM order_event WHERE seq = ANY(%s)", (list(numbers),)).fetchall()
    records = [as_record(row) for row in rows]
    return {record.seq: record for record in records}
