"""Brings funding's terms to trading: the one that publishes them does not know the one that has them. On the event loop."""

import asyncio
import logging

from django.db import Error as DatabaseError

from funding.terms import load_terms
from trading.runtime import Runtime

log = logging.getLogger(__name__)
REFRESH_S = 5.0
"""So late may a new wallet be told of."""


async def keep_terms(runtime: Runtime) -> None:
    """Until it is cancelled. While the database does not answer, what was known stands."""
    while True:
        try:
            runtime.custody_terms = await asyncio.to_thread(load_terms)
        except DatabaseError as error:
            log.warning("the terms of custody were not read: %s", str(error).strip())
        await asyncio.sleep(REFRESH_S)
