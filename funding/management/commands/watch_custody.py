"""``manage.py watch_custody [PART …]``"""

import logging
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from funding import holding
from funding.connections import NotConfigured, node_of, signer_of
from funding.crediting import utc_now
from funding.payer import Payer
from funding.watcher import Watcher

log = logging.getLogger(__name__)

Loop = Callable[[], None]

PARTS = """deposits: reads the chains of FUNDING_NODES and credits what is paid to us; withdrawals: carries withdrawals into the
journal and out of it; payouts: pays them by the signers of FUNDING_SIGNERS, and reconciles. All without one."""


class Command(BaseCommand):
    help = "Runs the loops of custody, until SIGINT or SIGTERM. One process is enough, two do no harm."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("parts", nargs="*", metavar="PART", help=PARTS)

    def handle(self, *args: Any, parts: list[str], **options: Any) -> None:
        makers = {"deposits": _deposits, "withdrawals": _withdrawals, "payouts": _payouts}
        if unknown := set(parts) - makers.keys():
            raise CommandError(f"There is no part {', '.join(sorted(unknown))}, only {', '.join(makers)}.")
        stop = threading.Event()
        try:
            loops = [loop for part in parts or makers for loop in makers[part](stop)]
        except NotConfigured as error:
            raise CommandError(str(error)) from error
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        failed = threading.Event()
        threads = [threading.Thread(target=_run, args=(loop, stop, failed)) for loop in loops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed.is_set():
            raise CommandError("A loop failed; the log says how.")


def _run(loop: Loop, stop: threading.Event, failed: threading.Event) -> None:
    """Whoever restarts processes sees that a loop failed: the others end with it."""
    try:
        loop()
    except Exception:
        log.exception("custody: a loop failed")
        failed.set()
        stop.set()


def _deposits(stop: threading.Event) -> list[Loop]:
    if not settings.FUNDING_NODES:
        raise CommandError("FUNDING_NODES is not set: CHAIN=TARGET, with commas between.")
    watchers = [Watcher(chain, node_of(chain), utc_now) for chain in settings.FUNDING_NODES]

    def wake() -> None:
        stop.wait()
        for watcher in watchers:
            watcher.wake()

    return [wake, *(partial(watcher.run, stop.is_set) for watcher in watchers)]


def _withdrawals(stop: threading.Event) -> list[Loop]:
    return [partial(holding.run, utc_now, stop)]


def _payouts(stop: threading.Event) -> list[Loop]:
    return [
        partial(Payer(chain, node_of(chain), signer_of(chain), utc_now).run, stop) for chain in settings.FUNDING_SIGNERS
    ]
