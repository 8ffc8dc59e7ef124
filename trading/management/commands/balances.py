"""``manage.py balances --at TIME [--account EMAIL_OR_ID]``"""

import datetime as dt
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Account
from trading.books import Standing, standing
from trading.database import conninfo
from trading.instruments import Asset
from trading.shapes.texts import at_text, microseconds


class Command(BaseCommand):
    help = "Folds the journal up to a time and prints who had what then; exit code 1 if the ledger says something else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", required=True, help="A time as in 2026-11-20T12:00:00Z; UTC if it names no zone.")
        parser.add_argument("--account", help="An e-mail address or the number of an account; else everybody.")

    def handle(self, *args: Any, at: str, account: str | None, **options: Any) -> None:
        at_us = _microseconds(at)
        only = None if account is None else _account(account)
        with psycopg.connect(conninfo(), autocommit=True) as connection:
            found = standing(connection, at_us=at_us)
        self.stdout.write(f"At {at_text(at_us)}, after event {found.seq}:")
        self._print(found, only)
        if found.disagreements is None:
            self.stdout.write(f"The ledger is at event {found.posted} only.")
        elif found.disagreements:
            raise CommandError("The ledger disagrees: " + "; ".join(found.disagreements))
        else:
            self.stdout.write("The ledger agrees.")

    def _print(self, found: Standing, only: int | None) -> None:
        for owner, asset, available_atoms, held_atoms in found.engine.all_balances():
            if only in (None, owner):
                text = Asset(found.engine.assets[asset]).text
                self.stdout.write(f"account {owner}: {asset} available {text(available_atoms)} held {text(held_atoms)}")


def _microseconds(text: str) -> int:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(str(error)) from error
    return microseconds(at if at.tzinfo else at.replace(tzinfo=dt.UTC))


def _account(text: str) -> int:
    if text.isdecimal():
        return int(text)
    account = Account.objects.filter(owner__email=text.lower(), name="main").first()
    if account is None:
        raise CommandError(f"Nobody is known by {text}.")
    return int(account.id)
