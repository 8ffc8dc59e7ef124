"""What a restless crowd of takers does: when it trades, where, which way, how much. Pure, out of one seeded source.

Arrivals are a Hawkes process: each trade makes further ones more likely for about a second, so that they come in bursts.
The model is in floats; a size becomes a whole number of lots, exactly, before it is an order.
"""

import math
import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from .market import PPM, Best, MarketRules, Side
from .orders import NewOrder

QUIET_RATE = 0.75
"""Arrivals a second when nothing has happened for a while."""
EXCITEMENT = 1.0
CALMING = 2.0
"""An arrival adds EXCITEMENT to the rate, which decays with CALMING a second: 1.5 arrivals a second in the long run."""
FOLLOWS_WITHIN_S = 0.4
FOLLOWS_SHARE = 0.6
"""An arrival so soon after the one before is, with this probability, in the same market and direction."""

FAST_S, SLOW_S = 10.0, 60.0
MOMENTUM_FULL = 0.0015
"""Above this distance between fast and slow average, the direction follows as much as it ever does."""
MOMENTUM_WEIGHT = 0.15
INVENTORY_WEIGHT = 0.2

SIZE_SIGMA = 1.1
"""Sizes are lognormal around the market's median, between these multiples of it."""
SIZE_LEAST, SIZE_MOST = 0.02, 60.0
FUNDS_SHARE = Decimal("0.05")
"""At most this part of a balance goes into one order."""
SLIPPAGE_PPM = 5_000
REACH_LIMIT_PPM = 400
"""A limit order reaches up to this far beyond the best price."""
QUANTITY_SHARE, BUDGET_SHARE = 0.40, 0.65
"""Shares of market orders by quantity, and up to which by budget; the rest are limit orders, immediate or cancel."""


class Arrivals:
    """When the next order comes."""

    def __init__(self, randomness: random.Random) -> None:
        self._random = randomness
        self._excitement = 0.0

    def next_wait_s(self) -> float:
        """Seconds from one arrival to the next, by Ogata's thinning: the rate only falls until something happens."""
        waited_s = 0.0
        while True:
            ceiling = QUIET_RATE + self._excitement
            step_s = self._random.expovariate(ceiling)
            waited_s += step_s
            self._excitement *= math.exp(-CALMING * step_s)
            if self._random.random() * ceiling <= QUIET_RATE + self._excitement:
                self._excitement += EXCITEMENT
                return waited_s


class Momentum:
    """How far a market's fast average is above its slow one, as a fraction."""

    def __init__(self) -> None:
        self._fast = self._slow = 0.0

    def update(self, mid: Decimal, waited_s: float) -> float:
        """Takes in a price, ``waited_s`` after the one before."""
        price = float(mid)
        if not self._slow:
            self._fast = self._slow = price
        self._fast += (price - self._fast) * (1 - math.exp(-waited_s / FAST_S))
        self._slow += (price - self._slow) * (1 - math.exp(-waited_s / SLOW_S))
        return self._fast / self._slow - 1


class Crowd:
    """Decides each order. ``medians`` gives the markets their median size in the base asset, ``weights`` their share."""

    def __init__(
        self, randomness: random.Random, *, medians: Mapping[str, float], weights: Mapping[str, float]
    ) -> None:
        self._random = randomness
        self._medians = medians
        self._weights = weights
        self._momentum = {market: Momentum() for market in medians}
        self._last: tuple[str, Side] | None = None

    def next_order(
        self,
        rules: Mapping[str, MarketRules],
        best: Mapping[str, Best],
        totals: Mapping[str, Decimal],
        waited_s: float,
    ) -> NewOrder | None:
        """The order of an arrival; None where the book is empty on that side, or the funds do not allow the smallest."""
        trends = {market: self._momentum[market].update(mid, waited_s) for market, mid in _mids(best).items()}
        market, side = self._direction(rules, best, totals, trends, waited_s)
        self._last = (market, side)
        price = best[market].ask if side == "buy" else best[market].bid
        if price is None:
            return None
        return self._order(rules[market], side, price, totals)

    def _direction(
        self,
        rules: Mapping[str, MarketRules],
        best: Mapping[str, Best],
        totals: Mapping[str, Decimal],
        trends: Mapping[str, float],
        waited_s: float,
    ) -> tuple[str, Side]:
        follows = waited_s < FOLLOWS_WITHIN_S and self._random.random() < FOLLOWS_SHARE
        if follows and self._last is not None:
            return self._last
        (market,) = self._random.choices(list(self._weights), list(self._weights.values()))
        trend = max(-1.0, min(1.0, trends.get(market, 0.0) / MOMENTUM_FULL))
        long = _inventory(rules[market], best[market].mid, totals)
        buys = 0.5 + MOMENTUM_WEIGHT * trend - INVENTORY_WEIGHT * long
        return market, "buy" if self._random.random() < buys else "sell"

    def _order(self, rules: MarketRules, side: Side, price: Decimal, totals: Mapping[str, Decimal]) -> NewOrder | None:
        multiple = max(SIZE_LEAST, min(SIZE_MOST, self._random.lognormvariate(0.0, SIZE_SIGMA)))
        size = self._medians[rules.market] * multiple
        affordable = totals[rules.quote] / price if side == "buy" else totals[rules.base]
        quantity = rules.quantity_down(min(Decimal(f"{size:.12f}"), affordable * FUNDS_SHARE))
        kind, reach_ppm = self._random.random(), self._random.randrange(REACH_LIMIT_PPM)
        if kind < BUDGET_SHARE:
            reach_ppm = SLIPPAGE_PPM
        limit = _beyond(rules, side, price, reach_ppm)
        if not rules.is_large_enough(quantity, min(price, limit)):
            return None
        if QUANTITY_SHARE <= kind < BUDGET_SHARE and side == "buy":
            budget = rules.price_down(quantity * price)
            return NewOrder(market=rules.market, side=side, type="market", price=limit, quote_quantity=budget)
        order_type: Literal["market", "limit"] = "market" if kind < BUDGET_SHARE else "limit"
        return NewOrder(market=rules.market, side=side, type=order_type, price=limit, quantity=quantity)


def _beyond(rules: MarketRules, side: Side, price: Decimal, reach_ppm: int) -> Decimal:
    """A limit that reaches so far beyond a price, rounded away from it."""
    if side == "buy":
        return rules.price_up(price * (PPM + reach_ppm) / PPM)
    return rules.price_down(price * (PPM - reach_ppm) / PPM)


def _mids(best: Mapping[str, Best]) -> dict[str, Decimal]:
    return {market: prices.mid for market, prices in best.items() if prices.mid is not None}


def _inventory(rules: MarketRules, mid: Decimal | None, totals: Mapping[str, Decimal]) -> float:
    """From -1, all is in the quote asset, to 1, all is in the base asset."""
    if mid is None:
        return 0.0
    base_value, quote_value = float(totals[rules.base] * mid), float(totals[rules.quote])
    return (base_value - quote_value) / (base_value + quote_value) if base_value + quote_value else 0.0
