"""Rate limits across processes: each tells Redis what it has counted, and learns what the others have.

Ten times a second, and only of those counters that changed; no request ever waits for it. An account that asks several
processes at once can so exceed its quota by what they answer within SHARE_EVERY_S. While Redis does not answer every
process counts by itself; with nothing to tell it is asked once a second whether it is there, for who is refused changes no
counter. A task of the event loop.
"""

import asyncio
import logging
import time
from collections.abc import Hashable, Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from .rate_limits import Count, Meter

log = logging.getLogger(__name__)

SHARE_EVERY_S = 0.1
PAUSE_S = 1.0
"""After Redis did not answer; and how long it may have nothing to answer."""
ANSWER_LIMIT_S = 0.5
BATCH_LIMIT = 5_000
"""Counters told in one round trip."""


async def share(redis_url: str, meters: Sequence[Meter]) -> None:
    """Shares the meters until it is cancelled."""
    redis: Redis = Redis.from_url(redis_url, socket_timeout=ANSWER_LIMIT_S, socket_connect_timeout=ANSWER_LIMIT_S)
    for meter in meters:
        meter.is_shared = True
    is_away = False
    heard_at = time.monotonic()
    try:
        while True:
            try:
                told = sum([await _exchange(redis, meter) for meter in meters])
                if not told and time.monotonic() - heard_at < PAUSE_S:
                    await asyncio.sleep(SHARE_EVERY_S)
                    continue
                if not told:
                    async with asyncio.timeout(ANSWER_LIMIT_S):
                        await redis.ping()
                heard_at = time.monotonic()
            except (RedisError, OSError, TimeoutError) as error:
                if not is_away:
                    log.warning("rate limits are counted by each process for itself: %s", error)
                is_away = True
                for meter in meters:
                    meter.forget_others()
            else:
                if is_away:
                    log.info("rate limits are shared again")
                is_away = False
            await asyncio.sleep(PAUSE_S if is_away else SHARE_EVERY_S)
    finally:
        await redis.aclose()


async def _exchange(redis: Redis, meter: Meter) -> int:
    """Tells what changed, and takes over what all have counted together; how many counters. Raises RedisError, OSError,
    TimeoutError.
    """
    window = meter.window
    told: list[tuple[Hashable, Count, int]] = []
    while meter.changed and len(told) < BATCH_LIMIT:
        key, count = meter.changed.popitem()
        told.append((key, count, count.own - count.shared))
    if not told:
        return 0
    pipeline = redis.pipeline(transaction=False)
    for key, _, more in told:
        name = f"kontor:rate:{meter.policy.name}:{window}:{key}"
        pipeline.incrby(name, more)
        pipeline.expire(name, 2 * meter.policy.window_s)
    async with asyncio.timeout(ANSWER_LIMIT_S):
        totals = (await pipeline.execute())[::2]
    for (_, count, more), total in zip(told, totals, strict=True):
        count.shared += more
        count.others = max(int(total) - count.shared, 0)
    return len(told)
