"""A signed request counts once: the nonces that were used within the window.

Three guards, each where it is enough (docs/decisions/0012): this process's memory, for every request; the journal's unique
command ids, for what becomes a command; a row of ``UsedNonce``, for what changes or hands out something else. Nonces need
no order, so that parallel clients never refuse each other.
"""

import datetime as dt

from django.db import IntegrityError, close_old_connections, transaction

from .models import UsedNonce
from .problems import NONCE_USED, NOT_READY, Problem
from .signatures import WINDOW_MS

GENERATION_MS = 2 * WINDOW_MS
"""A request signed WINDOW_MS ahead of our clock could come again for so long."""

GENERATION_LIMIT = 500_000
"""Nonces remembered from one GENERATION_MS; beyond it signed requests are refused, never accepted unguarded."""

KEPT = dt.timedelta(minutes=1)


class NonceGuard:
    """The nonces of this process's last requests, remembered for GENERATION_MS at the least. Event loop only.

    By nonce, the times of the requests that it came with: one again and again is refused as long as they are less than
    WINDOW_MS apart, also if each was signed for itself.
    """

    def __init__(self) -> None:
        self._now: dict[str, tuple[int, ...]] = {}
        self._before: dict[str, tuple[int, ...]] = {}
        self._until_ms = 0

    def use(self, nonce: str, timestamp_ms: int, now_ms: int) -> None:
        """``nonce``: with the key that it belongs to. Call it after the signature was verified, so that nobody burns the
        nonces of others. Raises Problem nonce_used.
        """
        if now_ms >= self._until_ms:
            self._before = self._now if now_ms < self._until_ms + GENERATION_MS else {}
            self._now = {}
            self._until_ms = now_ms + GENERATION_MS
        now, before = self._now.get(nonce, ()), self._before.get(nonce, ())
        if (now or before) and any(abs(timestamp_ms - used_ms) <= WINDOW_MS for used_ms in now + before):
            raise used()
        if len(self._now) >= GENERATION_LIMIT:
            raise Problem(NOT_READY, "More signed requests than can be guarded.", headers={"Retry-After": "1"})
        self._now[nonce] = (*now, timestamp_ms)


def use_everywhere(proof: str, now: dt.datetime) -> None:
    """Uses a nonce for all processes, by its row. In a worker thread. Raises Problem nonce_used."""
    close_old_connections()
    UsedNonce.objects.filter(at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            UsedNonce.objects.create(proof=proof, at=now)
    except IntegrityError as error:
        raise used() from error


def used() -> Problem:
    return Problem(NONCE_USED, "This nonce was used in the last seconds: the request counts once.")
