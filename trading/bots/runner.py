"""Puts the bots together and runs them in one event loop, until SIGTERM or SIGINT."""

import asyncio
import logging
import random
import signal
from collections.abc import Sequence

from .bot import Backoff, Strategy, pause, run_bot
from .desk import Desk
from .maker import LADDERS, Maker
from .reference import ASSETS, STEP_S, Reference
from .session import Account, Disconnected, Refused, fetch_last_prices, require_ready
from .taker import MEDIAN_SIZES, Taker

log = logging.getLogger(__name__)

MAKERS = {f"maker-{market.lower().replace('/', '-')}": market for market in LADDERS}
TAKER = "taker"
NAMES = (*MAKERS, TAKER)

REPORT_EVERY_S = 300.0
FAREWELL_LIMIT_S = 2.5
"""So long the bots may take, after a signal, to cancel their orders. `make run` kills what has not ended after 5 s."""


async def run_bots(url: str, accounts: Sequence[Account], seed: int) -> None:
    """Runs a bot for each account, whose names are of NAMES; returns when a signal has ended them.

    An exception that is not the exchange's doing stops all of them and is raised.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    log.info("%s bots at %s, --seed %s", len(accounts), url, seed)
    reference = await _reference(url, seed, stop)
    if reference is None:
        return
    desks = [Desk(url, account, _markets(account.name)) for account in accounts]
    bots = [
        asyncio.create_task(run_bot(desk, _strategy(desk.name, reference, seed), stop), name=desk.name)
        for desk in desks
    ]
    routine = [asyncio.create_task(_drift(reference)), asyncio.create_task(_report(desks))]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*bots, *routine, stopping], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    for task in routine:
        task.cancel()
    _, late = await asyncio.wait(bots, timeout=FAREWELL_LIMIT_S)
    for bot in late:
        log.warning("%s: its orders could not be cancelled in time", bot.get_name())
        bot.cancel()
    ended = await asyncio.gather(*bots, *routine, stopping, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


async def _reference(url: str, seed: int, stop: asyncio.Event) -> Reference | None:
    """The reference, from where the markets were last; None if it is time to stop before the exchange answers."""
    backoff = Backoff(random.Random())
    markets = {asset: f"{asset}/USD" for asset in ASSETS}
    while not stop.is_set():
        try:
            await require_ready(url)
            prices = await fetch_last_prices(url, markets.values())
            start = {asset: prices[market] for asset, market in markets.items() if market in prices}
            return Reference(seed, start)
        except (Disconnected, Refused) as error:
            log.warning("the exchange does not answer yet: %s", error)
            await pause(backoff.next_pause_s(), stop)
    return None


def _markets(name: str) -> tuple[str, ...]:
    return (MAKERS[name],) if name in MAKERS else tuple(MEDIAN_SIZES)


def _strategy(name: str, reference: Reference, seed: int) -> Strategy:
    randomness = random.Random(f"{name} {seed}")
    if name == TAKER:
        return Taker(randomness=randomness)
    market = MAKERS[name]
    return Maker(market=market, levels=LADDERS[market], reference=reference, randomness=randomness)


async def _drift(reference: Reference) -> None:
    while True:
        await asyncio.sleep(STEP_S)
        reference.step()


async def _report(desks: Sequence[Desk]) -> None:
    while True:
        await asyncio.sleep(REPORT_EVERY_S)
        for desk in desks:
            desk.report()
