"""Times as Kraken writes them: seconds since the epoch as JSON numbers that are exact, or RFC 3339 without a fraction."""

import time

import msgspec


def seconds(us: int) -> msgspec.Raw:
    """A JSON number with microseconds."""
    return msgspec.Raw(b"%d.%06d" % divmod(us, 1_000_000))


def second(us: int) -> int:
    return us // 1_000_000


def time_text(us: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(us // 1_000_000))
