"""Plain psycopg connections to Django's database, for the journal, the projector and the read models' queries."""

from typing import Any

from django.conf import settings
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

POOL_SIZE = 4
POOL_WAIT_S = 5.0


def conninfo() -> str:
    """The connection string of ``DATABASES['default']``."""
    database: dict[str, Any] = dict(settings.DATABASES["default"])
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    given = {name: database[key] for key, name in names.items() if database.get(key)}
    return make_conninfo(**{**database.get("OPTIONS", {}), **given})


def open_pool() -> ConnectionPool:
    """Connections for reading, shared by worker threads; at most POOL_SIZE, and one waits POOL_WAIT_S for one."""
    return ConnectionPool(
        conninfo(),
        min_size=1,
        max_size=POOL_SIZE,
        timeout=POOL_WAIT_S,
        kwargs={"autocommit": True, "application_name": "kontor-read"},
        open=True,
    )
