"""``manage.py resume_deposits CHAIN [--believe BLOCKS]``"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from funding.crediting import utc_now
from funding.scanning import BLOCKS_REMEMBERED, resume


class Command(BaseCommand):
    help = "Goes on reading a chain that was stopped, after a person has looked at why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("chain")
        parser.add_argument("--believe", type=int, default=0, help="Once, a reorganisation of so many blocks.")

    def handle(self, *args: Any, chain: str, believe: int, **options: Any) -> None:
        if not 0 <= believe < BLOCKS_REMEMBERED:
            raise CommandError(f"--believe: from 0 to {BLOCKS_REMEMBERED - 1}; older blocks are not remembered.")
        if not resume(chain, believed_depth=believe, now=utc_now()):
            raise CommandError(f"Reading {chain} had not stopped.")
        self.stdout.write(f"{chain} is read on.")
