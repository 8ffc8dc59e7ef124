"""What happens around a command in its event: the timers that are due before it, and after it all that was set off."""

from collections.abc import Iterable
from typing import Final

from .balances import NARROW_LIMIT
from .errors import InvariantBroken
from .market import Market
from .open_orders import OpenOrders
from .order_book import Order, age
from .outcomes import Reason
from .pegs import reprice
from .placing import Placing
from .record import END

CASCADE_LIMIT: Final = 100
"""How much of what was set off is done in one event."""


class Consequences:
    """Shares its parts with the engine."""

    __slots__ = ("_markets", "_orders", "_placing")

    def __init__(self, orders: OpenOrders, placing: Placing, markets: dict[str, Market]) -> None:
        self._orders = orders
        self._placing = placing
        self._markets = markets

    def begin(self, at_us: int) -> int:
        """Begins the next event, which is at that time; returns its number. Does what is due. Raises InvariantBroken."""
        orders = self._orders
        if at_us < orders.at_us:
            raise InvariantBroken(f"event {orders.seq + 1} is at {at_us}, before {orders.at_us}")
        orders.seq += 1
        orders.at_us = at_us
        if at_us >= orders.timers.next_us:
            self._fire_timers()
        return orders.seq

    def _fire_timers(self) -> None:
        orders = self._orders
        orders.is_quiet = False
        while (timer := orders.timers.take_due(orders.at_us)) is not None:
            _, number, account = timer
            if account:
                self.close_all(self.orders_of(account), Reason.DEAD_MANS_SWITCH)
            else:
                orders.close(orders.by_number[number], Reason.EXPIRED)

    def orders_of(self, account: int) -> list[Order]:
        """The account's open orders, oldest first."""
        found = [
            order
            for market in self._markets.values()
            if (participant := market.participants.get(account)) is not None
            for order in participant.open_orders()
        ]
        found.sort(key=age)
        return found

    def close_all(self, chosen: Iterable[Order], reason: Reason) -> None:
        """Cancels these orders, but for those that the cancelling of others has ended."""
        for order in chosen:
            if self._orders.by_number.get(order.number) is order:
                self._orders.close(order, reason)

    def finish(self) -> None:
        """What the event has set off, the pegged orders, the balances."""
        orders = self._orders
        if orders.queue:
            self._cascade()
        if orders.pegged:
            self._reprice()
        self._tell_balances()
        orders.is_quiet = not orders.pegged and not orders.queue

    def _cascade(self) -> None:
        queue = self._orders.queue
        for _ in range(CASCADE_LIMIT):
            if not queue:
                return
            self._placing.take_turn(queue.popleft())

    def _reprice(self) -> None:
        orders = self._orders
        for market in self._markets.values():
            if market.pegged and market.changed_seq == orders.seq and market.state in ("open", "post_only"):
                reprice(market, orders)

    def _tell_balances(self) -> None:
        """Tells once of each balance that was touched, in the order of the first touch."""
        orders, touched = self._orders, self._orders.touched
        seq, words = orders.seq, orders.record.words
        for balance in touched:
            if balance.told_seq != seq:
                balance.told_seq = seq
                available_atoms, held_atoms = balance.available_atoms, balance.held_atoms
                if available_atoms >= NARROW_LIMIT or held_atoms >= NARROW_LIMIT:
                    orders.record.wide_balance(balance)
                else:
                    words.put_4((balance.word, balance.account, available_atoms, held_atoms))
        touched.clear()
        words.put_1(END)
