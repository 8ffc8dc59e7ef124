"""The life of a bot: connect, trade, connect again when the connection is lost, leave nothing behind at the end."""

import asyncio
import logging
import random
from contextlib import suppress
from typing import Protocol

from .client import Stream
from .desk import Desk
from .session import Disconnected, Refused

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.25
PAUSE_LIMIT_S = 5.0
SETTLED_S = 5.0
"""A connection that held for so long was a good one: the pauses begin anew after it."""


class Strategy(Protocol):
    """How a bot trades."""

    async def trade(self, desk: Desk) -> None:
        """Trades until it is cancelled. Raises Disconnected."""


class Backoff:
    """Pauses between attempts: doubling to PAUSE_LIMIT_S, each cut at random so that many clients do not come at once."""

    def __init__(self, randomness: random.Random) -> None:
        self._random = randomness
        self._pause_s = FIRST_PAUSE_S

    def next_pause_s(self) -> float:
        pause_s = self._pause_s * self._random.uniform(0.5, 1.0)
        self._pause_s = min(PAUSE_LIMIT_S, self._pause_s * 2)
        return pause_s

    def reset(self) -> None:
        self._pause_s = FIRST_PAUSE_S


async def run_bot(desk: Desk, strategy: Strategy, stop: asyncio.Event) -> None:
    """Trades until ``stop`` is set; returns when no order of the account is open.

    Nothing that the exchange does ends it: it says what happened, once, and tries again. Before its first order it cancels
    what an earlier run has left.
    """
    backoff = Backoff(random.Random())
    is_fresh = True
    told = ""
    while True:
        begun_s = asyncio.get_running_loop().time()
        try:
            async with desk.connected() as stream:
                log.info("%s: connected, %s open orders", desk.name, len(desk.orders))
                told = ""
                if is_fresh:
                    await desk.cancel_all()
                    is_fresh = False
                await _trade_until(stop, desk, strategy, stream)
                await desk.cancel_all()
            break
        except (Disconnected, Refused) as error:
            if str(error) != told:
                log.warning("%s: not connected: %s", desk.name, error)
            told = str(error)
        if asyncio.get_running_loop().time() - begun_s > SETTLED_S:
            backoff.reset()
        await pause(backoff.next_pause_s(), stop)
    desk.report()
    with suppress(Disconnected, Refused):
        await desk.sign_out()


async def _trade_until(stop: asyncio.Event, desk: Desk, strategy: Strategy, stream: Stream) -> None:
    """Returns when ``stop`` is set. Raises Disconnected, and whatever is wrong with the strategy itself."""
    trading = asyncio.create_task(strategy.trade(desk))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((trading, stopping, stream.reading), return_when=asyncio.FIRST_COMPLETED)
        for ended in (trading, stream.reading):
            if ended.done():
                ended.result()
    finally:
        trading.cancel()
        stopping.cancel()
        await asyncio.gather(trading, stopping, return_exceptions=True)


async def pause(pause_s: float, stop: asyncio.Event) -> None:
    """A pause that a stop cuts short, once; after it the pauses are kept, so that the last attempts do not spin."""
    if stop.is_set():
        await asyncio.sleep(pause_s)
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), pause_s)
