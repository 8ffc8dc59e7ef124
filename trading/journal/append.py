"""Appending to the journal: the one writer of ``order_event`` and ``journal_head``.

Whoever holds the row lock of ``journal_head`` appends, so commit order is sequence order and there are no gaps. Any
process may append; two cannot disagree. A batch is one transaction. If it raises ``psycopg.Error`` its outcome is
unknown: append the same drafts again on a new connection, and those already written come back as repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from .records import Draft, Record, link

Connection = psycopg.Connection[tuple[object, ...]]

_LOCK_HEAD = "BEGIN; SELECT seq, at_us, hash FROM journal_head FOR UPDATE"
_FIND = (
    "SELECT seq, at_us, command_id::text, kind, body::text, hash FROM order_event WHERE command_id = ANY(%s::uuid[])"
)
_COPY = "COPY order_event (seq, at_us, command_id, account_id, market, kind, body, request_id, hash) FROM STDIN"


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
    with connection.cursor() as cursor:
        try:
            appended = _append(cursor, drafts, now_us)
        except JournalBroken:
            cursor.execute("ROLLBACK")
            raise
    return appended


def _append(cursor: "psycopg.Cursor[tuple[object, ...]]", drafts: Sequence[Draft], now_us: int) -> Appended:
    head_seq, head_at_us, head_hash = _lock_head(cursor)
    repeated = _find(cursor, [draft.command_id for draft in drafts])
    at_us = max(head_at_us, now_us)
    records: list[Record] = []
    rows: list[str] = []
    seq, previous, seen = head_seq, head_hash, set(repeated)
    for draft in drafts:
        if draft.command_id in seen:
            continue
        seen.add(draft.command_id)
        seq += 1
        previous = link(previous, seq, at_us, draft.command_id, draft.kind, draft.body)
        records.append(Record(seq, at_us, draft.command_id, draft.kind, draft.body, previous))
        rows.append(_row(records[-1], draft))
    if not records:
        cursor.execute("ROLLBACK")
        return Appended(before=head_seq, records=[], repeated=repeated)
    with cursor.copy(_COPY) as copy:
        copy.write("".join(rows))
    cursor.execute(
        f"UPDATE journal_head SET seq = {seq}, at_us = {at_us}, hash = '\\x{previous.hex()}';"
        "COMMIT"
    )
    return Appended(before=head_seq, records=records, repeated=repeated)


def _lock_head(cursor: "psycopg.Cursor[tuple[object, ...]]") -> tuple[int, int, bytes]:
    cursor.execute(_LOCK_HEAD)
    cursor.nextset()
    row = cursor.fetchone()
    match row:
        case (int(seq), int(at_us), bytes(head_hash)):
            return seq, at_us, head_hash
    raise JournalBroken(f"journal_head holds {row!r}")


def _find(cursor: "psycopg.Cursor[tuple[object, ...]]", command_ids: list[str]) -> dict[str, Record]:
    cursor.execute(_FIND, (command_ids,), prepare=True)
    return {str(row[2]): as_record(row) for row in cursor.fetchall()}


def _row(record: Record, draft: Draft) -> str:
    """One line of COPY's text format. JSON has no raw tab or newline; its backslashes are doubled."""
    body = record.body.decode().replace("\\", "\\\\")
    account = "\\N" if draft.account is None else draft.account
    market = "\\N" if draft.market is None else _escape(draft.market)
    return (
        f"{record.seq}\t{record.at_us}\t{record.command_id}\t{account}\t{market}\t{record.kind}\t{body}\t"
        f"{_escape(draft.request_id)}\t\\\\x{record.hash.hex()}\n"
    )


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def as_record(row: tuple[object, ...]) -> Record:
    """A Record from (seq, at_us, command_id::text, kind, body::text, hash). Raises JournalBroken for another shape."""
    match row:
        case (int(seq), int(at_us), str(command_id), str(kind), str(body), bytes(row_hash)):
            return Record(seq, at_us, command_id, kind, body.encode(), row_hash)
    raise JournalBroken(f"a row of order_event holds {row!r}")
