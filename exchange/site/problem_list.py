"""The registry of problems as its page shows it: by status, each status with what a client does about it."""

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import funding.problems  # noqa: F401 (declares its codes, as trading's does)
import trading.problems  # noqa: F401
from accounts.problems import REGISTRY, Kind

ADVICE = {
    400: "The request cannot be read as it is. Sent again unchanged, it fails again.",
    401: "Sign in, or begin a new session.",
    403: "You are known, and may not do this.",
    404: "It does not exist, or it is not yours.",
    405: "The Allow header names the methods that work here.",
    406: "Ask for application/json or application/msgpack.",
    409: "The first request with this key counts. Another request needs a key of its own.",
    413: "A body has at most 64 KiB.",
    415: "The body must say what it is, by Content-Type.",
    422: "Understood, and refused by a rule. Nothing was changed.",
    429: "Wait as long as Retry-After says.",
    500: "The fault is ours. Send the request again with the same client order id or idempotency key: it counts once.",
    503: "Send the request again after a moment, with the same client order id or idempotency key: it counts once.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusGroup:
    """The problems that are answered with one status, by code."""

    status: int
    advice: str
    kinds: tuple[Kind, ...]


def problems_by_status() -> list[StatusGroup]:
    kinds = sorted(REGISTRY.values(), key=attrgetter("status", "code"))
    return [
        StatusGroup(status=status, advice=ADVICE.get(status, ""), kinds=tuple(group))
        for status, group in groupby(kinds, key=attrgetter("status"))
    ]
