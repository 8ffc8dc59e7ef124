"""Checks of the books against themselves. Each returns findings in words; none is good news."""

import psycopg

from .queries import trial_balance

Connection = psycopg.Connection[tuple[object, ...]]


def findings(connection: Connection) -> list[str]:
    return [
        *_trial_balance(connection),
        *(said for query, words in _QUERIES for said in _first(connection, query, words)),
    ]


def _trial_balance(connection: Connection) -> list[str]:
    totals = trial_balance(connection)
    return [f"trial balance of {asset} is {total}, not zero" for asset, total in totals.items() if total]


def _first(connection: Connection, query: str, words: str) -> list[str]:
    """The first row that the query finds, in these words."""
    row = connection.execute(f"{query} ORDER BY 1 LIMIT 1").fetchone()
    return [] if row is None else [words.format(*row)]


_QUERIES = (
    (
        "SELECT p.cause, a.asset, sum(p.amount) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id"
        " GROUP BY 1, 2 HAVING sum(p.amount) <> 0",
        "entry {} does not sum to zero in {}: {}",
    ),
    (
        "SELECT id, cause FROM (SELECT id, cause, balance, amount,"
        " coalesce(lag(balance) OVER (PARTITION BY account_id ORDER BY id), 0) AS before FROM ledger_posting) s"
        " WHERE balance <> before + amount",
        "posting {} of entry {} carries a wrong running balance",
    ),
    (
        "SELECT p.id, p.cause FROM (SELECT id, cause, account_id, balance, held, lead(cause) OVER"
        " (PARTITION BY account_id ORDER BY id) IS DISTINCT FROM cause AS ends_entry FROM ledger_posting) p"
        " JOIN ledger_account a ON a.id = p.account_id"
        " WHERE p.held > 0 AND (a.kind <> 'user' OR p.held > p.balance AND p.ends_entry)",
        "posting {} of entry {} holds more than there is",
    ),
    (
        "SELECT a.id, a.balance, coalesce(s.total, 0) FROM ledger_account a"
        " LEFT JOIN (SELECT account_id, sum(amount) AS total FROM ledger_posting GROUP BY 1) s ON s.account_id = a.id"
        " WHERE a.balance <> coalesce(s.total, 0)",
        "ledger account {} says {}, its postings sum to {}",
    ),
    (
        "SELECT a.id, coalesce(a.held::text, 'nothing'), coalesce(p.held::text, 'nothing') FROM ledger_account a"
        " JOIN (SELECT account_id, max(id) AS last FROM ledger_posting GROUP BY 1) s ON s.account_id = a.id"
        " JOIN ledger_posting p ON p.id = s.last WHERE a.held IS DISTINCT FROM p.held",
        "ledger account {} says that {} is held, its last posting says {}",
    ),
    (
        "SELECT e.cause, e.reverses FROM ledger_entry e WHERE e.reverses IS NOT NULL AND ("
        " NOT EXISTS (SELECT FROM ledger_entry o WHERE o.cause = e.reverses AND o.cause < e.cause)"
        " OR NOT EXISTS (SELECT FROM ledger_posting p"
        " WHERE p.cause = e.cause AND p.kind NOT IN ('trade', 'fee', 'rounding', 'hold'))"
        " OR EXISTS (SELECT FROM ledger_posting p WHERE p.cause IN (e.cause, e.reverses)"
        " AND p.kind NOT IN ('trade', 'fee', 'rounding', 'hold') GROUP BY p.account_id HAVING sum(p.amount) <> 0))",
        "entry {} reverses entry {} and is not its mirror",
    ),
    (
        "SELECT coalesce(d.day, s.day), coalesce(d.kind, s.kind), coalesce(d.asset, s.asset) FROM ledger_day d"
        " FULL JOIN (SELECT ledger_day_of(e.at_us) AS day, a.kind, a.asset,"
        " sum(greatest(p.amount, 0)) AS credits, sum(least(p.amount, 0)) AS debits"
        " FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id JOIN ledger_entry e ON e.cause = p.cause"
        " GROUP BY 1, 2, 3) s ON (s.day, s.kind, s.asset) = (d.day, d.kind, d.asset)"
        " WHERE d.credits IS DISTINCT FROM s.credits OR d.debits IS DISTINCT FROM s.debits",
        "the sums of {} of kind {} in {} are not those of its postings",
    ),
    (
        "SELECT a.kind, a.asset, sum(coalesce(a.held, 0)), coalesce(d.held, 0) FROM ledger_account a LEFT JOIN"
        " (SELECT kind, asset, sum(held) AS held FROM ledger_day GROUP BY 1, 2) d USING (kind, asset)"
        " GROUP BY 1, 2, 4 HAVING sum(coalesce(a.held, 0)) <> coalesce(d.held, 0)",
        "accounts of kind {0} hold {2} {1}, the days sum to {3}",
    ),
)
"""What to look for, and how to say it of the row that was found."""
