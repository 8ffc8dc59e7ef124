"""Appending to the journal: the one writer of ``order_event`` and ``journal_head``.

Whoever holds the row lock of ``journal_head`` appends, so commit order is sequence order and there are no gaps. Any
process may append; two cannot disagree. A batch is one transaction in two round trips: lock and look up, write and
commit; in one, if nobody else has appended since the caller did last. If it raises ``psycopg.Error`` its outcome is
unknown: append the same drafts again on a new connection, and those already written come back as repeated. With the
commit all who LISTEN are woken, without a payload; who sleeps through it looks by himself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakSet

import psycopg

from trading.bulk import at_once, column, literal, rows_from

from .errors import DatabaseLostData, JournalBroken
from .records import FORMAT, GENESIS_HASH, Draft, Record, link

Connection = psycopg.Connection[tuple[object, ...]]
Cursor = psycopg.Cursor[tuple[object, ...]]

CHANNEL = "journal"
"""Where the database tells listeners that there are new events."""

COLUMNS = "seq, at_us, command_id::text, kind, body::text, request_id, format, hash"
"""What ``as_record`` reads."""

_PREPARE = f"""
PREPARE journal_find (uuid[]) AS
    SELECT {COLUMNS} FROM order_event WHERE command_id = ANY($1);
PREPARE journal_hash (bigint) AS SELECT hash FROM order_event WHERE seq = $1;
PREPARE journal_put (bigint, bigint, text, text, text, text, text, text, text) AS
    INSERT INTO order_event (seq, at_us, command_id, account_id, market, kind, body, request_id, format, hash)
    SELECT $1 + n, $2, id::uuid, nullif(account, '')::bigint, nullif(market, ''), kind, body::json, request_id,
           {FORMAT}, decode(hash, 'hex')
      FROM {rows_from(3, 7)} AS t (id, account, market, kind, body, request_id, hash, n);
PREPARE journal_continue (bigint, text, bigint, bigint, text, text, text, text, text, text, text, text) AS
    WITH head AS (
        UPDATE journal_head SET seq = $3, at_us = $4, hash = decode($5, 'hex')
         WHERE id = 1 AND seq = $1 AND hash = decode($2, 'hex')
           AND EXISTS (SELECT FROM order_event WHERE seq = $1 AND hash = decode($2, 'hex'))
        RETURNING $1 AS before
    ), put AS (
        INSERT INTO order_event (seq, at_us, command_id, account_id, market, kind, body, request_id, format, hash)
        SELECT before + n, $4, id::uuid, nullif(account, '')::bigint, nullif(market, ''), t.kind, t.body::json,
               t.request_id, {FORMAT}, decode(t.hash, 'hex')
          FROM head, {rows_from(6, 7)} AS t (id, account, market, kind, body, request_id, hash, n)
        RETURNING 1
    )
    SELECT count(*), (SELECT pg_notify('{CHANNEL}', '') FROM head) FROM put
"""
_prepared: WeakSet[Connection] = WeakSet()


class Known(NamedTuple):
    """The last event that the caller has read, with its hash: what the journal must still hold."""

    seq: int
    hash: bytes


NOTHING = Known(0, GENESIS_HASH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What became of a batch.

    ``before``: the head's sequence number before it. ``records``: the new rows, consecutive from ``before + 1``.
    ``repeated``: rows that were in the journal already, by command id.
    """

    before: int
    records: list[Record]
    repeated: dict[str, Record]


def append(
    connection: Connection,
    drafts: Sequence[Draft],
    *,
    now_us: int,
    known: Known = NOTHING,
    last_at_us: int | None = None,
) -> Appended:
    """Commits the drafts that are not in the journal yet, in order. The connection must be in autocommit mode.

    They are dated ``now_us``, or as the event before them if that is later. ``last_at_us``: the time of the event that is
    known, if the caller believes that it is the last.

    Raises psycopg.Error with the outcome unknown; with nothing written JournalBroken, or DatabaseLostData if the journal
    does not hold what is ``known`` of it.
    """
    if connection not in _prepared:
        connection.execute(_PREPARE)
        _prepared.add(connection)
    if last_at_us is not None and (appended := _continue(connection, drafts, max(last_at_us, now_us), known)):
        return appended
    with connection.cursor() as cursor:
        try:
            return _append(cursor, drafts, now_us, known)
        except (JournalBroken, DatabaseLostData):
            cursor.execute("ROLLBACK")
            raise


def _append(cursor: Cursor, drafts: Sequence[Draft], now_us: int, known: Known) -> Appended:
    (before, head_at_us, head_hash), repeated = _lock_head(cursor, drafts, known)
    at_us = max(head_at_us, now_us)
    new = {draft.command_id: draft for draft in reversed(drafts) if draft.command_id not in repeated}
    ordered = [new.pop(draft.command_id) for draft in drafts if draft.command_id in new]
    records = _linked(ordered, Known(before, head_hash), at_us)
    # With nothing to write COMMIT gives the lock back; at a ROLLBACK psycopg would deallocate our prepared statements.
    cursor.execute(_put_and_commit(before, at_us, ordered, records) if records else "COMMIT")
    return Appended(before=before, records=records, repeated=repeated)


