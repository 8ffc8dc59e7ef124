"""lightmatchingengine: dictionaries of lists in Python. It has no immediate-or-cancel order: what remains is cancelled."""

from collections.abc import Iterable, Sequence

from lightmatchingengine.lightmatchingengine import LightMatchingEngine, Side

from benchmarks.peers.driving import drive
from benchmarks.workload import BUY, CANCEL, IOC, Record

MARKET = "BTC/USD"


class Light:
    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._engine = LightMatchingEngine()
        self._order_of: dict[int, int] = {}
        self._made: list[tuple[int, list[object]]] = []

    def run(self) -> None:
        engine, order_of, made = self._engine, self._order_of, self._made
        number_of: dict[int, int] = {}
        for kind, side, _, order, price_ticks, lots in self._records:
            if kind == CANCEL:
                engine.cancel_order(number_of[order], MARKET)
                continue
            placed, trades = engine.add_order(MARKET, price_ticks, lots, Side.BUY if side == BUY else Side.SELL)
            number_of[order] = placed.order_id
            order_of[placed.order_id] = order
            if trades:
                made.append((placed.order_id, trades))
            if kind == IOC and placed.leaves_qty:
                engine.cancel_order(placed.order_id, MARKET)

    def trades(self) -> Iterable[tuple[int, int, int, int]]:
        """A level's trades are told once as the taker's, as a whole, and then maker by maker."""
        for taker, trades in self._made:
            for trade in trades:
                if trade.order_id != taker:
                    yield self._order_of[taker], self._order_of[trade.order_id], trade.trade_price, trade.trade_qty


if __name__ == "__main__":
    drive(Light)
