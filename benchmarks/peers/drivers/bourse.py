"""bourse: a book in Rust. It has no immediate-or-cancel order: what remains is cancelled. Its clock orders the queue."""

from collections.abc import Iterable, Sequence

import bourse.core

from benchmarks.peers.driving import drive
from benchmarks.workload import BUY, CANCEL, IOC, Record


class Bourse:
    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._book = bourse.core.OrderBook(0, 1, True)
        self._order_of: dict[int, int] = {}
        """The workload's order by the book's."""

    def run(self) -> None:
        book, order_of = self._book, self._order_of
        number_of: dict[int, int] = {}
        for time, (kind, side, user, order, price_ticks, lots) in enumerate(self._records, start=1):
            book.set_time(time)
            if kind == CANCEL:
                book.cancel_order(number_of[order])
                continue
            number = book.place_order(side == BUY, lots, user, price=price_ticks)
            number_of[order] = number
            order_of[number] = order
            if kind == IOC:
                book.cancel_order(number)

    def trades(self) -> Iterable[tuple[int, int, int, int]]:
        for _, _, price, lots, taker, maker in self._book.get_trades():
            yield self._order_of[taker], self._order_of[maker], price, lots


if __name__ == "__main__":
    drive(Bourse)
