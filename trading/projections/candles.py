"""Candles of one minute, hour and day, summed from trades. Coarser intervals are summed from these when asked for."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from trading.applied import Applied
from trading.bulk import column, rows_from
from trading.engine.outcomes import Filled

MINUTE_S = 60
COARSER_S = (3600, 86_400)
STORED_INTERVALS_S = (MINUTE_S, *COARSER_S)

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
        """A trade after all that are in it."""
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += lots
        self.quote += quote
        self.trades += 1

    def merge(self, later: "Bar") -> None:
        """A bar of a time after all that is in it."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.quote += later.quote
        self.trades += later.trades


def statements(applied: Iterable[Applied]) -> list[str]:
    minutes: dict[tuple[str, int], Bar] = {}
    for event in applied:
        for outcome in event.outcomes:
            if type(outcome) is Filled:
                _add(minutes, event.at_us, outcome)
    if not minutes:
        return []
    bars = {(market, MINUTE_S, start): bar for (market, start), bar in minutes.items()}
    for (market, start), bar in minutes.items():
        for interval_s in COARSER_S:
            key = market, interval_s, start - start % (interval_s * 1_000_000)
            if key in bars:
                bars[key].merge(bar)
            else:
                bars[key] = replace(bar)
    rows = [
        (*key, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote, bar.trades)
        for key, bar in sorted(bars.items())
    ]
    return [f"EXECUTE put_candles({', '.join(map(column, zip(*rows, strict=True)))})"]


def _add(minutes: dict[tuple[str, int], Bar], at_us: int, fill: Filled) -> None:
    price, lots, quote = fill.price_ticks, fill.quantity_lots, fill.quote_atoms
    key = fill.market, at_us - at_us % (MINUTE_S * 1_000_000)
    bar = minutes.get(key)
    if bar is None:
        minutes[key] = Bar(price, price, price, price, lots, quote, 1)
    else:
        bar.add(price, lots, quote)
