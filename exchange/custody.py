"""Brings to trading what funding knows and trading tells: terms, and whether nodes are followed. On the event loop."""

import asyncio
import datetime as dt
import logging

from django.db import Error as DatabaseError

from funding.nodes import followed
from funding.terms import load_terms
from trading.runtime import Runtime

log = logging.getLogger(__name__)
REFRESH_S = 5.0
"""So late may a new wallet be told of, or a node that is not followed."""


async def keep_custody(runtime: Runtime) -> None:
    """Until it is cancelled. While the database does not answer, what was known stands."""
    while True:
        try:
            runtime.custody_terms = await asyncio.to_thread(load_terms)
            runtime.nodes = await asyncio.to_thread(followed, now=dt.datetime.now(dt.UTC))
        except DatabaseError as error:
            log.warning("what custody tells was not read: %s", str(error).strip())
        await asyncio.sleep(REFRESH_S)
