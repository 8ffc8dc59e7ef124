"""``manage.py bump_payout ID [--rate SATS]``"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bitcoind_proxy.errors import NodeFailure
from funding.connections import NotConfigured, node_of
from funding.crediting import utc_now
from funding.paying import NotPossible, bump
from funding.payout_models import Payout
from funding.payout_rules import payout_rules_of
from funding.planning import TooDear, rate_now
from funding.transactions import TooLittle


class Command(BaseCommand):
    help = "Lets a payout that waits for a block pay more, at once: the same withdrawals, another transaction."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("payout", type=int)
        parser.add_argument("--rate", type=int, help="For a thousand virtual bytes; the node's estimate if not given.")

    def handle(self, *args: Any, payout: int, rate: int | None, **options: Any) -> None:
        found = Payout.objects.filter(id=payout).first()
        if found is None:
            raise CommandError(f"There is no payout {payout}.")
        try:
            if rate is None:
                with node_of(found.chain) as node:
                    rate = rate_now(found.asset, node)
            rate = payout_rules_of(found.asset).rate(rate)
            attempt = bump(payout, rate=rate, now=utc_now())
        except (NodeFailure, NotConfigured, NotPossible, TooDear, TooLittle) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Attempt {attempt.number}, {attempt.txid}, pays {attempt.fee_atoms}; watch_custody sends it."
        )