def _continue(connection: Connection, drafts: Sequence[Draft], at_us: int, known: Known) -> Appended | None:
    """Appends right after the event that is known, in one statement. None, with nothing written, if that is not the last, or
    one of the commands is in the journal already.
    """
    new: dict[str, Draft] = {}
    for draft in drafts:
        new.setdefault(draft.command_id, draft)
    ordered = list(new.values())
    records = _linked(ordered, known, at_us)
    last = records[-1]
    columns = ", ".join(map(column, _columns(ordered, records)))
    head = f"{known.seq}, '{known.hash.hex()}', {last.seq}, {at_us}, '{last.hash.hex()}'"
    try:
        result = at_once(connection, f"EXECUTE journal_continue({head}, {columns})")
    except psycopg.errors.UniqueViolation:
        return None
    written = int(result.get_value(0, 0) or b"-1")
    if written == 0:
        return None
    if written != len(records):
        raise JournalBroken(f"of {len(records)} events after event {known.seq} the database says it wrote {written}")
    return Appended(before=known.seq, records=records, repeated={})


def _linked(drafts: Iterable[Draft], after: Known, at_us: int) -> list[Record]:
    """The rows that the drafts become after this event."""
    records: list[Record] = []
    previous = after.hash
    for seq, draft in enumerate(drafts, after.seq + 1):
        command_id, kind, body, request_id = draft.command_id, draft.kind, draft.body, draft.request_id
        previous = link(previous, FORMAT, seq, at_us, command_id, kind, request_id, body)
        records.append(Record(seq, at_us, command_id, kind, body, request_id, FORMAT, previous))
    return records


def _lock_head(
    cursor: Cursor, drafts: Iterable[Draft], known: Known
) -> tuple[tuple[int, int, bytes], dict[str, Record]]:
    """Opens the transaction: the head, locked, and those of the drafts that are in the journal already."""
    command_ids = ",".join(draft.command_id for draft in drafts)
    cursor.execute(
        "BEGIN; SELECT seq, at_us, hash FROM journal_head FOR UPDATE;"
        f"EXECUTE journal_find({literal('{' + command_ids + '}')});"
        f"EXECUTE journal_hash({known.seq})"
    )
    cursor.nextset()
    row = cursor.fetchone()
    cursor.nextset()
    repeated = {record.command_id: record for record in map(as_record, cursor.fetchall())}
    cursor.nextset()
    check_known(known, cursor.fetchone())
    match row:
        case (int(seq), int(at_us), bytes(head_hash)):
            if seq < known.seq:
                raise DatabaseLostData(f"the journal ends at event {seq}, {known.seq} was read here")
            if seq == known.seq and head_hash != known.hash:
                raise JournalBroken(f"the head's hash is not that of event {seq}")
            return (seq, at_us, head_hash), repeated
    raise JournalBroken(f"journal_head holds {row!r}")


def _put_and_commit(before: int, at_us: int, drafts: Sequence[Draft], records: Sequence[Record]) -> str:
    return (
        f"EXECUTE journal_put({before}, {at_us}, {', '.join(map(column, _columns(drafts, records)))});"
        f"UPDATE journal_head SET seq = {records[-1].seq}, at_us = {at_us}, hash = '\\x{records[-1].hash.hex()}';"
        f"COMMIT; NOTIFY {CHANNEL}"
    )


def _columns(drafts: Sequence[Draft], records: Sequence[Record]) -> tuple[Iterable[object], ...]:
    return (
        [draft.command_id for draft in drafts],
        [draft.account for draft in drafts],
        [draft.market for draft in drafts],
        [draft.kind for draft in drafts],
        [draft.body.decode() for draft in drafts],
        [draft.request_id for draft in drafts],
        [record.hash.hex() for record in records],
    )


def check_known(known: Known, row: tuple[object, ...] | None) -> None:
    """Raises DatabaseLostData unless the row, the hash of event ``known.seq``, is what was known of it."""
    if row is None and known.seq:
        raise DatabaseLostData(f"event {known.seq} was read here, the journal does not hold it any more")
    if row is not None and row[0] != known.hash:
        raise DatabaseLostData(f"event {known.seq} is another than the one that was read here")


def as_record(row: tuple[object, ...]) -> Record:
    """A Record from COLUMNS. Raises JournalBroken for another shape."""
    match row:
        case (int(seq), int(at_us), str(command_id), str(kind), str(body), str(request_id), int(format_), bytes(hash_)):
            return Record(seq, at_us, command_id, kind, body.encode(), request_id, format_, hash_)
    raise JournalBroken(f"a row of order_event holds {row!r}")
