"""Checks of the books against themselves. Each returns findings in words; none is good news."""

import psycopg

from .queries import trial_balance

Connection = psycopg.Connection[tuple[object, ...]]


def findings(connection: Connection) -> list[str]:
    return [*_trial_balance(connection), *_entries(connection), *_running_balances(connection), *_accounts(connection)]


def _trial_balance(connection: Connection) -> list[str]:
    totals = trial_balance(connection)
    return [f"trial balance of {asset} is {total}, not zero" for asset, total in totals.items() if total]


def _entries(connection: Connection) -> list[str]:
    row = connection.execute(
        "SELECT p.cause, a.asset, sum(p.amount) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id"
        " GROUP BY 1, 2 HAVING sum(p.amount) <> 0 ORDER BY 1 LIMIT 1"
    ).fetchone()
    return [] if row is None else [f"entry {row[0]} does not sum to zero in {row[1]}: {row[2]}"]


def _running_balances(connection: Connection) -> list[str]:
    row = connection.execute(
        "SELECT id, cause FROM (SELECT id, cause, balance,"
        " sum(amount) OVER (PARTITION BY account_id ORDER BY id) AS expected FROM ledger_posting) s"
        " WHERE balance <> expected ORDER BY id LIMIT 1"
    ).fetchone()
    return [] if row is None else [f"posting {row[0]} of entry {row[1]} carries a wrong running balance"]


def _accounts(connection: Connection) -> list[str]:
    row = connection.execute(
        "SELECT a.id, a.balance, coalesce(sum(p.amount), 0) FROM ledger_account a"
        " LEFT JOIN ledger_posting p ON p.account_id = a.id GROUP BY a.id"
        " HAVING a.balance <> coalesce(sum(p.amount), 0) ORDER BY a.id LIMIT 1"
    ).fetchone()
    return [] if row is None else [f"ledger account {row[0]} says {row[1]}, its postings sum to {row[2]}"]
