"""The open orders of all markets: how they come into the books, how they end, and what their end sets off."""

from collections import deque

from .balances import Balance
from .commands import Leg
from .holds import hold_atoms
from .order_book import Order, Special
from .outcomes import OrderRefreshed, Reason
from .participant import Participant
from .record import Record
from .timers import NEVER_US, Timers


class Triggered:
    """In the queue: the order of this number, which a trade at this price has triggered."""

    __slots__ = ("number", "price_ticks")

    def __init__(self, number: int, price_ticks: int) -> None:
        self.number = number
        self.price_ticks = price_ticks


class Ended:
    """In the queue: an order that has ended with something filled, and brings orders for that."""

    __slots__ = ("is_buy", "keep_on_disconnect", "legs", "lots", "number", "participant", "prevention")

    def __init__(
        self,
        number: int,
        participant: Participant,
        is_buy: bool,
        lots: int,
        legs: tuple[Leg, ...],
        prevention: int,
        keep_on_disconnect: bool,
    ) -> None:
        self.number = number
        self.participant = participant
        self.is_buy = is_buy
        self.lots = lots
        self.legs = legs
        self.prevention = prevention
        self.keep_on_disconnect = keep_on_disconnect


class OpenOrders:
    """Every order that is open, and the running event: its number and time, what it touched, the record of it.

    ``queue`` is what events have set off and is yet to be done.
    """

    __slots__ = ("at_us", "by_number", "is_quiet", "pegged", "queue", "record", "seq", "timers", "touched")

    def __init__(self) -> None:
        self.by_number: dict[int, Order] = {}
        """Oldest first."""
        self.timers = Timers()
        self.queue: deque[Triggered | Ended] = deque()
        self.record = Record()
        self.seq = 0
        self.at_us = 0
        self.is_quiet = True
        """Whether nothing but the command itself can happen in this event: no timer, nothing queued, nothing pegged."""
        self.pegged = 0
        """How many pegged orders are open in all markets."""
        self.touched: list[Balance] = []
        """By the running event, in that order; the same one perhaps more than once."""

    def quiet_until_us(self) -> int | None:
        """Before this time nothing but the command itself can happen in an event; 0: something else may; None: never will."""
        if not self.is_quiet:
            return 0
        next_us = self.timers.next_us
        return None if next_us == NEVER_US else next_us

    def find(self, account: int, number: int) -> Order | None:
        """The account's open order of that number."""
        order = self.by_number.get(number)
        return order if order is not None and order.participant.account == account else None

    def touch(self, balance: Balance) -> None:
        """The event will tell of this balance at its end."""
        self.touched.append(balance)

    # Coming

    def rest(self, order: Order) -> None:
        """Puts an order into the book, last in its queue, holds for it and tells of it."""
        self.enter_book(order)
        if order.number not in self.by_number:
            self.enlist(order)
        self.hold_for(order)
        self.record.rested(order)

    def enter_book(self, order: Order) -> None:
        market = order.participant.market
        market.changed_seq = self.seq
        if order.is_buy:
            market.book.bids.append(order)
        else:
            market.book.asks.append(order)

    def enlist(self, order: Order) -> None:
        """Counts an order as open from now on."""
        number, participant = order.number, order.participant
        self.by_number[number] = order
        participant.enlist(order)
        special = order.special
        if special is None:
            return
        if special.expires_at_us:
            self.timers.set_expiry(number, special.expires_at_us)
        if special.peg != "none":
            participant.market.pegged[number] = order
            self.pegged += 1

    def hold_for(self, order: Order) -> None:
        balance = order.participant.holding(order.is_buy)
        balance.hold(hold_atoms(order))
        self.touch(balance)

    def lift(self, order: Order) -> None:
        """Takes an order that stays open out of the books, and its hold with it."""
        held_atoms = hold_atoms(order)
        self.leave_book(order)
        balance = order.participant.holding(order.is_buy)
        balance.release(held_atoms)
        self.touch(balance)

    # Going

    def leave_book(self, order: Order) -> None:
        """Takes an order out of its queue, or out of those that wait for a trade."""
        market = order.participant.market
        if order.level is not None:
            market.changed_seq = self.seq
            if order.is_buy:
                market.book.bids.remove(order)
            else:
                market.book.asks.remove(order)
        elif order.special is not None:
            market.triggers.discard(order, order.special)

    def end(self, order: Order) -> None:
        """An order that is in no book has ended; it may never have been open."""
        if order.number in self.by_number:
            self.delist(order)

    def delist(self, order: Order) -> None:
        """The order is not open any more."""
        number, participant = order.number, order.participant
        del self.by_number[number]
        participant.delist(order)
        special = order.special
        if special is not None:
            if special.expires_at_us:
                self.timers.clear_expiry(number)
            if special.peg != "none":
                del participant.market.pegged[number]
                self.pegged -= 1

    def close(self, order: Order, reason: Reason) -> None:
        """Cancels an open order, and what is bound to it."""
        participant, special = order.participant, order.special
        held_atoms = hold_atoms(order)
        price_ticks = order.price_ticks if order.level is not None else 0
        self.leave_book(order)
        self.delist(order)
        balance = participant.holding(order.is_buy)
        balance.release(held_atoms)
        self.touch(balance)
        by_budget = special is not None and special.budget_atoms > 0
        remaining_lots = -1 if by_budget else order.remaining_lots
        self.record.cancelled(order.number, participant, order.is_buy, price_ticks, remaining_lots, reason)
        if special is not None:
            self.follow(order, special)
            self.unlink(special)

    def unlink(self, special: Special) -> None:
        """Cancels the other leg, if there is one: this one has acted or ended."""
        other = special.sibling
        if other is None:
            return
        special.sibling = None
        if other.special is not None:
            other.special.sibling = None
        self.close(other, Reason.ONE_CANCELS_OTHER)

    def follow(self, order: Order, special: Special) -> None:
        """An order has ended: if it has filled something, its legs' turn will come."""
        if special.on_fill and order.filled_lots:
            self.queue.append(
                Ended(
                    order.number,
                    order.participant,
                    order.is_buy,
                    order.filled_lots,
                    special.on_fill,
                    special.prevention,
                    special.keep_on_disconnect,
                )
            )

    def refresh(self, order: Order, special: Special) -> None:
        """Shows an iceberg's next peak, last in its queue."""
        participant = order.participant
        side = participant.market.book.same(order.is_buy)
        side.remove(order)
        side.append(order)
        order.updated_at_us = self.at_us
        self.record.add(
            OrderRefreshed(
                order.number,
                participant.account,
                participant.market.name,
                order.side,
                order.price_ticks,
                special.shown_lots,
            )
        )
