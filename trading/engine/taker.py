"""Takers: orders while they match."""

from typing import Final

from .balances import Balance
from .bounds import MAXIMUM_PRICE_TICKS
from .market import Market
from .native import mypyc_attr
from .order_book import NEWEST, Order
from .outcomes import Reason
from .participant import Participant

NO_LIMIT_RANK: Final = -MAXIMUM_PRICE_TICKS - 1


@mypyc_attr(free_list_len=1)
class Taker:
    """An order while it matches: what it asks for, and what it has got.

    ``wanted_lots`` is what it still wants; ``budget_atoms`` above 0: a buy by budget, which includes the fee.
    ``limit_rank`` is the worst rank that it trades with, see ``order_book``.
    """

    __slots__ = (
        "budget_atoms",
        "fee_ppm_sum",
        "filled_lots",
        "first_ticks",
        "is_buy",
        "last_ticks",
        "limit_rank",
        "maker_fees_atoms",
        "number",
        "participant",
        "prevented_lots",
        "prevention",
        "quote_atoms",
        "stopped_by",
        "taker_ppm",
        "told",
        "wanted_lots",
    )

    def __init__(
        self,
        number: int,
        participant: Participant,
        is_buy: bool,
        wanted_lots: int,
        budget_atoms: int,
        limit_rank: int,
        prevention: int,
        taker_ppm: int,
        fee_ppm_sum: int,
    ) -> None:
        self.number = number
        self.participant = participant
        self.is_buy = is_buy
        self.wanted_lots = wanted_lots
        self.budget_atoms = budget_atoms
        self.limit_rank = limit_rank
        self.prevention = prevention
        self.taker_ppm = taker_ppm
        self.fee_ppm_sum = fee_ppm_sum
        self.filled_lots = 0
        self.quote_atoms = 0
        self.maker_fees_atoms = 0
        self.told: list[Balance] = []
        """The makers' balances that its trades changed, in that order; the same one perhaps more than once."""
        self.prevented_lots = 0
        """By how much self-trade prevention has decremented it."""
        self.first_ticks = 0
        self.last_ticks = 0
        """The first and last trade's prices; 0: it did not trade."""
        self.stopped_by: Reason | None = None
        """Why it got no more; None: nothing that was wanted remains."""

    def pass_to(self, order: Order) -> None:
        """Gives its order what it has got."""
        if self.budget_atoms:
            order.quantity_lots = self.filled_lots
            order.remaining_lots = 0
        else:
            order.quantity_lots -= self.prevented_lots
            order.remaining_lots -= self.prevented_lots + self.filled_lots
        order.filled_quote_atoms += self.quote_atoms
        order.fee_ppm_sum = self.fee_ppm_sum


def taker_of(order: Order) -> Taker:
    """An order that is in no book, as it would match now."""
    special = order.special
    return Taker(
        order.number,
        order.participant,
        order.is_buy,
        order.remaining_lots,
        0 if special is None else special.budget_atoms,
        limit_rank(order.is_buy, order.price_ticks),
        NEWEST if special is None else special.prevention,
        order.rates.taker_ppm,
        order.fee_ppm_sum,
    )


def limit_rank(is_buy: bool, limit_ticks: int) -> int:
    """The worst rank of the opposite side within a limit (0: none)."""
    if limit_ticks == 0:
        return NO_LIMIT_RANK
    return -limit_ticks if is_buy else limit_ticks


def meets(market: Market, is_buy: bool, limit_ticks: int) -> bool:
    """Whether the best opposite price is within a limit (0: none)."""
    best = market.book.opposite(is_buy).best
    return best is not None and best.rank >= limit_rank(is_buy, limit_ticks)
