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
    """

    __slots__ = ("account", "base", "last_order", "market", "open_count", "owner", "quote", "rates")

    def __init__(self, account: int, owner: int, market: "Market", base: Balance, quote: Balance, rates: Rates) -> None:
        self.account = account
        self.owner = owner
        self.market = market
        self.base = base
        self.quote = quote
        self.rates = rates
        """Of its orders from now on; open orders keep those that they were accepted at."""
        self.open_count = 0
        self.last_order: Order | None = None
        """The latest of its open orders; ``own_previous`` leads to the others."""

    def enlist(self, order: "Order") -> None:
        last = self.last_order
        if last is not None:
            last.own_next = order
            order.own_previous = last
        self.last_order = order
        self.open_count += 1

    def delist(self, order: "Order") -> None:
        before, after = order.own_previous, order.own_next
        if before is not None:
            before.own_next = after
            order.own_previous = None
        if after is not None:
            after.own_previous = before
            order.own_next = None
        else:
            self.last_order = before
        self.open_count -= 1

    def open_orders(self) -> "list[Order]":
        """In no order that means anything."""
        found = []
        order = self.last_order
        while order is not None:
            found.append(order)
            order = order.own_previous
        return found

    def holding(self, is_buy: bool) -> Balance:
        """The balance that an order of that side pays with, and holds in."""
        return self.quote if is_buy else self.base
