"""The market maker: keeps a ladder of post-only orders around the reference, within its budget.

About once a second it looks what is off and what is missing, and changes only that. It sends no more than RATE messages a
second in the long run; after a jump, or at the start, up to BURST at once.
"""

import asyncio
import random
from dataclasses import dataclass
from decimal import Decimal

from .desk import Desk
from .market import Best, MarketRules
from .orders import NewOrder, OpenOrder
from .quoting import Ladder, Quote, View, ladder, plan, within
from .reference import Reference

STEP_S = 1.0
RATE = 8.0
BURST = 40
REST_S = 5.0
"""After a refusal that would only come again, such as a closed market or missing funds, nothing is placed for so long."""
PASSING = ("would_take", "self_trade")
"""Refusals by an order that came at the same moment; the next step sees it."""

LADDERS = {
    "BTC/USD": ladder(
        levels=12,
        first_offset_ppm=80,
        first_size=Decimal("0.12"),
        base_budget=Decimal(12),
        quote_budget=Decimal(800_000),
    ),
    "ETH/USD": ladder(
        levels=12,
        first_offset_ppm=90,
        first_size=Decimal(2),
        base_budget=Decimal(200),
        quote_budget=Decimal(700_000),
    ),
    "ETH/BTC": ladder(
        levels=12,
        first_offset_ppm=120,
        first_size=Decimal("1.5"),
        base_budget=Decimal(160),
        quote_budget=Decimal(9),
    ),
}


class Allowance:
    """Messages that may be sent: ``rate`` a second, saved up to ``burst``. Clock: any monotonic one, in seconds."""

    def __init__(self, rate: float, burst: int, now_s: float) -> None:
        self._rate = rate
        self._burst = burst
        self._saved = float(burst)
        self._at_s = now_s

    def available(self, now_s: float) -> int:
        self._saved = min(self._burst, self._saved + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        return int(self._saved)

    def spend(self, messages: int) -> None:
        self._saved -= messages


@dataclass(slots=True, kw_only=True)
class Maker:
    """Quotes one market. All makers of a process read the same reference, so that their markets agree."""

    market: str
    levels: Ladder
    reference: Reference
    randomness: random.Random

    async def trade(self, desk: Desk) -> None:
        """Quotes until it is cancelled. Raises Disconnected."""
        clock = asyncio.get_running_loop().time
        allowance = Allowance(RATE, BURST, clock())
        rests_until_s = 0.0
        while True:
            if clock() >= rests_until_s and await self._step(desk, allowance, clock()):
                rests_until_s = clock() + REST_S
            await asyncio.sleep(STEP_S * self.randomness.uniform(0.8, 1.2))

    async def _step(self, desk: Desk, allowance: Allowance, now_s: float) -> bool:
        """Changes what is off. True if a refusal says that placing more would be in vain for now."""
        rules, orders = desk.rules[self.market], desk.orders.in_market(self.market)
        view = look(rules, self.reference, desk.totals, desk.best[self.market], orders)
        changes = plan(rules, self.levels, view, orders, self.randomness)
        changes = within(changes, allowance.available(now_s), orders)
        allowance.spend(len(changes.cancel) + len(changes.place))
        await asyncio.gather(*(desk.cancel(order) for order in changes.cancel))
        codes = await asyncio.gather(*(desk.place(self._order(quote)) for quote in changes.place))
        return any(code is not None and code not in PASSING for code in codes)

    def _order(self, quote: Quote) -> NewOrder:
        return NewOrder(
            market=self.market,
            side=quote.side,
            type="limit",
            price=quote.price,
            quantity=quote.quantity,
            time_in_force="gtc",
            post_only=True,
        )


def look(
    rules: MarketRules, reference: Reference, totals: dict[str, Decimal], best: Best, orders: list[OpenOrder]
) -> View:
    """What the maker goes by. A best price at which it has an order itself is not a stranger's."""
    own = {order.price for order in orders}
    return View(
        reference=reference.price(rules.base, rules.quote),
        base_total=totals[rules.base],
        quote_total=totals[rules.quote],
        foreign_bid=None if best.bid in own else best.bid,
        foreign_ask=None if best.ask in own else best.ask,
    )
