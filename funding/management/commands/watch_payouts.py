"""``manage.py watch_payouts``"""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bitcoind_proxy.client import ChainClient
from funding.crediting import utc_now
from funding.payer import Payer
from funding.signer.client import SignerClient


class Command(BaseCommand):
    help = "Pays approved withdrawals on the chains of FUNDING_SIGNERS, until SIGINT or SIGTERM. One is enough, two do no harm."

    def handle(self, *args: Any, **options: Any) -> None:
        signers, nodes = settings.FUNDING_SIGNERS, settings.FUNDING_NODES
        if not signers:
            raise CommandError("FUNDING_SIGNERS is not set: CHAIN=TARGET, with commas between.")
        if missing := sorted(set(signers) - set(nodes)):
            raise CommandError(f"FUNDING_NODES has no node for {', '.join(missing)}.")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        payers = [
            Payer(chain, ChainClient(nodes[chain]), SignerClient(target), utc_now) for chain, target in signers.items()
        ]
        threads = [threading.Thread(target=payer.run, args=(stop,)) for payer in payers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
