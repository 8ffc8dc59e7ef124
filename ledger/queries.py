"""Reading the books. Plain SQL on the caller's connection; amounts come back as ints in atomic units."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal

import psycopg

from .posting import AccountKey

Connection = psycopg.Connection[tuple[object, ...]]

Position = tuple[int, int | None]
"""A balance, and what is held of it; None where that is not recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One posting that changed a user's balance, with the balance after it."""

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
    """What changed the user's balances, newest first, those with an id below ``before_id``. Holds change none."""
    rows = connection.execute(
        "SELECT p.id, a.asset, p.amount, p.balance, p.kind, p.cause, e.at_us"
        "  FROM ledger_account a JOIN ledger_posting p ON p.account_id = a.id JOIN ledger_entry e ON e.cause = p.cause"
        " WHERE a.owner = %(owner)s AND a.kind = 'user' AND p.kind <> 'hold' AND (%(asset)s::text IS NULL OR a.asset = %(asset)s)"
        "   AND (%(before)s::bigint IS NULL OR p.id < %(before)s)"
        " ORDER BY p.id DESC LIMIT %(limit)s",
        {"owner": owner, "asset": asset, "before": before_id, "limit": limit},
    ).fetchall()
    return [_statement_line(row) for row in rows]


def statement_after(
    connection: Connection, *, owner: int, after_id: int, until: int, start_us: int, end_us: int | None, limit: int
) -> list[StatementLine]:
    """What changed the user's balances, oldest first: ids above ``after_id``, events up to ``until``, and of the time from
    ``start_us`` to before ``end_us``.
    """
    rows = connection.execute(
        "SELECT p.id, a.asset, p.amount, p.balance, p.kind, p.cause, e.at_us"
        "  FROM ledger_account a JOIN ledger_posting p ON p.account_id = a.id JOIN ledger_entry e ON e.cause = p.cause"
        " WHERE a.owner = %(owner)s AND a.kind = 'user' AND p.kind <> 'hold' AND p.id > %(after)s AND p.cause <= %(until)s"
        "   AND e.at_us >= %(start)s AND (%(end)s::bigint IS NULL OR e.at_us < %(end)s)"
        " ORDER BY p.id LIMIT %(limit)s",
        {"owner": owner, "after": after_id, "until": until, "start": start_us, "end": end_us, "limit": limit},
    ).fetchall()
    return [_statement_line(row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetLine:
    """What one entry did to a user's balance in an asset, its fee told apart; ``amount_atoms`` less fee is the change."""

    id: int
    asset: str
    amount_atoms: int
    fee_atoms: int
    balance_atoms: int
    kind: str
    cause: int
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which lines of a statement: of these assets and kinds, ids and times above ``after`` and not above ``until``; None: any."""

    assets: list[str] | None = None
    kinds: list[str] | None = None
    ids: list[int] | None = None
    after_id: int | None = None
    until_id: int | None = None
    after_us: int | None = None
    until_us: int | None = None


_NET_LINES = (
    "  FROM ledger_account a JOIN ledger_posting p ON p.account_id = a.id JOIN ledger_entry e ON e.cause = p.cause"
    "  LEFT JOIN ledger_posting f ON f.cause = p.cause AND f.account_id = p.account_id AND f.kind = 'fee' AND f.id <> p.id"
    " WHERE a.owner = %(owner)s AND a.kind = 'user' AND p.kind <> 'hold'"
    "   AND (p.kind <> 'fee' OR NOT EXISTS (SELECT FROM ledger_posting o"
    "        WHERE o.cause = p.cause AND o.account_id = p.account_id AND o.kind NOT IN ('fee', 'hold')))"
    "   AND (%(assets)s::text[] IS NULL OR a.asset = ANY(%(assets)s))"
    "   AND (%(kinds)s::text[] IS NULL OR p.kind = ANY(%(kinds)s)) AND (%(ids)s::bigint[] IS NULL OR p.id = ANY(%(ids)s))"
    "   AND (%(after_id)s::bigint IS NULL OR p.id > %(after_id)s)"
    "   AND (%(until_id)s::bigint IS NULL OR p.id <= %(until_id)s)"
    "   AND (%(after_us)s::bigint IS NULL OR e.at_us > %(after_us)s)"
    "   AND (%(until_us)s::bigint IS NULL OR e.at_us <= %(until_us)s)"
)


def net_lines(connection: Connection, *, owner: int, chosen: Chosen, offset: int, limit: int) -> list[NetLine]:
    """What changed the user's balances, newest first, one line for each entry and asset."""
    rows = connection.execute(
        "SELECT p.id, a.asset, CASE p.kind WHEN 'fee' THEN 0 ELSE p.amount END,"
        " -coalesce(f.amount, CASE p.kind WHEN 'fee' THEN p.amount ELSE 0 END),"
        " CASE WHEN f.id > p.id THEN f.balance ELSE p.balance END, p.kind, p.cause, e.at_us"
        f"{_NET_LINES} ORDER BY p.id DESC OFFSET %(offset)s LIMIT %(limit)s",
        {"owner": owner, "offset": offset, "limit": limit, **asdict(chosen)},
    ).fetchall()
    return [
        NetLine(
            id=as_int(row[0]),
            asset=str(row[1]),
            amount_atoms=as_int(row[2]),
            fee_atoms=as_int(row[3]),
            balance_atoms=as_int(row[4]),
            kind=str(row[5]),
            cause=as_int(row[6]),
            at_us=as_int(row[7]),
        )
        for row in rows
    ]


def net_line_count(connection: Connection, *, owner: int, chosen: Chosen, limit: int) -> int:
    """How many lines there are, counted up to ``limit``."""
    row = connection.execute(
        f"SELECT count(*) FROM (SELECT 1{_NET_LINES} LIMIT %(limit)s) lines",
        {"owner": owner, "limit": limit, **asdict(chosen)},
    ).fetchone()
    return 0 if row is None else as_int(row[0])


def is_transfer(connection: Connection, *, cause: int) -> bool:
    """Whether an event moved something from one user to another other than by trading."""
    postings = "SELECT FROM ledger_posting WHERE cause = %s AND kind = 'transfer' LIMIT 1"
    return connection.execute(postings, (cause,)).fetchone() is not None


def balances_before(connection: Connection, *, owner: int, before_us: int, until: int) -> dict[str, int]:
    """The user's balances by asset as they were at a moment, by events up to ``until``; an asset that had never changed
    until then is not there.
    """
    rows = connection.execute(
        "SELECT a.asset, last.balance FROM ledger_account a CROSS JOIN LATERAL ("
        "  SELECT p.balance FROM ledger_posting p JOIN ledger_entry e ON e.cause = p.cause"
        "   WHERE p.account_id = a.id AND p.kind <> 'hold' AND e.at_us < %s AND p.cause <= %s"
        "   ORDER BY p.id DESC LIMIT 1) last"
        " WHERE a.owner = %s AND a.kind = 'user'",
        (before_us, until, owner),
    ).fetchall()
    return {str(asset): as_int(balance) for asset, balance in rows}


def _statement_line(row: tuple[object, ...]) -> StatementLine:
    return StatementLine(
        id=as_int(row[0]),
        asset=str(row[1]),
        amount_atoms=as_int(row[2]),
        balance_atoms=as_int(row[3]),
        kind=str(row[4]),
        cause=as_int(row[5]),
        at_us=as_int(row[6]),
    )


def positions_since(connection: Connection, *, owner: int, cause: int, limit: int) -> list[tuple[int, str, int, int]]:
    """(cause, asset, balance, held) of the user after each entry beyond ``cause`` that touched it, oldest first."""
    rows = connection.execute(
        "SELECT DISTINCT ON (p.cause, p.account_id) p.cause, a.asset, p.balance, coalesce(p.held, 0)"
        "  FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id"
        " WHERE p.account_id = ANY(ARRAY(SELECT id FROM ledger_account WHERE owner = %s AND kind = 'user')) AND p.cause > %s"
        " ORDER BY p.cause, p.account_id, p.id DESC LIMIT %s",
        (owner, cause, limit),
    ).fetchall()
    return [(as_int(row[0]), str(row[1]), as_int(row[2]), as_int(row[3])) for row in rows]


def trial_balance(connection: Connection) -> dict[str, int]:
    """Sum of all postings per asset: all zero, or something is badly wrong."""
    rows = connection.execute(
        "SELECT a.asset, sum(p.amount) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id GROUP BY 1"
    ).fetchall()
    return {str(asset): as_int(total) for asset, total in rows}


def balances(connection: Connection) -> dict[AccountKey, int]:
    """Every account's balance."""
    return {key: balance for key, (balance, _) in positions(connection).items()}


def positions(connection: Connection) -> dict[AccountKey, Position]:
    """Every account's balance and what is held of it, as the accounts say."""
    return _positions(connection.execute("SELECT owner, asset, kind, balance, held FROM ledger_account").fetchall())


def positions_after(connection: Connection, cause: int) -> dict[AccountKey, Position]:
    """The same as it was after the entry of ``cause``, summed from the postings up to there. Reads all of them."""
    rows = connection.execute(
        "SELECT a.owner, a.asset, a.kind, s.total, p.held FROM"
        " (SELECT account_id, sum(amount) AS total, max(id) AS last FROM ledger_posting WHERE cause <= %s GROUP BY 1) s"
        " JOIN ledger_posting p ON p.id = s.last JOIN ledger_account a ON a.id = s.account_id",
        (cause,),
    ).fetchall()
    return _positions(rows)


def _positions(rows: Iterable[tuple[object, ...]]) -> dict[AccountKey, Position]:
    return {
        (None if owner is None else as_int(owner), str(asset), str(kind)): (
            as_int(balance),
            None if held is None else as_int(held),
        )
        for owner, asset, kind, balance, held in rows
    }


def as_int(value: object) -> int:
    if not isinstance(value, int | Decimal):
        raise TypeError(f"expected a whole number, got {value!r}")
    return int(value)
