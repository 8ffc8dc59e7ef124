"""How much may be asked for: weights counted in windows, by trading account and by address.

A call has a weight; what an account, or for public calls an address, has used in a window may not exceed the policy's
quota. Who is over it is refused before anything is done for him, and a refused request is not counted. Windows begin at
whole multiples of their length since the epoch, in every process alike. Counters are exact in this process;
``rate_sharing`` adds what other processes have counted. Event loop only; nothing here waits.
"""

import ipaddress
import math
import time
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from django.conf import settings

from .problems import RATE_LIMITED, Problem

KEYS_LIMIT = 100_000
"""Accounts or addresses counted in one window. Those beyond are not counted: a counter is no reason to turn people away."""

LOOKUP_WEIGHT = 2
"""What a session or key that is not in memory costs its address: who guesses is stopped before the database is."""

DJANGO_WEIGHTS = {
    "/user": 5,
    "/session": 5,
    "/account": 2,
    "/deposit": 2,
    "/withdrawal": 2,
    "/staff": 2,
    "/operator": 2,
}
"""By realm of Django's: what a request counts for its address, or signed by a key for the key's account. Pages count nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``quota`` of weight in ``window_s`` seconds, for each account or address."""

    name: Literal["account", "orders", "address"]
    per: Literal["account", "address"]
    quota: int
    window_s: int


class Count:
    """What one account or address has used in the window. ``shared``: the part of ``own`` that other processes know of."""

    __slots__ = ("others", "own", "shared")

    def __init__(self) -> None:
        self.own = 0
        self.shared = 0
        self.others = 0


class Meter:
    """The counters of one policy. ``changed``: those that differ from what was shared last, if that is wanted."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.policy_header = f'"{policy.name}";q={policy.quota};w={policy.window_s}'.encode()
        self.is_shared = False
        self.window = 0
        self.changed: dict[Hashable, Count] = {}
        self._counts: dict[Hashable, Count] = {}
        self._header = f'"{policy.name}";r=%d;t=%d'.encode()

    def spend(self, key: Hashable, weight: int) -> None:
        """Counts a use. Raises Problem rate_limited with Retry-After, with nothing counted, if it exceeds the quota."""
        count = self._count(key)
        if count.own + count.others + weight > self.policy.quota:
            _, wait_s = self.left(key)
            detail = f"The quota of the policy {self.policy.name} is used up. Try again in {wait_s} seconds."
            raise Problem(RATE_LIMITED, detail, {"retry_after_s": wait_s}, {"Retry-After": str(wait_s)})
        count.own += weight
        if self.is_shared:
            self.changed[key] = count

    def give_back(self, key: Hashable, weight: int) -> None:
        """Takes back what was used, but never more than was used here in this window."""
        count = self._counts.get(key)
        if count is not None and count.own and self.window == int(time.time()) // self.policy.window_s:
            count.own = max(count.own - weight, 0)
            if self.is_shared:
                self.changed[key] = count

    def left(self, key: Hashable) -> tuple[int, int]:
        """What is left of the quota, and the seconds until all of it is there again, rounded up."""
        now_s = time.time()
        count = self._counts.get(key)
        window, passed_s = divmod(now_s, self.policy.window_s)
        used = count.own + count.others if count is not None and self.window == window else 0
        return max(self.policy.quota - used, 0), math.ceil(self.policy.window_s - passed_s)

    def header(self, key: Hashable) -> bytes:
        """This policy's part of the header RateLimit (draft-ietf-httpapi-ratelimit-headers-10)."""
        return self._header % self.left(key)

    def forget_others(self) -> None:
        """Counts this process alone, until others can be heard again."""
        for count in self._counts.values():
            count.others = 0

    def _count(self, key: Hashable) -> Count:
        window = int(time.time()) // self.policy.window_s
        if window != self.window:
            self.window = window
            self._counts = {}
            self.changed = {}
        count = self._counts.get(key)
        if count is None:
            count = Count()
            if len(self._counts) < KEYS_LIMIT:
                self._counts[key] = count
        return count


def _meter(name: Literal["account", "orders", "address"], per: Literal["account", "address"]) -> Meter:
    quota, window_s = settings.RATE_LIMIT_QUOTAS[name], settings.RATE_LIMIT_WINDOW_S
    return Meter(Policy(name=name, per=per, quota=quota, window_s=window_s))


ACCOUNT = _meter("account", "account")
"""Every private request, by its weight."""
ORDERS = _meter("orders", "account")
"""Every order placed or amended. One that fills gives its cost back."""
ADDRESS = _meter("address", "address")
"""Every public request, by its weight, and what must be looked up to prove who asks."""
METERS = (ACCOUNT, ORDERS, ADDRESS)


@lru_cache(maxsize=4096)
def address_key(address: str) -> str:
    """Whose counter an address uses: its own, of IPv6 that of its /64, which one subscriber has whole."""
    if ":" not in address:
        return address
    try:
        host = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(host.ipv4_mapped or ipaddress.ip_network((host, 64), strict=False))
