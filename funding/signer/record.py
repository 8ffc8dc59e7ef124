"""The signer's own memory: what it signed, for whom, and what each coin was said to be. Append-only, in SQLite.

A row is on disk (synchronous FULL) before a signature leaves the process, so a signer that dies knows of everything that may be
out there. It holds no key. Amounts in atomic units, times in microseconds since the epoch. Any thread; one lock.
"""

import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TABLES = ("signed", "paid", "coin")
_SCHEMA = """
CREATE TABLE signed (
    number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, txid TEXT NOT NULL UNIQUE, purpose TEXT NOT NULL,
    anchor TEXT NOT NULL, fee_sats INTEGER NOT NULL, change_index INTEGER NOT NULL, words TEXT NOT NULL
) STRICT;
CREATE INDEX signed_by_time ON signed (at_us);
CREATE TABLE paid (
    withdrawal_id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, anchor TEXT NOT NULL, script TEXT NOT NULL,
    amount_sats INTEGER NOT NULL
) STRICT;
CREATE INDEX paid_by_time ON paid (at_us);
CREATE TABLE coin (name TEXT PRIMARY KEY, script TEXT NOT NULL, amount_sats INTEGER NOT NULL) STRICT;
"""
_GUARD = (
    "CREATE TRIGGER {table}_{act}s BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END"
)


class NoRecord(Exception):
    """The record is missing, or is none. The message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A withdrawal that was signed for: every transaction that pays it spends ``anchor``."""

    withdrawal_id: int
    anchor: str
    script: str
    amount_sats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What is written down of one transaction. ``coins``: (name, script, amount) of what it spends.

    ``change_index``: the highest on the change branch that it pays, -1 for none. ``words``: the payments, for people.
    """

    txid: str
    purpose: str
    anchor: str
    fee_sats: int
    change_index: int
    words: str
    payments: tuple[Paid, ...]
    coins: tuple[tuple[str, str, int], ...]


class Record:
    """Raises NoRecord unless ``path`` is a record; ``begin`` makes a new one where there is none."""

    def __init__(self, path: Path, *, begin: bool = False) -> None:
        if begin is path.exists():
            raise NoRecord(
                f"{path} is there already" if begin else f"there is no record {path}; --begin starts one, once"
            )
        self._lock = threading.Lock()
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA synchronous = FULL")
            if begin:
                path.chmod(0o600)
                guards = [_GUARD.format(table=table, act=act) for table in _TABLES for act in ("UPDATE", "DELETE")]
                self._database.executescript(f"BEGIN; {_SCHEMA} {'; '.join(guards)}; COMMIT;")
            self._database.execute("SELECT 1 FROM signed, paid, coin LIMIT 1")
        except sqlite3.Error as error:
            raise NoRecord(f"{path} is no record: {error}") from error

    def close(self) -> None:
        self._database.close()

    def paid(self, withdrawal_id: int) -> Paid | None:
        found = self._one("SELECT anchor, script, amount_sats FROM paid WHERE withdrawal_id = ?", withdrawal_id)
        if found is None:
            return None
        return Paid(withdrawal_id=withdrawal_id, anchor=found[0], script=found[1], amount_sats=found[2])

    def coin(self, name: str) -> tuple[str, int] | None:
        """The script and the amount of a coin that was spent before, as they were shown then."""
        found: tuple[str, int] | None = self._one("SELECT script, amount_sats FROM coin WHERE name = ?", name)
        return found

    def knows(self, txid: str) -> bool:
        return self._one("SELECT 1 FROM signed WHERE txid = ?", txid) is not None

    def paid_since(self, at_us: int) -> int:
        """What withdrawals that were first signed for since then come to."""
        return self._number("SELECT coalesce(sum(amount_sats), 0) FROM paid WHERE at_us > ?", at_us)

    def fees_since(self, at_us: int, *, but: str) -> int:
        """What may have been burnt since then: the highest fee for each anchor, except one anchor's."""
        return self._number(
            "SELECT coalesce(sum(fee), 0) FROM (SELECT max(fee_sats) AS fee FROM signed"
            " WHERE at_us > ? AND anchor <> ? GROUP BY anchor)",
            at_us,
            but,
        )

    def highest_change_index(self) -> int:
        return self._number("SELECT coalesce(max(change_index), -1) FROM signed")

    def write(self, signing: Signing, *, at_us: int) -> None:
        """On disk when this returns; all of it or nothing."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._write(signing, at_us)
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise

    def _write(self, signing: Signing, at_us: int) -> None:
        self._database.execute(
            "INSERT INTO signed (at_us, txid, purpose, anchor, fee_sats, change_index, words)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                at_us,
                signing.txid,
                signing.purpose,
                signing.anchor,
                signing.fee_sats,
                signing.change_index,
                signing.words,
            ),
        )
        self._database.executemany(
            "INSERT INTO paid (withdrawal_id, at_us, anchor, script, amount_sats) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            [(one.withdrawal_id, at_us, one.anchor, one.script, one.amount_sats) for one in signing.payments],
        )
        self._database.executemany(
            "INSERT INTO coin (name, script, amount_sats) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", signing.coins
        )

    def _number(self, question: str, *parameters: object) -> int:
        return int(self._one(question, *parameters)[0])

    def _one(self, question: str, *parameters: object) -> Any:
        with self._lock:
            return self._database.execute(question, parameters).fetchone()
