"""Argon2 that cannot take the machine: few at a time in a process, one thread each.

Django's own parameters start eight threads and take 100 MiB for each hash; twenty sign-ins at once would then hold every core
and 2 GB, and the event loop and the engine would wait. Here each computation has 64 MiB and the thread that asked for it
(argon2-cffi lets go of the interpreter meanwhile), and no more than CONCURRENT of them run at a time.
A caller waits WAIT_LIMIT_S for its turn at the most. Never called on the event loop.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import Argon2PasswordHasher

from .problems import NOT_READY, Problem

CONCURRENT = max(1, (os.cpu_count() or 1) // 2)
WAIT_LIMIT_S = 30.0
_turns = threading.BoundedSemaphore(CONCURRENT)


class BoundedArgon2Hasher(Argon2PasswordHasher):
    """argon2id, 64 MiB, two passes, one lane: more than OWASP's least (19 MiB, two passes, one lane)."""

    memory_cost = 64 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with turn():
            return super().verify(password, encoded)


@contextmanager
def turn() -> Iterator[None]:
    """Raises Problem(not_ready) if the turn does not come in time."""
    if not _turns.acquire(timeout=WAIT_LIMIT_S):
        raise Problem(NOT_READY, "Too many people sign in at this moment.", headers={"Retry-After": "5"})
    try:
        yield
    finally:
        _turns.release()
