"""Reports of the books: trial balance, balance sheet, income statement. Plain SQL, ints in atomic units.

They read the accounts as they stand, or ``ledger_day``, which has one row for each day, kind and asset: what they cost does
not grow with the number of postings. Days are UTC.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from .chart import CLASSES, AccountClass, Kind
from .queries import as_int

Connection = psycopg.Connection[tuple[object, ...]]

DEBIT_CLASSES = (AccountClass.ASSET, AccountClass.EXPENSE)
"""The classes whose accounts are usually below zero; a report shows them with the sign turned."""

RESULT_CLASSES = (AccountClass.REVENUE, AccountClass.EXPENSE)
"""What they come to, less each other, is the result: a part of equity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceSheet:
    """One asset. ``by_kind``: assets, liabilities and equity, each above zero in the usual case. ``held`` is of the users'.

    ``result`` is revenue less expenses, all that was ever earned less all that was ever given away.
    """

    asset: str
    by_kind: dict[Kind, int]
    held: int
    result: int

    @property
    def assets(self) -> int:
        return self._sum(AccountClass.ASSET)

    @property
    def liabilities(self) -> int:
        return self._sum(AccountClass.LIABILITY)

    @property
    def equity(self) -> int:
        return self._sum(AccountClass.EQUITY) + self.result

    @property
    def available(self) -> int:
        """What we owe users and they may use."""
        return self.by_kind[Kind.USER] - self.held

    @property
    def is_balanced(self) -> bool:
        return self.assets == self.liabilities + self.equity

    def _sum(self, class_: AccountClass) -> int:
        return sum(atoms for kind, atoms in self.by_kind.items() if CLASSES[kind] == class_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """One day and asset. ``by_kind``: revenue and expenses, each above zero in the usual case."""

    day: dt.date
    asset: str
    by_kind: dict[Kind, int]

    @property
    def result(self) -> int:
        return sum(-atoms if CLASSES[kind] == AccountClass.EXPENSE else atoms for kind, atoms in self.by_kind.items())


def trial_balance(connection: Connection) -> dict[str, dict[Kind, int]]:
    """By asset what the accounts of each kind come to, credits positive: every asset sums to zero."""
    rows = connection.execute("SELECT asset, kind, sum(balance), 0 FROM ledger_account GROUP BY 1, 2").fetchall()
    return {asset: totals for asset, (totals, _) in _by_asset(rows).items()}


def balance_sheet(connection: Connection, *, day: dt.date | None = None) -> list[BalanceSheet]:
    """Of each asset, at the end of the day, or now."""
    if day is None:
        query = "SELECT asset, kind, sum(balance), sum(coalesce(held, 0)) FROM ledger_account GROUP BY 1, 2"
    else:
        query = (
            "SELECT asset, kind, sum(credits + debits), sum(held) FROM ledger_day WHERE day <= %(day)s GROUP BY 1, 2"
        )
    rows = connection.execute(query, {"day": day}).fetchall()
    return [_sheet(asset, totals, held) for asset, (totals, held) in _by_asset(rows).items()]


def income_statement(connection: Connection, *, first: dt.date, last: dt.date) -> list[Income]:
    """Of each day and asset with revenue or expenses, from the first day to the last."""
    rows = connection.execute(
        "SELECT day, asset, kind, credits + debits FROM ledger_day WHERE day BETWEEN %s AND %s AND kind = ANY(%s)"
        " ORDER BY 1, 2",
        (first, last, [kind.value for kind in CLASSES if CLASSES[kind] in RESULT_CLASSES]),
    ).fetchall()
    days: dict[tuple[dt.date, str], dict[Kind, int]] = {}
    for day, asset, kind, total in rows:
        if not isinstance(day, dt.date):
            raise TypeError(f"expected a day, got {day!r}")
        by_kind = days.setdefault((day, str(asset)), _nothing(RESULT_CLASSES))
        by_kind[Kind(str(kind))] = _shown(Kind(str(kind)), as_int(total))
    return [Income(day=day, asset=asset, by_kind=by_kind) for (day, asset), by_kind in days.items()]


def _by_asset(rows: Iterable[tuple[object, ...]]) -> dict[str, tuple[dict[Kind, int], int]]:
    """(asset, kind, total, held) rows as totals by kind, and all that is held; by asset in their order."""
    totals: dict[str, dict[Kind, int]] = {}
    holds: defaultdict[str, int] = defaultdict(int)
    for asset, kind, total, held in rows:
        totals.setdefault(str(asset), dict.fromkeys(Kind, 0))[Kind(str(kind))] = as_int(total)
        holds[str(asset)] += as_int(held)
    return {asset: (totals[asset], holds[asset]) for asset in sorted(totals)}


def _sheet(asset: str, totals: dict[Kind, int], held: int) -> BalanceSheet:
    by_kind = {kind: _shown(kind, atoms) for kind, atoms in totals.items() if CLASSES[kind] not in RESULT_CLASSES}
    result = sum(atoms for kind, atoms in totals.items() if CLASSES[kind] in RESULT_CLASSES)
    return BalanceSheet(asset=asset, by_kind=by_kind, held=held, result=result)


def _nothing(classes: tuple[AccountClass, ...]) -> dict[Kind, int]:
    return {kind: 0 for kind in Kind if CLASSES[kind] in classes}


def _shown(kind: Kind, atoms: int) -> int:
    return -atoms if CLASSES[kind] in DEBIT_CLASSES else atoms
