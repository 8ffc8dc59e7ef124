"""Brings to trading who may not trade: accounts keep it in the database, gateways ask in memory. On the event loop."""

import asyncio
import logging

from django.db import Error as DatabaseError

from accounts.database import in_database
from accounts.suspensions import suspended_accounts
from trading.runtime import Runtime

log = logging.getLogger(__name__)
REFRESH_S = 0.5
"""So late may another process know of it; the one that was asked knows at once."""


async def keep_suspended(runtime: Runtime) -> None:
    """Until it is cancelled. While the database does not answer, what was known stands."""
    while True:
        try:
            runtime.suspended_accounts = await in_database(suspended_accounts)
        except DatabaseError as error:
            log.warning("who may not trade was not read: %s", str(error).strip())
        await asyncio.sleep(REFRESH_S)
