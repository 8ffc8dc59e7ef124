"""Previews: what the book would give a taker now. They change nothing."""

from .fees import affordable_lots, cost_atoms
from .order_book import BOTH, DECREMENT, NEWEST, PriceLevel
from .outcomes import Reason
from .taker import Taker


def whole_refusal(taker: Taker) -> Reason | None:
    """Why a fill-or-kill order cannot be filled whole now; None if it can."""
    found = Preview(taker)
    if found.met_own:
        return Reason.SELF_TRADE
    return None if found.lots == taker.wanted_lots else Reason.NOT_FILLED_WHOLE


def market_cost_atoms(taker: Taker) -> int:
    """What the book would charge a market buy now, fee included."""
    found = Preview(taker)
    return cost_atoms(found.tick_lots * taker.participant.market.tick_lot_atoms, taker.taker_ppm, 0)


def breaks(taker: Taker, at_us: int) -> bool:
    """Whether it would now trade at a price that its market's circuit breaker does not allow."""
    market = taker.participant.market
    if not market.breaker_ppm or not market.is_open:
        return False
    found = Preview(taker)
    return found.first_ticks > 0 and (
        market.is_outside(found.first_ticks, market.breaker_ppm, at_us)
        or market.is_outside(found.last_ticks, market.breaker_ppm, at_us)
    )


class Preview:
    """What a taker would meet now: lots, the sum of price ticks times lots, the first and last price (0: none), whether an
    order of its own owner is on the way, and what it would still want. Changes nothing.
    """

    __slots__ = (
        "_budget_atoms",
        "_fee_ppm_sum",
        "_market",
        "_owner",
        "_prevention",
        "_taker_ppm",
        "first_ticks",
        "is_stopped",
        "last_ticks",
        "left_lots",
        "lots",
        "met_own",
        "tick_lots",
    )

    def __init__(self, taker: Taker) -> None:
        self.lots = 0
        self.tick_lots = 0
        self.first_ticks = 0
        self.last_ticks = 0
        self.met_own = False
        self.is_stopped = False
        """Whether self-trade prevention ended it."""
        market = taker.participant.market
        self._market = market
        self._owner = taker.participant.owner
        self._prevention = taker.prevention
        self._budget_atoms = taker.budget_atoms
        self._taker_ppm = taker.taker_ppm
        self._fee_ppm_sum = taker.fee_ppm_sum
        self.left_lots = taker.wanted_lots
        for level in market.book.opposite(taker.is_buy):
            if level.rank < taker.limit_rank or not self._walk(level):
                return

    def _walk(self, level: PriceLevel) -> bool:
        """Goes through one level's queue, icebergs by their peaks; says whether to go on."""
        queue = [(order, order.shown_lots, order.remaining_lots) for order in level]
        for order, shown, remaining in queue:
            if not self._wants(level.price_ticks):
                return False
            if order.participant.owner == self._owner:
                self.met_own = True
                if self._prevention == DECREMENT:
                    self.left_lots -= min(self.left_lots, remaining)
                self.is_stopped = self._prevention in (NEWEST, BOTH) or self.left_lots == 0
                if self.is_stopped:
                    return False
                continue
            taken = min(self.left_lots, shown)
            self._take(level.price_ticks, taken)
            special = order.special
            if taken == shown and remaining > shown and special is not None:
                queue.append((order, min(special.display_lots, remaining - shown), remaining - shown))
        return self._wants(level.price_ticks)

    def _wants(self, price_ticks: int) -> bool:
        if self._budget_atoms:
            left_atoms = self._budget_atoms - self.tick_lots * self._market.tick_lot_atoms
            lot_atoms = price_ticks * self._market.tick_lot_atoms
            self.left_lots = affordable_lots(left_atoms, self._fee_ppm_sum, self._taker_ppm, lot_atoms)
        return self.left_lots > 0

    def _take(self, price_ticks: int, lots: int) -> None:
        self.lots += lots
        self.tick_lots += price_ticks * lots
        self.first_ticks = self.first_ticks or price_ticks
        self.last_ticks = price_ticks
        self.left_lots -= lots
        self._fee_ppm_sum += self._taker_ppm * price_ticks * lots * self._market.tick_lot_atoms
