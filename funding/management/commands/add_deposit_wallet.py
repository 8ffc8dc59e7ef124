"""``manage.py add_deposit_wallet ASSET CHAIN DESCRIPTOR``"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bitcoind_proxy.errors import NodeFailure
from funding.addresses import WalletExists, add_wallet
from funding.connections import NotConfigured, node_of
from funding.crediting import utc_now
from funding.descriptors import WrongDescriptor


class Command(BaseCommand):
    help = "From now on new deposit addresses of the asset come from this descriptor, which holds public keys alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("asset")
        parser.add_argument("chain", help="COIN:NETWORK, as in bitcoin:regtest; its node is one of FUNDING_NODES.")
        parser.add_argument("descriptor", help="As in wpkh([fingerprint/84h/0h/0h]xpub…/0/*)")

    def handle(self, *args: Any, asset: str, chain: str, descriptor: str, **options: Any) -> None:
        if asset not in settings.DEPOSIT_RULES:
            raise CommandError(f"DEPOSIT_RULES has none for {asset}.")
        try:
            with node_of(chain) as node:
                tip = node.tip()
            if tip.chain != chain or not tip.is_synced:
                raise CommandError(
                    f"The node serves {tip.chain}{'' if tip.is_synced else ', and is still reading it'}."
                )
            wallet = add_wallet(asset=asset, chain=chain, descriptor=descriptor, tip=tip, now=utc_now())
        except (NodeFailure, NotConfigured, WrongDescriptor, WalletExists) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Wallet {wallet.id}: {asset} is deposited on {chain}, which is read from block {tip.height} on."
        )
