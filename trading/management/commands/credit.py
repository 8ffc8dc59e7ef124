"""``manage.py credit EMAIL ASSET QUANTITY --reason TEXT``"""

import time
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Account
from trading import amounts
from trading.database import conninfo
from trading.engine.commands import Credit
from trading.journal.append import append
from trading.journal.records import derived_command_id, draft, is_same, new_command_id
from trading.models import Asset


class Command(BaseCommand):
    help = "Credits an account by hand: one event of the journal. The same --reference twice is one credit."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("asset")
        parser.add_argument("quantity")
        parser.add_argument("--reason", required=True, help="Why; it stays in the journal.")
        parser.add_argument("--reference", help="Idempotency key.")

    def handle(self, *args: Any, email: str, asset: str, quantity: str, **options: Any) -> None:
        account = Account.objects.filter(owner__email=email.lower(), name="main").first()
        if account is None:
            raise CommandError(f"Nobody is known by {email}.")
        listed = Asset.objects.filter(asset=asset).first()
        if listed is None:
            raise CommandError(f"There is no asset {asset}.")
        try:
            atoms = amounts.parse(quantity, listed.decimals)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if not 0 < atoms <= 10**36:
            raise CommandError("The quantity must be more than zero, and not absurd.")
        command = Credit(
            account=account.id, asset=asset, amount_atoms=atoms, source="adjustment", reference=options["reason"]
        )
        reference = options["reference"]
        command_id = new_command_id() if reference is None else derived_command_id("credit", reference)
        with psycopg.connect(conninfo(), autocommit=True) as connection:
            drafts = [draft(command, command_id=command_id, request_id="manage.py credit")]
            appended = append(connection, drafts, now_us=time.time_ns() // 1000)
        if appended.records:
            self.stdout.write(f"Credited {quantity} {asset} to {email}: event {appended.records[0].seq}.")
            return
        (first,) = appended.repeated.values()
        if not is_same(first, drafts[0]):
            raise CommandError(f"The reference {reference} was used for another credit: event {first.seq}.")
        self.stdout.write(f"Credited already: event {first.seq}.")
