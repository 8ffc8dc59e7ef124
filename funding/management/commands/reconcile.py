"""``manage.py reconcile``"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bitcoind_proxy.errors import NodeFailure
from funding.connections import NotConfigured, node_of
from funding.crediting import utc_now
from funding.reconciliation import assets, reconcile


class Command(BaseCommand):
    help = "Compares books, coins and chain of each asset now. Exit code 1, and withdrawals stopped, if they differ."

    def handle(self, *args: Any, **options: Any) -> None:
        differing = []
        for asset, chain in assets():
            try:
                with node_of(chain) as node:
                    found = reconcile(asset, chain, node, now=utc_now())
            except (NodeFailure, NotConfigured) as error:
                raise CommandError(str(error)) from error
            self.stdout.write(
                f"{asset} at event {found.seq}: hot {found.hot_books_atoms} in the books, {found.hot_coins_atoms} in coins;"
                f" cold {found.cold_books_atoms} in the books, {found.cold_coins_atoms} by sweeps"
            )
            if found.differences:
                differing.append(f"{asset}: {found.differences}")
        if differing:
            raise CommandError("\n".join(differing))
