"""``manage.py rescan CHAIN HEIGHT``"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bitcoind_proxy.errors import NodeFailure
from funding.connections import NotConfigured, node_of
from funding.crediting import utc_now
from funding.models import ChainCursor
from funding.scanning import OvertakenByAnother, rescan


class Command(BaseCommand):
    help = "Reads blocks again that were read, and writes down what is not there. Nothing is credited twice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("chain")
        parser.add_argument("height", type=int, help="The first block.")

    def handle(self, *args: Any, chain: str, height: int, **options: Any) -> None:
        if height < 0:
            raise CommandError("There is no block below 0.")
        if not ChainCursor.objects.filter(chain=chain).exists():
            raise CommandError(f"{chain} is not read: manage.py add_deposit_wallet.")
        try:
            with node_of(chain) as node:
                count = rescan(chain, node, from_height=height, now=utc_now())
        except (NodeFailure, NotConfigured, OvertakenByAnother) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} blocks were read again; watch_custody goes on with what was found.")
