"""A participant: one account in one market, with what every order of it there needs at hand."""

from typing import TYPE_CHECKING

from .balances import Balance
from .fees import Rates

if TYPE_CHECKING:
    from .market import Market
    from .order_book import Order


class Participant:
    """Its two balances, its fee rates, its open orders, whose account it is.

    Made at an account's first order in the market and derived from the rest of the state, so a snapshot leaves it out.
    ``last_match`` is the last matching run that traded for it, so that each run lists it once.
    """

    __slots__ = ("account", "base", "last_match", "market", "open_orders", "owner", "quote", "rates")

    def __init__(self, account: int, owner: int, market: "Market", base: Balance, quote: Balance, rates: Rates) -> None:
        self.account = account
        self.owner = owner
        self.market = market
        self.base = base
        self.quote = quote
        self.rates = rates
        """Of its orders from now on; open orders keep those that they were accepted at."""
        self.open_orders: dict[int, Order] = {}
        """By number, oldest first."""
        self.last_match = 0

    def holding(self, is_buy: bool) -> Balance:
        """The balance that an order of that side pays with, and holds in."""
        return self.quote if is_buy else self.base
