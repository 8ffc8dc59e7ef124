"""Reading the books. Plain SQL on the caller's connection; amounts come back as ints in atomic units."""

from dataclasses import dataclass
from decimal import Decimal

import psycopg

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One posting to a user's account, with the balance after it."""

    id: int
    asset: str
    amount_atoms: int
    balance_atoms: int
    kind: str
    cause: int
    at_us: int


def statement(
    connection: Connection, *, owner: int, asset: str | None, before_id: int | None, limit: int
) -> list[StatementLine]:
    """The user's postings, newest first, those with an id below ``before_id``."""
    rows = connection.execute(
        "SELECT p.id, a.asset, p.amount, p.balance, p.kind, p.cause, e.at_us"
        "  FROM ledger_account a JOIN ledger_posting p ON p.account_id = a.id JOIN ledger_entry e ON e.cause = p.cause"
        " WHERE a.owner = %(owner)s AND a.kind = 'user' AND (%(asset)s::text IS NULL OR a.asset = %(asset)s)"
        "   AND (%(before)s::bigint IS NULL OR p.id < %(before)s)"
        " ORDER BY p.id DESC LIMIT %(limit)s",
        {"owner": owner, "asset": asset, "before": before_id, "limit": limit},
    ).fetchall()
    return [
        StatementLine(
            id=_int(row[0]),
            asset=str(row[1]),
            amount_atoms=_int(row[2]),
            balance_atoms=_int(row[3]),
            kind=str(row[4]),
            cause=_int(row[5]),
            at_us=_int(row[6]),
        )
        for row in rows
    ]


def trial_balance(connection: Connection) -> dict[str, int]:
    """Sum of all postings per asset: all zero, or something is badly wrong."""
    rows = connection.execute(
        "SELECT a.asset, sum(p.amount) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id GROUP BY 1"
    ).fetchall()
    return {str(asset): _int(total) for asset, total in rows}


def balances(connection: Connection) -> dict[tuple[int | None, str, str], int]:
    """Every account's balance by (owner, asset, kind)."""
    rows = connection.execute("SELECT owner, asset, kind, balance FROM ledger_account").fetchall()
    return {(None if r[0] is None else _int(r[0]), str(r[1]), str(r[2])): _int(r[3]) for r in rows}


def _int(value: object) -> int:
    if not isinstance(value, int | Decimal):
        raise TypeError(f"expected a whole number, got {value!r}")
    return int(value)
