"""``manage.py resume_withdrawals ASSET --reason WORDS``"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funding.crediting import utc_now
from funding.stops import lift


class Command(BaseCommand):
    help = "Lifts the stop of an asset's withdrawals, after a person has looked. If books and coins still differ, they stop again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("asset")
        parser.add_argument("--reason", required=True, help="Who has looked, and what was found; it is kept.")

    def handle(self, *args: Any, asset: str, reason: str, **options: Any) -> None:
        if not reason.strip():
            raise CommandError("--reason: say what was found.")
        if not lift(asset, because=reason.strip(), now=utc_now()):
            raise CommandError(f"Withdrawals of {asset} were not stopped.")
        self.stdout.write(f"Withdrawals of {asset} go on.")
