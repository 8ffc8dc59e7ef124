"""``manage.py books [--day DAY] [--from DAY --to DAY]``"""

import datetime as dt
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandParser

from ledger import reports
from ledger.chart import CLASSES, AccountClass, Kind
from trading import amounts
from trading.database import conninfo
from trading.models import Asset

WIDTH = 34


class Command(BaseCommand):
    help = "Prints the trial balance, the balance sheet and the income statement. Days are UTC."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--day", type=dt.date.fromisoformat, help="Balance sheet at the end of this day, not now.")
        parser.add_argument("--from", dest="first", type=dt.date.fromisoformat, help="First day of income; else today.")
        parser.add_argument("--to", dest="last", type=dt.date.fromisoformat, help="Last day of income; else today.")

    def handle(self, *args: Any, **options: Any) -> None:
        today = dt.datetime.now(dt.UTC).date()
        last: dt.date = options["last"] or options["day"] or today
        first: dt.date = options["first"] or min(last, options["day"] or today)
        self._decimals = dict(Asset.objects.values_list("asset", "decimals"))
        with psycopg.connect(conninfo(), autocommit=True) as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._print_trial_balance(reports.trial_balance(connection))
            self._print_sheets(reports.balance_sheet(connection, day=options["day"]), options["day"])
            self._print_income(reports.income_statement(connection, first=first, last=last), first, last)

    def _print_trial_balance(self, totals: dict[str, dict[Kind, int]]) -> None:
        self._head("Trial balance, now; credits are positive")
        for asset, by_kind in totals.items():
            for kind, atoms in by_kind.items():
                self._line(kind.label, asset, atoms)
            self._line("Sum", asset, sum(by_kind.values()))

    def _print_sheets(self, sheets: list[reports.BalanceSheet], day: dt.date | None) -> None:
        self._head(f"Balance sheet, {'now' if day is None else f'at the end of {day}'}")
        for sheet in sheets:
            for class_, total in (
                (AccountClass.ASSET, sheet.assets),
                (AccountClass.LIABILITY, sheet.liabilities),
                (AccountClass.EQUITY, sheet.equity),
            ):
                for kind, atoms in sheet.by_kind.items():
                    if CLASSES[kind] == class_:
                        self._line(f"  {kind.label}", sheet.asset, atoms)
                    if kind == Kind.USER and class_ == AccountClass.LIABILITY:
                        self._line("    available", sheet.asset, sheet.available)
                        self._line("    held for open orders", sheet.asset, sheet.held)
                if class_ == AccountClass.EQUITY:
                    self._line("  Result", sheet.asset, sheet.result)
                self._line(class_.label, sheet.asset, total)
            self.stdout.write("  in balance" if sheet.is_balanced else "  NOT IN BALANCE")

    def _print_income(self, incomes: list[reports.Income], first: dt.date, last: dt.date) -> None:
        self._head(f"Income statement, {first} to {last}")
        for income in incomes:
            self.stdout.write(f"{income.day}")
            for kind, atoms in income.by_kind.items():
                self._line(f"  {kind.label}", income.asset, atoms)
            self._line("  Result", income.asset, income.result)

    def _head(self, text: str) -> None:
        self.stdout.write(f"\n{text}\n")

    def _line(self, label: str, asset: str, atoms: int) -> None:
        self.stdout.write(f"{label:<{WIDTH}} {amounts.Fixed(self._decimals[asset])(atoms):>36} {asset}")
