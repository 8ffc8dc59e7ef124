"""Times and fractions as the wire has them."""

import datetime as dt
import time
from functools import lru_cache
from typing import overload

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@lru_cache(maxsize=4096)
def at_text(at_us: int) -> str:
    """RFC 3339 with microseconds, UTC. All orders of a batch have the same time."""
    second, us = divmod(at_us, 1_000_000)
    return f"{_second_text(second)}.{us:06d}Z"


def now_text() -> str:
    """The time, as at_text says it; it is not kept, for it does not come again."""
    second, us = divmod(time.time_ns() // 1000, 1_000_000)
    return f"{_second_text(second)}.{us:06d}Z"


@overload
def datetime_text(at: dt.datetime) -> str: ...


@overload
def datetime_text(at: None) -> None: ...


def datetime_text(at: dt.datetime | None) -> str | None:
    """A time of the database, as at_text says it."""
    return None if at is None else at_text(microseconds(at))


def microseconds(at: dt.datetime) -> int:
    """Since the epoch, rounded down. ``at`` has a zone."""
    return (at - _EPOCH) // dt.timedelta(microseconds=1)


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def fraction_text(ppm: int) -> str:
    """Parts per million as a decimal fraction."""
    if ppm < 0:
        return f"-{fraction_text(-ppm)}"
    return f"{ppm // 1_000_000}.{ppm % 1_000_000:06d}".rstrip("0").ljust(3, "0")
