"""The open orders of all markets: how they come into the books, how they end, and what their end sets off."""

from collections import deque

from .balances import Balance
from .commands import Leg
from .fees import cost_atoms
from .holds import hold_atoms
from .order_book import Order, Special
from .outcomes import OrderRefreshed, Reason
from .participant import Participant
from .recorder import Outcomes, Recorder
from .timers import Timers


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
    """Every order that is open, and the running event: its number and time, what it touched, who takes it down.

    ``queue`` is what events have set off and is yet to be done. Orders by number and by account stand oldest first.
    """

    __slots__ = ("at_us", "by_number", "is_quiet", "out", "pegged", "queue", "seq", "timers", "touched")

    def __init__(self) -> None:
        self.by_number: dict[int, Order] = {}
        self.timers = Timers()
        self.queue: deque[Triggered | Ended] = deque()
        self.out: Recorder = Outcomes()
        self.seq = 0
        self.at_us = 0
        self.is_quiet = True
        """Whether nothing but the command itself can happen in this event: no timer, nothing queued, nothing pegged."""
        self.pegged = 0
        """How many pegged orders are open in all markets."""
        self.touched: list[Balance] = []

    def touch(self, balance: Balance) -> None:
        """The event will tell of this balance at its end."""
        if balance.touched_seq != self.seq:
            balance.touched_seq = self.seq
            self.touched.append(balance)

    # Coming

    def rest_alone(self, order: Order, balance: Balance, held_atoms: int) -> None:
        """Puts a plain new order into the book, holds for it and tells of it: all of its event, for nothing is pegged."""
        participant = order.participant
        if order.is_buy:
            participant.market.book.bids.append(order)
        else:
            participant.market.book.asks.append(order)
        self.by_number[order.number] = order
        participant.enlist(order)
        balance.available_atoms -= held_atoms
        balance.held_atoms += held_atoms
        self.out.placed(order, balance)

    def rest(self, order: Order) -> None:
        """Puts an order into the book, last in its queue, holds for it and tells of it."""
        self.enter_book(order)
        if order.number not in self.by_number:
            self.enlist(order)
        self.hold_for(order)
        self.out.rested(order)

    def enter_book(self, order: Order) -> None:
        market = order.participant.market
        market.changed_seq = self.seq
        if order.is_buy:
            market.book.bids.append(order)
        else:
            market.book.asks.append(order)

    def enlist(self, order: Order) -> None:
        """Counts an order as open from now on."""
        number = order.number
        self.by_number[number] = order
        order.participant.enlist(order)
        special = order.special
        if special is None:
            return
        if special.expires_at_us:
            self.timers.set_expiry(number, special.expires_at_us)
        if special.peg != "none":
            order.participant.market.pegged[number] = order
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
        number = order.number
        del self.by_number[number]
        order.participant.delist(order)
        special = order.special
        if special is not None:
            if special.expires_at_us:
                self.timers.clear_expiry(number)
            if special.peg != "none":
                del order.participant.market.pegged[number]
                self.pegged -= 1

    def withdraw(self, order: Order) -> None:
        """Cancels a plain order for its owner: all that the event comes to."""
        participant = order.participant
        market = participant.market
        lots = order.remaining_lots
        if order.is_buy:
            market.book.bids.remove(order)
            balance = participant.quote
            value_atoms = order.price_ticks * lots * market.tick_lot_atoms
            held_atoms = cost_atoms(value_atoms, order.rates.hold_ppm, order.fee_ppm_sum)
        else:
            market.book.asks.remove(order)
            balance = participant.base
            held_atoms = lots * market.lot_atoms
        del self.by_number[order.number]
        participant.delist(order)
        balance.release(held_atoms)
        self.out.withdrawn(order, balance)

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
        self.out.cancelled(order.number, participant, order.is_buy, price_ticks, remaining_lots, reason)
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
        self.out.add(
            OrderRefreshed(
                order.number,
                participant.account,
                participant.market.name,
                order.side,
                order.price_ticks,
                special.shown_lots,
            )
        )
