"""pyorderbook: heaps and dictionaries in Python, prices as decimals. No immediate-or-cancel order: what remains is cancelled."""

from collections.abc import Iterable, Sequence

from pyorderbook import Book, Order, Side

from benchmarks.peers.driving import drive
from benchmarks.workload import BUY, CANCEL, IOC, Record


class Pyorderbook:
    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._book = Book()
        self._orders = {
            record.order: Order(Side.BID if record.side == BUY else Side.ASK, "BTC", record.price_ticks, record.lots)
            for record in records
            if record.kind != CANCEL
        }
        self._order_of = {placed.id: order for order, placed in self._orders.items()}
        self._made: list[object] = []

    def run(self) -> None:
        book, orders, made = self._book, self._orders, self._made
        for kind, _, _, order, _, _ in self._records:
            placed = orders[order]
            if kind == CANCEL:
                book.cancel(placed)
                continue
            made.extend(book.match(placed).trades)
            if kind == IOC and placed.quantity:
                book.cancel(placed)

    def trades(self) -> Iterable[tuple[int, int, int, int]]:
        for trade in self._made:
            taker, maker = self._order_of[trade.incoming_order_id], self._order_of[trade.standing_order_id]
            yield taker, maker, int(trade.fill_price), trade.fill_quantity


if __name__ == "__main__":
    drive(Pyorderbook)
