"""The one writer of the books.

``Books`` makes the one statement that writes many entries with their postings, to be executed in the caller's
transaction on its connection; what it checks in Python, the database checks again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg


class UnbalancedEntry(Exception):
    """An entry's postings do not sum to zero in some asset, or there are none."""


AccountKey = tuple[int | None, str, str]
"""Owner (the trading account's id; None for the house), asset, kind of ledger account."""

LineKey = tuple[int | None, str, str, str]
"""An AccountKey and the kind of posting: what for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDraft:
    """One entry to be. ``cause``: the number of the journal event, unique. ``lines``: atoms, positive is a credit."""

    cause: int
    at_us: int
    lines: Mapping[LineKey, int]


_SEPARATOR = "\x1e"

_PREPARE = """
PREPARE post_entries (text, text, text, text, text, text, text) AS
    WITH entry AS (
        INSERT INTO ledger_entry (cause, at_us)
        SELECT cause::bigint, at_us::bigint
          FROM ROWS FROM (string_to_table($1, E'\\x1e'), string_to_table($2, E'\\x1e')) AS t (cause, at_us)
    )
    INSERT INTO ledger_posting (cause, account_id, kind, amount, balance)
    SELECT cause::bigint, account::bigint, kind, amount::numeric, balance::numeric
      FROM ROWS FROM (
           string_to_table($3, E'\\x1e'), string_to_table($4, E'\\x1e'), string_to_table($5, E'\\x1e'),
           string_to_table($6, E'\\x1e'), string_to_table($7, E'\\x1e')
           ) WITH ORDINALITY AS t (cause, account, kind, amount, balance, n)
     ORDER BY n
"""


class Books:
    """Posts entries, keeping the running balances of accounts in memory.

    After a failed or rolled back transaction the memory may be ahead of the database: make a new one.
    """

    def __init__(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        self._connection = connection
        _prepare(connection)
        self._ids: dict[AccountKey, int] = {}
        self._balances: dict[int, int] = {}

    def statements(self, entries: Sequence[EntryDraft]) -> list[str]:
        """The statement that posts the entries, for the caller to execute in its transaction; none for no entries.

        Raises UnbalancedEntry before anything is written.
        """
        if not entries:
            return []
        for entry in entries:
            _check(entry)
        self._open_accounts({key[:3] for entry in entries for key in entry.lines})
        postings = list(self._postings(entries))
        columns = [
            [entry.cause for entry in entries],
            [entry.at_us for entry in entries],
            *zip(*postings, strict=True),
        ]
        return [f"EXECUTE post_entries({', '.join(map(_column, columns))})"]

    def _postings(self, entries: Iterable[EntryDraft]) -> Iterable[tuple[int, int, str, int, int]]:
        for entry in entries:
            for (owner, asset, account_kind, kind), amount in entry.lines.items():
                account = self._ids[owner, asset, account_kind]
                balance = self._balances[account] = self._balances[account] + amount
                yield entry.cause, account, kind, amount, balance

    def _open_accounts(self, keys: set[AccountKey]) -> None:
        missing = sorted((key for key in keys if key not in self._ids), key=repr)
        for owner, asset, kind in missing:
            self._connection.execute(
                "INSERT INTO ledger_account (owner, asset, kind, balance) VALUES (%s, %s, %s, 0) ON CONFLICT DO NOTHING",
                (owner, asset, kind),
            )
            row = self._connection.execute(
                "SELECT id, balance FROM ledger_account WHERE asset = %s AND kind = %s AND"
                f" {'owner IS NULL' if owner is None else f'owner = {owner:d}'}",
                (asset, kind),
            ).fetchone()
            if row is None:
                raise RuntimeError(f"ledger account {(owner, asset, kind)} could not be opened")
            self._ids[owner, asset, kind] = int(str(row[0]))
            self._balances[self._ids[owner, asset, kind]] = int(str(row[1]))


def _prepare(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    known = connection.execute("SELECT 1 FROM pg_prepared_statements WHERE name = 'post_entries'").fetchone()
    if known is None:
        connection.execute(_PREPARE)


def _column(values: Iterable[object]) -> str:
    """A column of values as one SQL constant; none of them holds a quote."""
    return "'" + _SEPARATOR.join(map(str, values)) + "'"


def _check(entry: EntryDraft) -> None:
    totals: defaultdict[str, int] = defaultdict(int)
    for (_, asset, _, _), amount in entry.lines.items():
        totals[asset] += amount
    if not totals:
        raise UnbalancedEntry(f"entry {entry.cause} has no postings")
    for asset, total in totals.items():
        if total:
            raise UnbalancedEntry(f"entry {entry.cause} does not sum to zero in {asset}: {total}")
