"""What the dialect reads of the read models beyond ``trading.queries``. Plain SQL on the caller's connection, in a worker
thread; units as in ``trading.models``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trading.projections.candles import MINUTE_S
from trading.queries import Connection
from trading.shapes.fields import LIMIT_TYPES

LIMITED = LIMIT_TYPES
"""Types of orders whose trades are told as those of limit orders."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What was traded in a time. Prices in ticks, 0 if nothing was; volume in lots, quote volume in atoms."""

    open: int
    high: int
    low: int
    lots: int
    quote: int
    trades: int


NOTHING = (Totals(0, 0, 0, 0, 0, 0), Totals(0, 0, 0, 0, 0, 0))


def day_and_window(
    connection: Connection, *, markets: Sequence[str], today_us: int, window_us: int
) -> dict[str, tuple[Totals, Totals]]:
    """By market, in which something was traded since ``window_us``: what since ``today_us``, and in all."""
    columns = (
        "(array_agg(open_ticks ORDER BY start_us){today})[1], max(high_ticks){today}, min(low_ticks){today},"
        " sum(volume_lots){today}, sum(quote_atoms){today}, sum(trades){today}"
    )
    today = columns.format(today=" FILTER (WHERE start_us >= %(today)s)")
    rows = connection.execute(
        f"SELECT market, {today}, {columns.format(today='')} FROM candle"
        f" WHERE market = ANY(%(markets)s) AND interval_s = {MINUTE_S} AND start_us >= %(window)s GROUP BY market",
        {"markets": list(markets), "today": today_us, "window": window_us},
    ).fetchall()
    return {
        str(row[0]): (
            Totals(*(int(value or 0) for value in row[1:7])),
            Totals(*(int(value or 0) for value in row[7:13])),
        )
        for row in rows
    }


def taker_types(connection: Connection, *, trades: Sequence[int]) -> dict[int, str]:
    """By trade, the type of the order that took."""
    rows = connection.execute(
        "SELECT f.trade_id, o.type FROM fill f JOIN trading_order o ON o.seq = f.order_seq WHERE f.id = ANY(%s)",
        ([2 * trade - 1 for trade in trades],),
    ).fetchall()
    return {int(row[0]): str(row[1]) for row in rows}
