"""``manage.py reverse SEQ --reason TEXT``"""

from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading.database import conninfo
from trading.reversal import NotReversible, reverse, wait_for_outcome


class Command(BaseCommand):
    help = (
        "Takes back what a credit gave: one event, and an entry that is the mirror of the credit's. Once at the most."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("seq", type=int, help="The number of the credit's event.")
        parser.add_argument("--reason", required=True, help="Why; it stays in the journal.")

    def handle(self, *args: Any, seq: int, reason: str, **options: Any) -> None:
        with psycopg.connect(conninfo(), autocommit=True) as connection:
            try:
                reversal = reverse(connection, seq, reason=reason, request_id="manage.py reverse")
            except NotReversible as error:
                raise CommandError(str(error)) from error
            succeeded = wait_for_outcome(connection, reversal.seq)
        if succeeded is False:
            raise CommandError(
                f"Event {reversal.seq} was refused: the account has less available than was credited."
                " Ask again when it has."
            )
        if succeeded is None:
            self.stdout.write(f"Asked for by event {reversal.seq}; it is done when the exchange has read it.")
        elif reversal.is_new:
            self.stdout.write(f"Reversed the credit of event {seq}: event {reversal.seq}.")
        else:
            self.stdout.write(f"Reversed already: event {reversal.seq}.")
