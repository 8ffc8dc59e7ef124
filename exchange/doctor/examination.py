"""The order of an examination: what all else stands on first. What cannot be looked at because of that is left out.

The environment comes before Django, for with a wrong variable there are no settings; so modules that need settings are imported
once these could be read.
"""

import os
import re
from collections.abc import Mapping

import django
import psycopg

from .findings import Finding, Findings, ok, wrong
from .packages import package_versions, python_version
from .variables import SECRETS, VARIABLES, malformed_values, secret_files, unknown_names

_NAMES = sorted({*VARIABLES, *(f"{name}_FILE" for name in SECRETS)}, key=len, reverse=True)
_VARIABLE = re.compile(rf"\b({'|'.join(_NAMES)})\b")


def examine(environ: Mapping[str, str] = os.environ) -> Findings:
    yield from python_version()
    yield from package_versions()
    yield from unknown_names(environ)
    malformed = list(malformed_values(environ))
    yield from malformed
    yield from secret_files(environ)
    refused = _read_settings(next((one.setting for one in malformed if one.severity == "wrong"), None))
    if refused is not None:
        yield refused
        return
    yield ok("The settings can be read.")
    yield from _production()
    yield from _machine()
    yield from _redis()
    yield from _database()


def _read_settings(malformed: str | None) -> Finding | None:
    """What keeps the exchange from starting at all. Whatever settings raise is the operator's to mend; if they name no variable,
    it is the one that is malformed.
    """
    try:
        django.setup()
    except Exception as error:
        words = " ".join(str(error).split()) or type(error).__name__
        named = _VARIABLE.search(words)
        setting = named[0] if named else malformed or "DJANGO_SETTINGS_MODULE"
        return wrong(setting, f"nothing can start: {words}", "Nothing else was looked at.")
    return None


def _production() -> Findings:
    from . import production

    yield from production.which_settings()
    yield from production.django_checks()
    yield from production.hosts()
    yield from production.secrets()
    yield from production.mail()


def _machine() -> Findings:
    from django.conf import settings

    from . import machine

    yield from machine.engine_form()
    yield from machine.state_directory(settings.STATE)
    yield from machine.free_disk(settings.STATE)
    yield from machine.open_files()
    yield from machine.site_files()


def _redis() -> Findings:
    from .redis_server import redis_server

    yield from redis_server()


def _database() -> Findings:
    """And what is in it: without a database custody has nothing to be compared with."""
    from django.conf import settings
    from django.db import DatabaseError

    from trading.database import conninfo

    from . import database

    if not settings.DATABASES["default"].get("NAME"):
        fix = "Set it to postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or start make run, which has one of its own."
        yield wrong("DATABASE_URL", "no database is named.", fix)
        return
    try:
        with database.reached(conninfo()) as connection:
            yield from _server(connection)
            if (yield from database.readable(connection)) and (yield from database.migrations()):
                yield from _contents(connection)
    except (psycopg.Error, DatabaseError) as error:
        yield database.unreachable("DATABASE_URL", error)
    yield from database.owners_address()


def _server(connection: psycopg.Connection[tuple[object, ...]]) -> Findings:
    from . import database

    for look in (
        database.server_version,
        database.takes_writes,
        database.durability,
        database.backups,
        database.room_for_connections,
        database.clocks,
    ):
        yield from look(connection)


def _contents(connection: psycopg.Connection[tuple[object, ...]]) -> Findings:
    """What only a database of this version of the code has."""
    from . import custody, database, journal

    yield from database.privileges(connection)
    for look in (journal.head, journal.read_models, journal.snapshots):
        yield from journal.at_one_moment(look, connection)
    for act in (
        custody.real_chains,
        custody.nodes,
        custody.wallets,
        custody.signers,
        custody.cold_addresses,
        custody.stops,
    ):
        yield from act()
