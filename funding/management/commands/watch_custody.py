"""``manage.py watch_custody``"""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bitcoind_proxy.client import ChainClient
from funding import holding
from funding.crediting import utc_now
from funding.payer import Payer
from funding.signer.client import SignerClient
from funding.watcher import Watcher


class Command(BaseCommand):
    help = "watch_deposits, watch_withdrawals and watch_payouts in one process, until SIGINT or SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        nodes, signers = settings.FUNDING_NODES, settings.FUNDING_SIGNERS
        if not nodes:
            raise CommandError("FUNDING_NODES is not set: CHAIN=TARGET, with commas between.")
        if missing := sorted(set(signers) - set(nodes)):
            raise CommandError(f"FUNDING_NODES has no node for {', '.join(missing)}.")
        stop = threading.Event()
        watchers = [Watcher(chain, ChainClient(target), utc_now) for chain, target in nodes.items()]

        def end(*_: object) -> None:
            stop.set()
            for watcher in watchers:
                watcher.wake()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        threads = [threading.Thread(target=watcher.run, args=(stop.is_set,)) for watcher in watchers]
        threads.append(threading.Thread(target=holding.run, args=(utc_now, stop)))
        for chain, target in signers.items():
            payer = Payer(chain, ChainClient(nodes[chain]), SignerClient(target), utc_now)
            threads.append(threading.Thread(target=payer.run, args=(stop,)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
