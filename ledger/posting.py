"""The one writer of the books.

``Books`` makes the one statement that writes many entries with their postings, to be executed in the caller's
transaction on its connection; what it checks in Python, the database checks again.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import psycopg

from .columns import apart


class UnbalancedEntry(Exception):
    """An entry's postings do not sum to zero in some asset, or there are none."""


AccountKey = tuple[int | None, str, str]
"""Owner (the trading account's id; None for the house), asset, kind of ledger account."""

Line = tuple[AccountKey, str, int, int]
"""An account, the kind of posting (what for), atoms (positive is a credit), and what the account holds after the entry.

The house holds nothing. A line of kind ``hold`` has no amount."""


class EntryDraft(NamedTuple):
    """One entry to be. ``cause``: the number of the journal event, unique. ``reverses``: the cause that it takes back."""

    cause: int
    at_us: int
    lines: list[Line]
    reverses: int | None = None


class _Account:
    """An account that is open: its id, and its balance after all that was posted."""

    __slots__ = ("balance", "id")

    def __init__(self, id_: int, balance: int) -> None:
        self.id = id_
        self.balance = balance


_ENTRY_COLUMNS = ("cause", "at_us", "reverses")
_POSTING_COLUMNS = ("cause", "account", "kind", "amount", "balance", "held")


class Books:
    """Posts entries, keeping the running balances of accounts in memory.

    After a failed or rolled back transaction the memory may be ahead of the database: make a new one.
    """

    def __init__(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        self._connection = connection
        _prepare(connection)
        self._accounts: dict[AccountKey, _Account] = {}

    def statements(self, entries: Sequence[EntryDraft]) -> list[str]:
        """The statement that posts the entries, for the caller to execute in its transaction; none for no entries.

        Raises UnbalancedEntry before anything is written.
        """
        if not entries:
            return []
        for entry in entries:
            _check(entry)
        self._open_accounts(entries)
        columns: list[Sequence[object]] = [
            [entry.cause for entry in entries],
            [entry.at_us for entry in entries],
            [entry.reverses for entry in entries],
            *self._posting_columns(entries),
        ]
        return [f"EXECUTE post_entries({', '.join(map(_column, columns))})"]

    def _posting_columns(self, entries: Iterable[EntryDraft]) -> tuple[list[object], ...]:
        causes: list[object] = []
        ids: list[object] = []
        kinds: list[object] = []
        amounts: list[object] = []
        balances: list[object] = []
        holds: list[object] = []
        accounts = self._accounts
        for entry in entries:
            cause = entry.cause
            for key, kind, amount, held in entry.lines:
                account = accounts[key]
                account.balance += amount
                causes.append(cause)
                ids.append(account.id)
                kinds.append(kind)
                amounts.append(amount)
                balances.append(account.balance)
                holds.append(held)
        return causes, ids, kinds, amounts, balances, holds

    def _open_accounts(self, entries: Iterable[EntryDraft]) -> None:
        accounts = self._accounts
        missing = {line[0] for entry in entries for line in entry.lines if line[0] not in accounts}
        for owner, asset, kind in sorted(missing, key=repr):
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
            accounts[owner, asset, kind] = _Account(int(str(row[0])), int(str(row[1])))


def _prepare(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    known = connection.execute("SELECT 1 FROM pg_prepared_statements WHERE name = 'post_entries'").fetchone()
    if known is None:
        connection.execute(
            f"""
        PREPARE post_entries (text, text, text, text, text, text, text, text, text) AS
            WITH entry AS (
                INSERT INTO ledger_entry (cause, at_us, reverses)
                SELECT cause::bigint, at_us::bigint, nullif(reverses, '')::bigint FROM {_rows_from(1, _ENTRY_COLUMNS)}
            )
            INSERT INTO ledger_posting (cause, account_id, kind, amount, balance, held)
            SELECT cause::bigint, account::bigint, kind, amount::numeric, balance::numeric, held::numeric
              FROM {_rows_from(4, _POSTING_COLUMNS)} ORDER BY n
            """
        )


def _rows_from(first: int, columns: Sequence[str]) -> str:
    tables = ", ".join(f"string_to_table(${number}, E'\\x1e')" for number in range(first, first + len(columns)))
    return f"ROWS FROM ({tables}) WITH ORDINALITY AS t ({', '.join(columns)}, n)"


def _column(values: Sequence[object]) -> str:
    """A column of values as one SQL constant; none of them holds a quote."""
    return f"'{apart(values)}'"


def _check(entry: EntryDraft) -> None:
    if not entry.lines:
        raise UnbalancedEntry(f"entry {entry.cause} has no postings")
    totals: dict[str, int] = {}
    for (_, asset, _), _, amount, _ in entry.lines:
        totals[asset] = totals.get(asset, 0) + amount
    for asset, total in totals.items():
        if total:
            raise UnbalancedEntry(f"entry {entry.cause} does not sum to zero in {asset}: {total}")
