"""The taker: sends what ``flow`` decides, on all markets. Its orders never rest, so it has none to look after."""

import asyncio
import random
from dataclasses import dataclass

from .desk import Desk
from .flow import Arrivals, Crowd

MEDIAN_SIZES = {"BTC/USD": 0.008, "ETH/USD": 0.15, "ETH/BTC": 0.12}
"""In the base asset, about 500 US dollars each."""
WEIGHTS = {"BTC/USD": 0.45, "ETH/USD": 0.32, "ETH/BTC": 0.23}
REST_S = 5.0
"""After a refused order nothing is sent for so long."""


@dataclass(slots=True, kw_only=True)
class Taker:
    """Trades at random on the markets of MEDIAN_SIZES."""

    randomness: random.Random

    async def trade(self, desk: Desk) -> None:
        """Trades until it is cancelled. Raises Disconnected."""
        arrivals = Arrivals(self.randomness)
        crowd = Crowd(self.randomness, medians=MEDIAN_SIZES, weights=WEIGHTS)
        while True:
            wait_s = arrivals.next_wait_s()
            await asyncio.sleep(wait_s)
            order = crowd.next_order(desk.rules, desk.best, desk.totals, wait_s)
            if order is not None and await desk.place(order) is not None:
                await asyncio.sleep(REST_S)
