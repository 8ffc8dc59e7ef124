"""Appending to the journal: the one writer of ``order_event`` and ``journal_head``.

Whoever holds the row lock of ``journal_head`` appends, so commit order is sequence order and there are no gaps. Any
process may append; two cannot disagree. A batch is one transaction in two round trips: lock and look up, write and
commit. If it raises ``psycopg.Error`` its outcome is unknown: append the same drafts again on a new connection, and
those already written come back as repeated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from weakref import WeakSet

import psycopg

from trading.bulk import column, literal, rows_from

from .records import FORMAT, Draft, Record, link

Connection = psycopg.Connection[tuple[object, ...]]
Cursor = psycopg.Cursor[tuple[object, ...]]

COLUMNS = "seq, at_us, command_id::text, kind, body::text, request_id, format, hash"
"""What ``as_record`` reads."""

_PREPARE = f"""
PREPARE journal_find (uuid[]) AS
    SELECT {COLUMNS} FROM order_event WHERE command_id = ANY($1);
PREPARE journal_put (bigint, bigint, text, text, text, text, text, text, text) AS
    INSERT INTO order_event (seq, at_us, command_id, account_id, market, kind, body, request_id, format, hash)
    SELECT $1 + n, $2, id::uuid, nullif(account, '')::bigint, nullif(market, ''), kind, body::json, request_id,
           {FORMAT}, decode(hash, 'hex')
      FROM {rows_from(3, 7)} AS t (id, account, market, kind, body, request_id, hash, n)
"""
_prepared: WeakSet[Connection] = WeakSet()


class JournalBroken(Exception):
    """The head is missing or says what cannot be. Nothing was appended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What became of a batch.

    ``before``: the head's sequence number before it. ``records``: the new rows, consecutive from ``before + 1``.
    ``repeated``: rows that were in the journal already, by command id.
    """

    before: int
    records: list[Record]
    repeated: dict[str, Record]


def append(connection: Connection, drafts: Sequence[Draft], *, now_us: int) -> Appended:
    """Commits the drafts that are not in the journal yet, in order. The connection must be in autocommit mode.

    They are dated ``now_us``, or as the event before them if that is later.

    Raises psycopg.Error with the outcome unknown, JournalBroken with nothing written.
    """
    if connection not in _prepared:
        connection.execute(_PREPARE)
        _prepared.add(connection)
    with connection.cursor() as cursor:
        try:
            return _append(cursor, drafts, now_us)
        except JournalBroken:
            cursor.execute("ROLLBACK")
            raise


def _append(cursor: Cursor, drafts: Sequence[Draft], now_us: int) -> Appended:
    (before, head_at_us, head_hash), repeated = _lock_head(cursor, drafts)
    at_us = max(head_at_us, now_us)
    new = {draft.command_id: draft for draft in reversed(drafts) if draft.command_id not in repeated}
    ordered = [new.pop(draft.command_id) for draft in drafts if draft.command_id in new]
    records: list[Record] = []
    previous = head_hash
    for seq, draft in enumerate(ordered, before + 1):
        command_id, kind, body, request_id = draft.command_id, draft.kind, draft.body, draft.request_id
        previous = link(previous, FORMAT, seq, at_us, command_id, kind, request_id, body)
        records.append(Record(seq, at_us, command_id, kind, body, request_id, FORMAT, previous))
    # With nothing to write COMMIT gives the lock back; at a ROLLBACK psycopg would deallocate our prepared statements.
    cursor.execute(_put_and_commit(before, at_us, ordered, records) if records else "COMMIT")
    return Appended(before=before, records=records, repeated=repeated)


def _lock_head(cursor: Cursor, drafts: Iterable[Draft]) -> tuple[tuple[int, int, bytes], dict[str, Record]]:
    """Opens the transaction: the head, locked, and those of the drafts that are in the journal already."""
    command_ids = ",".join(draft.command_id for draft in drafts)
    cursor.execute(
        "BEGIN; SELECT seq, at_us, hash FROM journal_head FOR UPDATE;"
        f"EXECUTE journal_find({literal('{' + command_ids + '}')})"
    )
    cursor.nextset()
    row = cursor.fetchone()
    cursor.nextset()
    repeated = {record.command_id: record for record in map(as_record, cursor.fetchall())}
    match row:
        case (int(seq), int(at_us), bytes(head_hash)):
            return (seq, at_us, head_hash), repeated
    raise JournalBroken(f"journal_head holds {row!r}")


def _put_and_commit(before: int, at_us: int, drafts: Sequence[Draft], records: Sequence[Record]) -> str:
    columns: tuple[Iterable[object], ...] = (
        [draft.command_id for draft in drafts],
        [draft.account for draft in drafts],
        [draft.market for draft in drafts],
        [draft.kind for draft in drafts],
        [draft.body.decode() for draft in drafts],
        [draft.request_id for draft in drafts],
        [record.hash.hex() for record in records],
    )
    return (
        f"EXECUTE journal_put({before}, {at_us}, {', '.join(map(column, columns))});"
        f"UPDATE journal_head SET seq = {records[-1].seq}, at_us = {at_us}, hash = '\\x{records[-1].hash.hex()}';"
        "COMMIT"
    )


def as_record(row: tuple[object, ...]) -> Record:
    """A Record from COLUMNS. Raises JournalBroken for another shape."""
    match row:
        case (int(seq), int(at_us), str(command_id), str(kind), str(body), str(request_id), int(format_), bytes(hash_)):
            return Record(seq, at_us, command_id, kind, body.encode(), request_id, format_, hash_)
    raise JournalBroken(f"a row of order_event holds {row!r}")
