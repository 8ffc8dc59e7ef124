"""Takes this process down with the exchange, and opens the exchange when it comes up again. On the event loop.

The journal says that the exchange winds down, and until when; the first process that finds no order open, or the time over, says
that it stops; every process that is running then has a snapshot made, if it leads the projection, and ends as by SIGTERM.
A process that starts and finds that the exchange was stopped opens it again. One that starts while it winds down goes on with
that, unless the time was over OVERDUE_US ago: then nobody was left to stop it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from accounts.problems import Problem

from . import suspension
from .applied import Applied
from .closures import Closure
from .engine.outcomes import MarketStateChanged
from .publications import Publication
from .runtime import Runtime

log = logging.getLogger(__name__)

POLL_S = 0.2
OVERDUE_US = 10_000_000


class GoingDown:
    """``end`` ends the process."""

    def __init__(self, runtime: Runtime, end: Callable[[], None]) -> None:
        self._runtime = runtime
        self._end = end
        self._news = asyncio.Event()
        self._is_stopped = False
        runtime.observers.append(self)

    def on_event(self, event: Applied) -> None:
        if any(type(outcome) is MarketStateChanged for outcome in event.outcomes):
            closure = self._runtime.live.closure
            self._is_stopped = self._is_stopped or (closure is not None and closure.is_last)
            self._news.set()

    def on_batch(self, publication: Publication) -> None:
        """Nothing more than of its events."""

    async def run(self) -> None:
        while not self._runtime.ready:
            await asyncio.sleep(POLL_S)
        await self._come_up()
        while not self._is_stopped:
            closure = self._runtime.live.closure
            if closure is None or closure.phase != "winding down":
                await self._news.wait()
                self._news.clear()
                continue
            if not self._runtime.live.open_count or _now_us() >= (closure.at_us or 0):
                await self._try(suspension.stop, closure)
            await asyncio.sleep(POLL_S)
        log.info("the exchange was stopped by event %s: this process ends", self._runtime.live.seq)
        await self._runtime.make_snapshot()
        self._end()

    async def _come_up(self) -> None:
        """Opens the exchange if it was down."""
        while not self._is_stopped:
            closure = self._runtime.live.closure
            if closure is None or closure.phase == "suspended":
                return
            if not closure.is_last and _now_us() < (closure.at_us or 0) + OVERDUE_US:
                return
            await self._try(suspension.start_again, closure)
            await asyncio.sleep(POLL_S)

    async def _try(self, act: Callable[[Runtime, Closure], Awaitable[None]], closure: Closure) -> None:
        try:
            await act(self._runtime, closure)
        except Problem as problem:
            log.warning("going down: %s; trying again", problem)


def _now_us() -> int:
    return time.time_ns() // 1000
