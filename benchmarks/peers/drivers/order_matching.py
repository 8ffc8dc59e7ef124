"""order-matching: for simulations, prices and sizes as floats. It has no immediate-or-cancel order: what remains is cancelled."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from loguru import logger
from order_matching.enums import Side
from order_matching.matching_engine import MatchingEngine
from order_matching.order import LimitOrder
from order_matching.orders import Orders

from benchmarks.peers.driving import drive
from benchmarks.workload import BUY, CANCEL, IOC, Record

START = datetime(2026, 1, 1)  # noqa: DTZ001 - the engine knows no time zones


class OrderMatching:
    def __init__(self, records: Sequence[Record]) -> None:
        logger.remove()
        self._records = records
        self._engine = MatchingEngine(seed=1)
        self._times = [START + timedelta(microseconds=number) for number in range(len(records))]
        self._orders = {
            record.order: LimitOrder(
                side=Side.BUY if record.side == BUY else Side.SELL,
                price=record.price_ticks,
                size=record.lots,
                timestamp=time,
                order_id=str(record.order),
                trader_id=str(record.user),
            )
            for time, record in zip(self._times, records, strict=True)
            if record.kind != CANCEL
        }
        self._made: list[object] = []

    def run(self) -> None:
        engine, orders, made = self._engine, self._orders, self._made
        for time, (kind, _, _, order, _, _) in zip(self._times, self._records, strict=True):
            placed = orders[order]
            if kind == CANCEL:
                engine.cancel_order(placed.order_id)
                continue
            engine.place(Orders([placed]))
            made.extend(engine.match(time).trades)
            if kind == IOC and placed.size:
                engine.cancel_order(placed.order_id)

    def trades(self) -> Iterable[tuple[int, int, int, int]]:
        for trade in self._made:
            yield int(trade.incoming_order_id), int(trade.book_order_id), int(trade.price), int(trade.size)


if __name__ == "__main__":
    drive(OrderMatching)
