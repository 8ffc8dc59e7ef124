"""The rounds of custody as Celery tasks: thin, each does what the loop of the same part does once, and may run twice at a time.

What fails is logged and done by the next beat: CELERY_BEAT_SCHEDULE. Nothing is in the queue but the wish for a round.
"""

import logging
from collections.abc import Callable
from functools import cache

import psycopg
from celery import shared_task
from django.db import Error as DatabaseError

from bitcoind_proxy.errors import NodeFailure

from .connections import node_of, signer_of
from .crediting import utc_now
from .holding import Holding
from .payer import Payer
from .scanning import OvertakenByAnother, ScanStopped
from .signer.client import SignerFailure
from .watcher import Watcher, open_journal

log = logging.getLogger(__name__)

PASSING = (NodeFailure, SignerFailure, OvertakenByAnother, ScanStopped, DatabaseError, psycopg.Error)
"""What another round may not meet any more."""


@shared_task
def read_chain(chain: str) -> bool:
    """Reads what is new of a chain and credits what is due. Whether that was done."""
    return _tried(f"deposits of {chain}", lambda: _watcher(chain).round())


@shared_task
def hold_withdrawals() -> bool:
    """Holds, releases and settles withdrawals in the journal. Whether that was done."""

    def hold() -> None:
        with open_journal() as connection:
            Holding(connection, utc_now).round()

    return _tried("withdrawals", hold)


@shared_task
def pay(chain: str) -> bool:
    """Takes every payout of a chain as far as it can go. Whether that was done."""
    return _tried(f"payouts of {chain}", lambda: _payer(chain).round())


@shared_task
def reconcile(chain: str) -> bool:
    """Compares books, coins and chain, and keeps the hot wallet within bounds. Whether that was done; alarms say what was found."""
    return _tried(f"reconciliation of {chain}", lambda: _payer(chain).reconcile())


def _tried(what: str, act: Callable[[], object]) -> bool:
    try:
        act()
    except PASSING as error:
        log.warning("%s: %s", what, str(error).strip() or repr(error))
        return False
    return True


@cache
def _watcher(chain: str) -> Watcher:
    """One for each process: it remembers which waiting transactions it has looked at."""
    return Watcher(chain, node_of(chain), utc_now)


@cache
def _payer(chain: str) -> Payer:
    return Payer(chain, node_of(chain), signer_of(chain), utc_now)
