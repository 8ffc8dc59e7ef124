"""``manage.py watch_withdrawals``"""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from funding.crediting import utc_now
from funding.holding import run


class Command(BaseCommand):
    help = "Holds what is to be withdrawn, releases and settles it, until SIGINT or SIGTERM. One is enough, two do no harm."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        run(utc_now, stop)
