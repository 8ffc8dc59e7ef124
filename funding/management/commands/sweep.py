"""``manage.py sweep ASSET``"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bitcoind_proxy.errors import NodeFailure
from funding.connections import NotConfigured, node_of
from funding.crediting import utc_now
from funding.planning import TooDear
from funding.reconciliation import assets
from funding.transactions import TooLittle
from funding.treasury import NoColdAddress, NothingToDo, sweep


class Command(BaseCommand):
    help = "Takes to the cold address what is more than a sweep leaves in the hot wallet. watch_custody does it past the most."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("asset")

    def handle(self, *args: Any, asset: str, **options: Any) -> None:
        chain = dict(assets()).get(asset)
        if chain is None:
            raise CommandError(f"{asset} has no wallet.")
        try:
            with node_of(chain) as node:
                payout = sweep(chain, asset, node, utc_now)
        except (NodeFailure, NotConfigured, NoColdAddress, NothingToDo, TooDear, TooLittle) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Payout {payout.id} takes {payout.target_atoms} to cold storage; watch_custody signs and sends it."
        )
