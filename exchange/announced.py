"""Brings to trading what the staff tell everybody: accounts keep it in the database. On the event loop."""

import asyncio
import logging

from django.db import Error as DatabaseError

from accounts.database import in_database
from trading.announcements import load_announced
from trading.runtime import Runtime

log = logging.getLogger(__name__)
REFRESH_S = 1.0
"""So late may another process tell of it; the one that was asked does at once."""


async def keep_announced(runtime: Runtime) -> None:
    """Until it is cancelled. While the database does not answer, what was known stands."""
    while True:
        try:
            runtime.announced = await in_database(load_announced)
        except DatabaseError as error:
            log.warning("the staff's notices were not read: %s", str(error).strip())
        await asyncio.sleep(REFRESH_S)
