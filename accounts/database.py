"""Functions that use Django's models, called from the event loop: in a worker thread, on a connection that is alive."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import close_old_connections

T = TypeVar("T")


async def in_database(act: Callable[..., T], /, **arguments: Any) -> T:
    """What the function returns or raises; its thread's connection may have died since it was last used."""

    def call() -> T:
        close_old_connections()
        return act(**arguments)

    return await asyncio.to_thread(call)
