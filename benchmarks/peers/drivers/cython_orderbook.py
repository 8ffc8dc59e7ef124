"""cython-orderbook: a book in Cython. It has no immediate-or-cancel order: what remains is cancelled."""

from collections.abc import Iterable, Sequence

from cython_orderbook import Order, OrderBook, OrderSide

from benchmarks.peers.driving import drive
from benchmarks.workload import BUY, CANCEL, IOC, Record


class CythonOrderbook:
    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._book = OrderBook()
        self._orders = {
            record.order: Order(
                side=OrderSide.BID if record.side == BUY else OrderSide.ASK,
                price=record.price_ticks,
                original_quantity=record.lots,
            )
            for record in records
            if record.kind != CANCEL
        }

    def run(self) -> None:
        book, orders = self._book, self._orders
        for kind, _, _, order, _, _ in self._records:
            if kind == CANCEL:
                book.cancel_order(orders[order].order_id)
                continue
            placed = orders[order]
            book.add_limit_order(placed)
            if kind == IOC and placed.remaining_quantity:
                book.cancel_order(placed.order_id)

    def trades(self) -> Iterable[tuple[int, int, int, int]]:
        order_of = {placed.order_id: order for order, placed in self._orders.items()}
        for trade in self._book.trade_log:
            yield order_of[trade.aggressor_id], order_of[trade.filler_id], trade.price, trade.quantity_filled


if __name__ == "__main__":
    drive(CythonOrderbook)
