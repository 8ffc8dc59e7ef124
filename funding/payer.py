"""The loop of payouts: one chain, round after round, books and coins compared each minute; what fails is tried again."""

import logging
import threading
import time
from collections.abc import Callable

import psycopg
from django.db import Error as DatabaseError
from django.db import close_old_connections

from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.errors import NodeFailure

from .booking import Booking
from .models import ChainCursor
from .paying import Paying
from .reconciliation import assets, reconcile
from .scanning import Clock, OvertakenByAnother
from .signer.client import SignerClient, SignerFailure
from .treasury import Treasury
from .watcher import BACK_OFF_S, open_journal

log = logging.getLogger(__name__)

POLL_S = 1.0
RECONCILE_EVERY_S = 60.0


class Payer:
    """One chain. Any number of processes."""

    def __init__(self, chain: str, node: ChainClient, signer: SignerClient, clock: Clock) -> None:
        self._chain = chain
        self._node = node
        self._clock = clock
        self._paying = Paying(chain, node, signer, clock)
        self._treasury = Treasury(chain, node, clock)

    def round(self) -> None:
        """Raises NodeFailure, SignerFailure, OvertakenByAnother, or what a database raises; safe to repeat."""
        cursor = ChainCursor.objects.filter(chain=self._chain).first()
        if cursor is None:
            return
        try:
            self._paying.round()
        finally:
            with open_journal() as connection:
                Booking(self._chain, connection, self._clock).round(height=cursor.height)

    def reconcile(self) -> None:
        """Compares, and keeps the hot wallet within its bounds. Raises NodeFailure."""
        for asset, chain in assets():
            if chain == self._chain:
                reconcile(asset, chain, self._node, now=self._clock())
        self._treasury.round()

    def run(self, stop: threading.Event) -> None:
        """Rounds and comparisons, until told to stop; neither waits for the other to succeed."""
        failures, compared_at = 0, -RECONCILE_EVERY_S
        while not stop.is_set():
            close_old_connections()
            failures = 0 if self._tried(self.round) else failures + 1
            if time.monotonic() - compared_at >= RECONCILE_EVERY_S and self._tried(self.reconcile):
                compared_at = time.monotonic()
            stop.wait(BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1] if failures else POLL_S)

    def _tried(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except (NodeFailure, SignerFailure, OvertakenByAnother, DatabaseError, psycopg.Error) as error:
            log.warning("payouts of %s: %s", self._chain, str(error).strip() or repr(error))
            return False
        return True
