"""``manage.py cancel_payout ID``"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funding.crediting import utc_now
from funding.paying import NotPossible, cancel
from funding.payout_states import PayoutState


class Command(BaseCommand):
    help = "Brings a payout home: by a transaction that pays nobody and takes the place of what was sent."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("payout", type=int)

    def handle(self, *args: Any, payout: int, **options: Any) -> None:
        try:
            cancelled = cancel(payout, now=utc_now())
        except NotPossible as error:
            raise CommandError(str(error)) from error
        if cancelled.state == PayoutState.DISSOLVED:
            self.stdout.write("It was shown to nobody and is dissolved; its withdrawals wait for the next payout.")
        else:
            self.stdout.write("watch_custody brings it home. Its withdrawals are given back once that is final.")
