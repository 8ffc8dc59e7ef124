"""Watching a chain for deposits: one round reads what is new and credits what is due; rounds follow each new block.

A thread waits for the node's next tip and wakes the loop; the loop also looks by itself, so that nothing hangs on the wake-up.
"""

import logging
import threading
from collections.abc import Callable

import psycopg
from django.db import Error as DatabaseError
from django.db import close_old_connections

from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.errors import NodeFailure
from trading.bulk import WRITER_SETTINGS
from trading.database import conninfo

from .crediting import Crediting
from .models import ChainCursor, Deposit
from .scanning import Clock, OvertakenByAnother, Scanner, ScanStopped
from .states import DepositState

log = logging.getLogger(__name__)

POLL_S = 5.0
BOOKS_POLL_S = 0.5
"""While the books have not told what became of a credit or its reversal: that takes moments, if the exchange runs."""
BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""After so many failures in a row, the last for all that follow."""


def open_journal() -> "psycopg.Connection[tuple[object, ...]]":
    connection = psycopg.connect(conninfo(), autocommit=True, application_name="kontor-funding")
    connection.execute(WRITER_SETTINGS)
    return connection


class Watcher:
    """One chain. What a round does not come to, the next one does."""

    def __init__(self, chain: str, node: ChainClient, clock: Clock) -> None:
        self._chain = chain
        self._node = node
        self._clock = clock
        self._scanner = Scanner(chain, node, clock)
        self._woken = threading.Event()

    def round(self) -> bool:
        """Whether it came to the node's tip. Raises NodeFailure, ScanStopped, OvertakenByAnother, or what a database raises."""
        reached = self._scanner.round()
        if reached is None:
            return False
        with open_journal() as connection:
            Crediting(self._chain, connection, self._clock).round(reached)
        if reached.is_at_tip:
            ChainCursor.objects.filter(chain=self._chain).update(at_tip_at=self._clock())
        return reached.is_at_tip

    def wake(self) -> None:
        self._woken.set()

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Rounds until told to stop. What passes is tried again, what does not is an alarm and is looked at now and then."""
        threading.Thread(target=self._await_tips, args=(is_stopping,), daemon=True, name="tips").start()
        failures = 0
        while not is_stopping():
            self._woken.clear()
            close_old_connections()
            try:
                self.round()
                failures, pause_s = 0, BOOKS_POLL_S if self._awaits_books() else POLL_S
            except (NodeFailure, OvertakenByAnother, ScanStopped, DatabaseError, psycopg.Error) as error:
                log.warning("%s: %s", self._chain, str(error).strip() or repr(error))
                failures += 1
                pause_s = BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1]
            if not is_stopping():
                self._woken.wait(pause_s)

    def _awaits_books(self) -> bool:
        waiting = (DepositState.CREDITING, DepositState.REVERSING)
        return Deposit.objects.filter(chain=self._chain, state__in=waiting).exists()

    def _await_tips(self, is_stopping: Callable[[], bool]) -> None:
        """Wakes the loop at each new tip, while the node answers; the loop itself says what is wrong if it does not."""
        pause = threading.Event()
        while not is_stopping():
            try:
                for _ in self._node.watch_tip():
                    self._woken.set()
            except NodeFailure:
                pause.wait(POLL_S)
