"""``manage.py watch_deposits``"""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bitcoind_proxy.client import ChainClient
from funding.crediting import utc_now
from funding.watcher import Watcher


class Command(BaseCommand):
    help = "Reads the chains of FUNDING_NODES and credits deposits, until SIGINT or SIGTERM. One is enough, two do no harm."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.FUNDING_NODES:
            raise CommandError("FUNDING_NODES is not set: CHAIN=TARGET, with commas between.")
        stop = threading.Event()
        watchers = [Watcher(chain, ChainClient(target), utc_now) for chain, target in settings.FUNDING_NODES.items()]

        def end(*_: object) -> None:
            stop.set()
            for watcher in watchers:
                watcher.wake()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        threads = [threading.Thread(target=watcher.run, args=(stop.is_set,)) for watcher in watchers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
