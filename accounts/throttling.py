"""Limits on what costs Argon2 or invites guessing: sign-up by address, sign-in by address and e-mail.

A fixed window counted in Django's cache: shared between processes where that is Redis, per process otherwise. While Redis
is down nothing is limited: a counter is no reason to turn people away.
``RATE_LIMITS=off`` lifts them for load tests.
"""

import logging
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from redis import RedisError

from .problems import RATE_LIMITED, Problem

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    name: str
    times: int
    window_s: int

    def check(self, key: str) -> None:
        """Counts one use. Raises Problem(rate_limited) with Retry-After beyond the limit."""
        if not settings.RATE_LIMITS:
            return
        window, passed_s = divmod(int(time.time()), self.window_s)
        name = f"limit:{self.name}:{window}:{key}".replace(" ", ":")
        try:
            cache.add(name, 0, timeout=self.window_s)
            used = cache.incr(name)
        except RedisError as error:
            log.warning("the limit %s is not kept: %s", self.name, error)
            return
        if used > self.times:
            wait_s = self.window_s - passed_s
            raise Problem(RATE_LIMITED, f"Try again in {wait_s} seconds.", headers={"Retry-After": str(wait_s)})


SIGN_UP = Limit(name="sign-up", times=20, window_s=60)
SIGN_IN = Limit(name="sign-in", times=20, window_s=60)
