"""Reading the read models. Plain SQL on the caller's connection, in a worker thread; units as in ``models``."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

from trading.engine.commands import Side

from .market_data.ticker import MINUTE_US, WINDOW_MINUTES, Minute
from .projections.candles import STORED_INTERVALS_S

Connection = psycopg.Connection[tuple[Any, ...]]

_ORDER = (
    "SELECT seq, id::text, account_id, client_order_id, market, side, type, time_in_force, post_only, price_ticks,"
    " quantity_lots, budget_atoms, filled_lots, filled_quote_atoms, fee_atoms, status, reason, created_at_us,"
    " updated_at_us, updated_seq FROM trading_order"
)
_FILL = (
    "SELECT f.id, f.trade_id, o.id::text, t.market, f.side, f.liquidity, t.price_ticks, t.quantity_lots, t.quote_atoms,"
    " f.fee_atoms, t.at_us, t.seq FROM fill f JOIN trade t ON t.id = f.trade_id JOIN trading_order o ON o.seq = f.order_seq"
)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """A row of ``trading_order``."""

    seq: int
    order_id: str
    account: int
    client_order_id: str | None
    market: str
    side: str
    type: str
    time_in_force: str
    post_only: str
    price_ticks: int | None
    quantity_lots: int | None
    budget_atoms: int | None
    filled_lots: int
    filled_quote_atoms: int
    fee_atoms: int
    status: str
    reason: str | None
    created_at_us: int
    updated_at_us: int
    updated_seq: int


@dataclass(frozen=True, slots=True)
class FillRow:
    """One side of a trade with its order's id."""

    id: int
    trade_id: int
    order_id: str
    market: str
    side: str
    liquidity: str
    price_ticks: int
    quantity_lots: int
    quote_atoms: int
    fee_atoms: int
    at_us: int
    seq: int


@dataclass(frozen=True, slots=True)
class TradeRow:
    id: int
    seq: int
    at_us: int
    price_ticks: int
    quantity_lots: int
    quote_atoms: int
    taker_side: Side


@dataclass(frozen=True, slots=True)
class CandleRow:
    start_us: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    quote_atoms: int
    trades: int


def order_by_id(connection: Connection, order_id: str) -> OrderRow | None:
    row = connection.execute(f"{_ORDER} WHERE id = %s", (order_id,)).fetchone()
    return None if row is None else OrderRow(*_whole(row))


def closed_orders(
    connection: Connection, *, account: int, market: str | None, before: int | None, limit: int
) -> list[OrderRow]:
    """Orders of the account that are not open, newest first, with numbers below ``before``."""
    rows = connection.execute(
        f"{_ORDER} WHERE account_id = %(account)s AND status <> 'open'"
        " AND (%(market)s::text IS NULL OR market = %(market)s) AND (%(before)s::bigint IS NULL OR seq < %(before)s)"
        " ORDER BY seq DESC LIMIT %(limit)s",
        {"account": account, "market": market, "before": before, "limit": limit},
    ).fetchall()
    return [OrderRow(*_whole(row)) for row in rows]


def open_order_updates(connection: Connection) -> dict[int, int]:
    """Number of the last event of every open order, by order number."""
    return dict(connection.execute("SELECT seq, updated_seq FROM trading_order WHERE status = 'open'").fetchall())


def fills(
    connection: Connection,
    *,
    account: int,
    market: str | None = None,
    order_id: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[FillRow]:
    """Fills of the account, newest first, with ids below ``before``."""
    rows = connection.execute(
        f"{_FILL} WHERE f.account_id = %(account)s AND (%(market)s::text IS NULL OR t.market = %(market)s)"
        " AND (%(order)s::uuid IS NULL OR f.order_seq = (SELECT seq FROM trading_order WHERE id = %(order)s::uuid))"
        " AND (%(before)s::bigint IS NULL OR f.id < %(before)s) ORDER BY f.id DESC LIMIT %(limit)s",
        {"account": account, "market": market, "order": order_id, "before": before, "limit": limit},
    ).fetchall()
    return [FillRow(*_whole(row)) for row in rows]


def trades(
    connection: Connection, *, market: str, limit: int, before: int | None = None, since: int | None = None
) -> list[TradeRow]:
    """Trades of the market: newest first with ids below ``before``; or oldest first with ids above ``since``."""
    order = "ASC" if since is not None else "DESC"
    rows = connection.execute(
        "SELECT id, seq, at_us, price_ticks, quantity_lots, quote_atoms, taker_side FROM trade"
        " WHERE market = %(market)s AND (%(before)s::bigint IS NULL OR id < %(before)s)"
        f" AND (%(since)s::bigint IS NULL OR id > %(since)s) ORDER BY id {order} LIMIT %(limit)s",
        {"market": market, "before": before, "since": since, "limit": limit},
    ).fetchall()
    return [TradeRow(*_whole(row)) for row in rows]


def candles(
    connection: Connection, *, market: str, interval_s: int, origin_us: int, start_us: int, end_us: int
) -> list[CandleRow]:
    """Candles with ``start_us <= start < end_us`` in which something traded, oldest first.

    Summed from the coarsest stored interval that divides ``interval_s``; ``origin_us`` is a start of some candle.
    """
    stored_s = max(stored for stored in STORED_INTERVALS_S if interval_s % stored == 0)
    rows = connection.execute(
        "SELECT %(origin)s + div(start_us - %(origin)s, %(width)s)::bigint * %(width)s AS bucket,"
        " (array_agg(open_ticks ORDER BY start_us))[1], max(high_ticks), min(low_ticks),"
        " (array_agg(close_ticks ORDER BY start_us DESC))[1], sum(volume_lots), sum(quote_atoms), sum(trades)"
        " FROM candle WHERE market = %(market)s AND interval_s = %(stored)s AND start_us >= %(start)s"
        " AND start_us < %(end)s GROUP BY bucket ORDER BY bucket",
        {
            "market": market,
            "stored": stored_s,
            "width": interval_s * 1_000_000,
            "origin": origin_us,
            "start": start_us,
            "end": end_us,
        },
    ).fetchall()
    return [CandleRow(*_whole(row)) for row in rows]


def last_close(connection: Connection, *, market: str, before_us: int) -> int | None:
    """The price in ticks of the last trade before a time, None if there was none."""
    row = connection.execute(
        "SELECT close_ticks FROM candle WHERE market = %s AND interval_s = 60 AND start_us < %s"
        " ORDER BY start_us DESC LIMIT 1",
        (market, before_us),
    ).fetchone()
    return None if row is None else int(row[0])


def window_minutes(connection: Connection, *, market: str, now_us: int) -> list[Minute]:
    """The minutes of the last 24 hours in which something traded, oldest first."""
    rows = connection.execute(
        "SELECT start_us, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, quote_atoms FROM candle"
        " WHERE market = %s AND interval_s = 60 AND start_us >= %s ORDER BY start_us",
        (market, now_us - WINDOW_MINUTES * MINUTE_US),
    ).fetchall()
    return [Minute(*_whole(row)) for row in rows]


def _whole(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """PostgreSQL's numeric comes as Decimal; all of ours are whole."""
    return tuple(int(value) if isinstance(value, Decimal) else value for value in row)
