"""Candles of one minute, hour and day, summed from trades. Coarser intervals are summed from these when asked for."""

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from trading.engine.outcomes import Filled
from trading.replica import Applied

Connection = psycopg.Connection[tuple[object, ...]]

STORED_INTERVALS_S = (60, 3600, 86_400)

_UPSERT = """
INSERT INTO candle (market, interval_s, start_us, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, quote_atoms, trades)
SELECT * FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                     %s::numeric[], %s::numeric[], %s::bigint[])
ON CONFLICT (market, interval_s, start_us) DO UPDATE SET
    high_ticks = greatest(candle.high_ticks, excluded.high_ticks),
    low_ticks = least(candle.low_ticks, excluded.low_ticks),
    close_ticks = excluded.close_ticks,
    volume_lots = candle.volume_lots + excluded.volume_lots,
    quote_atoms = candle.quote_atoms + excluded.quote_atoms,
    trades = candle.trades + excluded.trades
"""


@dataclass(slots=True)
class Bar:
    """One candle in the making: prices in ticks, volume in lots, quote volume in atoms."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    trades: int

    def add(self, price: int, lots: int, quote: int) -> None:
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.volume += lots
        self.quote += quote
        self.trades += 1


def write(connection: Connection, applied: Iterable[Applied]) -> None:
    bars: dict[tuple[str, int, int], Bar] = {}
    for event in applied:
        for outcome in event.outcomes:
            if type(outcome) is Filled:
                _add(bars, event.at_us, outcome)
    if not bars:
        return
    columns = zip(
        *(
            (*key, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote, bar.trades)
            for key, bar in sorted(bars.items())
        ),
        strict=True,
    )
    connection.execute(_UPSERT, [list(column) for column in columns])


def _add(bars: dict[tuple[str, int, int], Bar], at_us: int, fill: Filled) -> None:
    price, lots, quote = fill.price_ticks, fill.quantity_lots, fill.quote_atoms
    for interval_s in STORED_INTERVALS_S:
        key = fill.market, interval_s, at_us - at_us % (interval_s * 1_000_000)
        bar = bars.get(key)
        if bar is None:
            bars[key] = Bar(price, price, price, price, lots, quote, 1)
        else:
            bar.add(price, lots, quote)
