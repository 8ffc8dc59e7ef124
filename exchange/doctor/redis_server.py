"""Redis, where there is one: that it answers, is new enough, and drops nothing that somebody still wants."""

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from .findings import Findings, ok, warning, wrong

OLDEST_VERSION = (6, 0)
ANSWER_LIMIT_S = 3.0


def redis_server(oldest: tuple[int, int] = OLDEST_VERSION) -> Findings:
    """It is needed for nothing that may not be lost: while it is away each process counts for itself."""
    if not settings.REDIS_URL:
        yield ok("There is no REDIS_URL: each process counts rate limits for itself.")
        return
    limits = {"socket_timeout": ANSWER_LIMIT_S, "socket_connect_timeout": ANSWER_LIMIT_S}
    try:
        with Redis.from_url(settings.REDIS_URL, **limits) as client:
            yield from _looked_at(client, oldest)
    except (RedisError, OSError, ValueError) as error:
        yield wrong("REDIS_URL", f"Redis does not answer: {error}.", "Start it, say where it is, or unset REDIS_URL.")


def _looked_at(client: Redis, oldest: tuple[int, int]) -> Findings:
    about = client.info()
    version = str(about["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < oldest:
        says = f"Redis {version} is too old; {'.'.join(map(str, oldest))} is the oldest that works."
        yield wrong("REDIS_URL", says, "Upgrade it.")
    else:
        yield ok(f"Redis {version} answers.")
    if about.get("role") != "master":
        yield wrong("REDIS_URL", "this Redis is a replica, and takes no writes.", "Name the one that it follows.")
    policy = str(about.get("maxmemory_policy", "noeviction"))
    if policy.startswith("allkeys"):
        says = f"it is {policy}: a full Redis drops Celery's queues as well."
        yield warning("maxmemory-policy", says, "CONFIG SET maxmemory-policy volatile-ttl: counters have an end.")
    elif policy == "noeviction" and int(about.get("maxmemory", 0)):
        says = "it is noeviction with a maxmemory: a full Redis refuses, and each process counts for itself."
        yield warning("maxmemory-policy", says, "CONFIG SET maxmemory-policy volatile-ttl: counters have an end.")
