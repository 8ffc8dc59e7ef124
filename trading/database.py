"""Plain psycopg connections to Django's database, for the journal, the projector and the read models' queries."""

from typing import Any

from django.conf import settings
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

POOL_SIZE = 4
POOL_WAIT_S = 5.0

_LIVELINESS = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""libpq's: how soon a server that has vanished from the network is given up. The last is in milliseconds, others in seconds."""


def conninfo() -> str:
    """The connection string of ``DATABASES['default']``."""
    database: dict[str, Any] = dict(settings.DATABASES["default"])
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    given = {name: database[key] for key, name in names.items() if database.get(key)}
    return make_conninfo(**{**_LIVELINESS, **database.get("OPTIONS", {}), **given})


def owner_conninfo() -> str:
    """The connection string of the role that owns the tables, for what only it may do."""
    return (
        conninfo() if settings.DATABASE_OWNER_URL is None else make_conninfo(settings.DATABASE_OWNER_URL, **_LIVELINESS)
    )


def open_pool() -> ConnectionPool:
    """Connections for reading, shared by worker threads; at most POOL_SIZE, and one waits POOL_WAIT_S for one."""
    return ConnectionPool(
        conninfo(),
        min_size=1,
        max_size=POOL_SIZE,
        timeout=POOL_WAIT_S,
        check=ConnectionPool.check_connection,  # after a restart of the database nobody shall be given a dead one
        kwargs={"autocommit": True, "application_name": "kontor-read"},
        open=True,
    )
