"""The one writer of the books.

``Books.post`` runs inside the caller's transaction, on the caller's psycopg connection and thread. It writes the
postings of many entries by one COPY each for postings and entries; checks in Python what the database checks again.
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


class Books:
    """Posts entries, keeping the running balances of accounts in memory.

    After a failed or rolled back transaction the memory may be ahead of the database: make a new one.
    """

    def __init__(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        self._connection = connection
        self._ids: dict[AccountKey, int] = {}
        self._balances: dict[int, int] = {}

    def post(self, entries: Sequence[EntryDraft]) -> None:
        """Writes the entries in order. Raises UnbalancedEntry before anything is written."""
        if not entries:
            return
        for entry in entries:
            _check(entry)
        self._open_accounts({key[:3] for entry in entries for key in entry.lines})
        with self._connection.cursor() as cursor:
            with cursor.copy("COPY ledger_posting (cause, account_id, kind, amount, balance) FROM STDIN") as copy:
                copy.write("".join(self._rows(entries)))
            with cursor.copy("COPY ledger_entry (cause, at_us) FROM STDIN") as copy:
                copy.write("".join(f"{entry.cause}\t{entry.at_us}\n" for entry in entries))

    def _rows(self, entries: Iterable[EntryDraft]) -> Iterable[str]:
        for entry in entries:
            for (owner, asset, account_kind, kind), amount in entry.lines.items():
                account = self._ids[owner, asset, account_kind]
                balance = self._balances[account] = self._balances[account] + amount
                yield f"{entry.cause}\t{account}\t{kind}\t{amount}\t{balance}\n"

    def _open_accounts(self, keys: set[AccountKey]) -> None:
        missing = sorted((key for key in keys if key not in self._ids), key=repr)
        for owner, asset, kind in missing:
            row = self._connection.execute(
                "WITH made AS (INSERT INTO ledger_account (owner, asset, kind, balance) VALUES (%s, %s, %s, 0)"
                " ON CONFLICT DO NOTHING RETURNING id, balance)"
                " SELECT id, balance FROM made UNION ALL SELECT id, balance FROM ledger_account"
                " WHERE owner IS NOT DISTINCT FROM %s AND asset = %s AND kind = %s",
                (owner, asset, kind, owner, asset, kind),
            ).fetchone()
            if row is None:
                raise RuntimeError(f"ledger account {(owner, asset, kind)} could not be opened")
            self._ids[owner, asset, kind] = int(str(row[0]))
            self._balances[self._ids[owner, asset, kind]] = int(str(row[1]))


def _check(entry: EntryDraft) -> None:
    totals: defaultdict[str, int] = defaultdict(int)
    for (_, asset, _, _), amount in entry.lines.items():
        totals[asset] += amount
    if not totals:
        raise UnbalancedEntry(f"entry {entry.cause} has no postings")
    for asset, total in totals.items():
        if total:
            raise UnbalancedEntry(f"entry {entry.cause} does not sum to zero in {asset}: {total}")
