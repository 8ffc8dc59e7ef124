"""A participant: one account in one market, with what every order of it there needs at hand."""

from .balances import Balance
from .commands import FeeTier


class Participant:
    """Its two balances, its fee rates, how many of its orders rest.

    Made at an account's first order in the market and derived from the rest of the state, so a snapshot leaves it out.
    ``last_seq`` is the last event that traded for it, so that each event reports its balances once.
    """

    __slots__ = ("account", "base", "higher_ppm", "last_seq", "maker_ppm", "open_orders", "quote", "taker_ppm")

    def __init__(self, account: int, base: Balance, quote: Balance, rates: FeeTier) -> None:
        self.account = account
        self.base = base
        self.quote = quote
        self.open_orders = 0
        self.last_seq = 0
        self.set_rates(rates)

    def set_rates(self, rates: FeeTier) -> None:
        """The rates of its orders from now on; open orders keep those that they were accepted at."""
        self.maker_ppm = rates.maker_ppm
        self.taker_ppm = rates.taker_ppm
        self.higher_ppm = max(rates.maker_ppm, rates.taker_ppm)
