"""A participant: one account in one market, with what every order of it there needs at hand."""

from typing import TYPE_CHECKING

from .balances import Balance
from .fees import Rates

if TYPE_CHECKING:
    from .market import Market
    from .order_book import Order


class Participant:
    """Its two balances, its fee rates, how many orders it has open here, whose account it is.

    Made at an account's first order in the market and derived from the rest of the state, so a snapshot leaves it out.
    ``orders`` are the account's in all markets, by number, see ``open_orders``.
    """

    __slots__ = ("account", "base", "market", "open_count", "orders", "owner", "quote", "rates")

    def __init__(
        self,
        account: int,
        owner: int,
        market: "Market",
        base: Balance,
        quote: Balance,
        rates: Rates,
        orders: "dict[int, Order]",
    ) -> None:
        self.account = account
        self.owner = owner
        self.market = market
        self.base = base
        self.quote = quote
        self.rates = rates
        """Of its orders from now on; open orders keep those that they were accepted at."""
        self.orders = orders
        self.open_count = 0

    def open_orders(self) -> "list[Order]":
        """Its open orders in this market."""
        return [order for order in self.orders.values() if order.participant is self]

    def holding(self, is_buy: bool) -> Balance:
        """The balance that an order of that side pays with, and holds in."""
        return self.quote if is_buy else self.base
