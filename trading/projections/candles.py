"""Candles of one minute, hour and day, summed from trades. Coarser intervals are summed from these when asked for."""

from collections.abc import Iterable
from dataclasses import dataclass

from trading.bulk import column, rows_from
from trading.engine.outcomes import Filled
from trading.fold import Applied

STORED_INTERVALS_S = (60, 3600, 86_400)

PREPARE = f"""
PREPARE put_candles (text, text, text, text, text, text, text, text, text, text) AS
    INSERT INTO candle (market, interval_s, start_us, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots,
        quote_atoms, trades)
    SELECT market, width::int, start::bigint, open::bigint, high::bigint, low::bigint, close::bigint, volume::numeric,
           quote::numeric, trades::bigint
      FROM {rows_from(1, 10)} AS t (market, width, start, open, high, low, close, volume, quote, trades, n)
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


def statements(applied: Iterable[Applied]) -> list[str]:
    bars: dict[tuple[str, int, int], Bar] = {}
    for event in applied:
        for outcome in event.outcomes:
            if type(outcome) is Filled:
                _add(bars, event.at_us, outcome)
    if not bars:
        return []
    rows = [
        (*key, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote, bar.trades)
        for key, bar in sorted(bars.items())
    ]
    return [f"EXECUTE put_candles({', '.join(map(column, zip(*rows, strict=True)))})"]


def _add(bars: dict[tuple[str, int, int], Bar], at_us: int, fill: Filled) -> None:
    price, lots, quote = fill.price_ticks, fill.quantity_lots, fill.quote_atoms
    for interval_s in STORED_INTERVALS_S:
        key = fill.market, interval_s, at_us - at_us % (interval_s * 1_000_000)
        bar = bars.get(key)
        if bar is None:
            bars[key] = Bar(price, price, price, price, lots, quote, 1)
        else:
            bar.add(price, lots, quote)
