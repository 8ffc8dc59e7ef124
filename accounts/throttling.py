"""Limits on what costs Argon2 or a mail, or invites guessing: by address, by e-mail, by both; transfers to people by user.

A fixed window counted in Django's cache: shared between processes where that is Redis, per process otherwise. While Redis is
down each process counts for itself: a counter is no reason to turn people away, and no reason to let guessing run free.
The keys are what was typed, whether anybody has registered it or not, so that a limit tells nothing.
``RATE_LIMITS=off`` lifts them for load tests. Guesses at second factors are bounded in the database (``second_factors``).
"""

import logging
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from redis import RedisError

from .problems import RATE_LIMITED, Problem

log = logging.getLogger(__name__)
REDIS_REST_S = 5.0
"""So long Redis is not asked after it failed: a sign-in counts several times, and must not wait for each."""


class _OwnCounters:
    """This process's counters, and until when they stand for Redis's (a time of the monotonic clock)."""

    def __init__(self) -> None:
        self.cache = LocMemCache("limits", {"max_entries": 100_000})
        self.instead_until = 0.0


_own = _OwnCounters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    name: str
    times: int
    window_s: int

    def check(self, key: str) -> None:
        """Counts one use. Raises Problem(rate_limited) with Retry-After beyond the limit."""
        if not settings.RATE_LIMITS:
            return
        passed_s = int(time.time()) % self.window_s
        if self._count(key, 1) > self.times:
            wait_s = self.window_s - passed_s
            raise Problem(RATE_LIMITED, f"Try again in {wait_s} seconds.", headers={"Retry-After": str(wait_s)})

    def give_back(self, key: str) -> None:
        """The use that ``check`` counted was none: only failures count."""
        if settings.RATE_LIMITS:
            self._count(key, -1)

    def _count(self, key: str, by: int) -> int:
        if time.monotonic() >= _own.instead_until:
            try:
                return self._count_in(cache, key, by)
            except RedisError as error:
                _own.instead_until = time.monotonic() + REDIS_REST_S
                log.warning("limits are kept by this process alone for %s s: %s", REDIS_REST_S, error)
        return self._count_in(_own.cache, key, by)

    def _count_in(self, counters: Any, key: str, by: int) -> int:
        window = int(time.time()) // self.window_s
        name = f"limit:{self.name}:{window}:{key}".replace(" ", ":")
        counters.add(name, 0, timeout=self.window_s)
        return int(counters.incr(name, by))


SIGN_UP = Limit(name="sign-up", times=20, window_s=60)
"""By address."""
SIGN_IN = Limit(name="sign-in", times=20, window_s=60)
"""By address and e-mail."""
FAILURES_OF_ADDRESS = Limit(name="failures-of-address", times=100, window_s=600)
"""Wrong passwords and codes from one address, at whosever account."""
FAILURES_AT_EMAIL = Limit(name="failures-at-email", times=50, window_s=3600)
"""Wrong passwords and codes for one e-mail, from wherever; who comes from an address that the account was used from passes."""
PASSKEY_TRIES = Limit(name="passkey-tries", times=30, window_s=60)
"""Challenges for passkeys, by address: each is kept in the database."""
MAILS_TO_EMAIL = Limit(name="mails-to-email", times=6, window_s=3600)
"""Codes and links that anybody may ask for, by e-mail. Five tries each: a guesser has 30 tries of a million an hour."""
MAILS_FOR_ADDRESS = Limit(name="mails-for-address", times=30, window_s=600)
"""The same, by the address that asks."""
WITHDRAWAL_ADDRESS = Limit(name="withdrawal-address", times=20, window_s=3600)
"""Withdrawal addresses that are added, by user: each writes a mail."""
WITHDRAWAL = Limit(name="withdrawal", times=60, window_s=3600)
"""Withdrawals that are asked for, by user, whatever becomes of them: each writes a mail and two events of the journal."""
TRANSFER = Limit(name="transfer", times=20, window_s=3600)
"""Transfers to other people, by who asks: each tells whether an address has an account."""
