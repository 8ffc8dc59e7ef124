"""Reading the read models. Plain SQL on the caller's connection, in a worker thread; units as in ``models``."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import psycopg

from trading.engine.commands import Options, OrderType, PostOnly, Side, TimeInForce
from trading.engine.numbers import LEG_BIT, PARENT_MASK, leg_number, leg_of

from .journal.read import records_by_seq
from .journal.records import decode, given
from .market_data.candles import Candle
from .market_data.ticker import MINUTE_US, WINDOW_MINUTES, Minute
from .order_facts import LEG_BITS, OPEN_STATUSES, brought
from .projections.candles import STORED_INTERVALS_S
from .projections.checkpoint import read_checkpoint

Connection = psycopg.Connection[tuple[Any, ...]]

_ORDER = (
    "SELECT seq, id::text, account_id, client_order_id, market, side, type, time_in_force, post_only, price_ticks,"
    " quantity_lots, budget_atoms, filled_lots, filled_quote_atoms, fee_atoms, status, reason, created_at_us,"
    " updated_at_us, updated_seq, options FROM trading_order"
)
AGE = f"((seq & {PARENT_MASK}) << {LEG_BITS} | (seq >> {LEG_BIT}))"
"""``order_facts.age`` as the index has it."""

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
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    post_only: PostOnly
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
    options: Options | None


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
class LifeStep:
    """One step in an order's life. ``details``: by the names of commands, outcomes and tables.

    ``kind``: ``placed``, ``fill``, one of ``models.OrderStep.Kind``, or how it ended: its last status.
    """

    seq: int
    at_us: int
    kind: str
    details: dict[str, Any]


def order_by_id(connection: Connection, order_id: str) -> OrderRow | None:
    row = connection.execute(f"{_ORDER} WHERE id = %s", (order_id,)).fetchone()
    return None if row is None else _order(row)


def orders_by_number(connection: Connection, numbers: Sequence[int]) -> list[OrderRow]:
    """The orders of these numbers, oldest first."""
    rows = connection.execute(f"{_ORDER} WHERE seq = ANY(%s) ORDER BY {AGE}", (list(numbers),)).fetchall()
    return [_order(row) for row in rows]


def closed_orders(
    connection: Connection, *, account: int, market: str | None, before: int | None, limit: int
) -> list[OrderRow]:
    """Orders of the account that have ended, newest first, of an age below ``before``."""
    rows = connection.execute(
        f"{_ORDER} WHERE account_id = %(account)s AND status NOT IN ('open', 'waiting')"
        f" AND (%(market)s::text IS NULL OR market = %(market)s) AND (%(before)s::bigint IS NULL OR {AGE} < %(before)s)"
        f" ORDER BY {AGE} DESC LIMIT %(limit)s",
        {"account": account, "market": market, "before": before, "limit": limit},
    ).fetchall()
    return [_order(row) for row in rows]


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


def fills_after(connection: Connection, *, account: int, after: int, until: int, limit: int) -> list[FillRow]:
    """Fills of the account, oldest first, with ids above ``after``, of events up to ``until``."""
    rows = connection.execute(
        f"{_FILL} WHERE f.account_id = %s AND f.id > %s AND t.seq <= %s ORDER BY f.id LIMIT %s",
        (account, after, until, limit),
    ).fetchall()
    return [FillRow(*_whole(row)) for row in rows]


def orders_changed_after(connection: Connection, *, account: int, seq: int, limit: int) -> list[OrderRow]:
    """Orders of the account that were placed or changed by events after that, but for those that were refused."""
    rows = connection.execute(
        f"{_ORDER} WHERE account_id = %s AND updated_seq > %s AND status <> 'rejected' LIMIT %s", (account, seq, limit)
    ).fetchall()
    return [_order(row) for row in rows]


def order_life(connection: Connection, *, order_id: str) -> list[LifeStep]:
    """All that ever happened to an order, oldest first; a leg stands in its parent's life, too. Nothing for no order.

    Of one event: the placing, then fills and rare steps as they followed each other, the end, the legs that it set off.
    """
    order = order_by_id(connection, order_id)
    if order is None:
        return []
    brings_after_end = order.options is not None and bool(order.options.on_fill)
    placing = records_by_seq(connection, [order.seq]).get(order.seq)
    placed = None if placing is None else brought(decode(placing))
    found: list[tuple[tuple[int, int, int, int], LifeStep]] = []
    if placed is not None:
        found.append(((order.seq, 0, 0, 0), LifeStep(order.seq, order.created_at_us, "placed", given(placed))))
    for number, seq, place, at_us, trade, kind, details in _steps(connection, order.seq):
        is_own = number == order.seq
        stage = 0 if is_own and kind == "leg" else 3 if not is_own and brings_after_end else 1
        step = LifeStep(
            seq, at_us, "placed" if stage == 0 else kind, details if is_own else {"order": number, **details}
        )
        found.append(((seq, stage, trade, place + 1), step))
    for fill in _own_fills(connection, order.seq):
        trade, seq, at_us = fill.pop("trade"), fill.pop("seq"), fill.pop("at_us")
        found.append(((seq, 1, trade, 0), LifeStep(seq, at_us, "fill", {"trade": trade, **fill})))
    if order.status not in OPEN_STATUSES:
        end = LifeStep(
            order.updated_seq, order.updated_at_us, order.status, {"reason": order.reason} if order.reason else {}
        )
        found.append(((order.updated_seq, 2, 0, 0), end))
    return [step for _, step in sorted(found, key=lambda one: one[0])]


def _steps(connection: Connection, number: int) -> list[tuple[Any, ...]]:
    """The rare steps of an order, and those by which its legs were placed."""
    return connection.execute(
        "SELECT order_seq, seq, place, at_us, after_trade, kind, details FROM order_step WHERE order_seq = %(number)s"
        " OR order_seq = ANY(%(legs)s) AND kind = 'leg'",
        {"number": number, "legs": [] if leg_of(number) else [leg_number(number, 1), leg_number(number, 2)]},
    ).fetchall()


def _own_fills(connection: Connection, number: int) -> list[dict[str, Any]]:
    columns = ("trade", "seq", "at_us", "price_ticks", "quantity_lots", "quote_atoms", "fee_atoms", "liquidity")
    rows = connection.execute(
        "SELECT t.id, t.seq, t.at_us, t.price_ticks, t.quantity_lots, t.quote_atoms, f.fee_atoms, f.liquidity"
        " FROM fill f JOIN trade t ON t.id = f.trade_id WHERE f.order_seq = %s ORDER BY t.id",
        (number,),
    ).fetchall()
    return [dict(zip(columns, _whole(row), strict=True)) for row in rows]


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


def first_trade_at(connection: Connection, *, at_us: int) -> int:
    """The id of the first trade at or after a time, in any market; the one after the last if there is none.

    Ids have no holes and follow time, so it is found by halving.
    """
    row = connection.execute("SELECT coalesce(max(id), 0) FROM trade").fetchone()
    low, high = 1, 1 if row is None else int(row[0]) + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute("SELECT at_us FROM trade WHERE id = %s", (middle,)).fetchone()
        if found is not None and found[0] < at_us:
            low = middle + 1
        else:
            high = middle
    return low


def trades_between(
    connection: Connection, *, market: str, taker_side: Side | None, start_us: int, end_us: int, limit: int
) -> list[TradeRow]:
    """Trades of the market with ``start_us <= at < end_us``, newest first."""
    first, end = first_trade_at(connection, at_us=start_us), first_trade_at(connection, at_us=end_us)
    rows = connection.execute(
        "SELECT id, seq, at_us, price_ticks, quantity_lots, quote_atoms, taker_side FROM trade"
        " WHERE market = %(market)s AND id >= %(first)s AND id < %(end)s"
        " AND (%(side)s::text IS NULL OR taker_side = %(side)s) ORDER BY id DESC LIMIT %(limit)s",
        {"market": market, "first": first, "end": end, "side": taker_side, "limit": limit},
    ).fetchall()
    return [TradeRow(*_whole(row)) for row in rows]


def candles(
    connection: Connection, *, market: str, interval_s: int, origin_us: int, start_us: int, end_us: int
) -> list[Candle]:
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
    return [Candle(*_whole(row)) for row in rows]


def last_close(connection: Connection, *, market: str, before_us: int) -> int | None:
    """The price in ticks of the last trade before a time, None if there was none."""
    row = connection.execute(
        "SELECT close_ticks FROM candle WHERE market = %s AND interval_s = 60 AND start_us < %s"
        " ORDER BY start_us DESC LIMIT 1",
        (market, before_us),
    ).fetchone()
    return None if row is None else int(row[0])


def recent_candles(
    connection: Connection, *, market: str, interval_s: int, origin_us: int, first_us: int
) -> tuple[list[Candle], int | None, int]:
    """Candles with trades from ``first_us`` on, the last price before them, and the event as of which all that is."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = candles(
            connection,
            market=market,
            interval_s=interval_s,
            origin_us=origin_us,
            start_us=first_us,
            end_us=1 << 62,
        )
        close = last_close(connection, market=market, before_us=first_us)
        return found, close, read_checkpoint(connection)


def state_reasons(connection: Connection) -> list[tuple[str, str]]:
    """Of every market why it has its state."""
    return [
        (str(market), str(reason)) for market, reason in connection.execute("SELECT market, state_reason FROM market")
    ]


def journaled(connection: Connection, *, command_ids: Sequence[str]) -> set[str]:
    """Those of the commands that are in the journal."""
    query = "SELECT command_id::text FROM order_event WHERE command_id = ANY(%s::uuid[])"
    return {str(found) for (found,) in connection.execute(query, (list(command_ids),))}


def read_models_at(connection: Connection) -> int:
    """The event up to which the read models are written, as the connection's transaction sees them."""
    return read_checkpoint(connection)


def window_minutes(connection: Connection, *, market: str, now_us: int) -> list[Minute]:
    """The minutes of the last 24 hours in which something traded, oldest first."""
    rows = connection.execute(
        "SELECT start_us, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, quote_atoms FROM candle"
        " WHERE market = %s AND interval_s = 60 AND start_us >= %s ORDER BY start_us",
        (market, now_us - WINDOW_MINUTES * MINUTE_US),
    ).fetchall()
    return [Minute(*_whole(row)) for row in rows]


def _order(row: tuple[Any, ...]) -> OrderRow:
    options = None if row[-1] is None else msgspec.convert(row[-1], Options)
    return OrderRow(*_whole((*row[:-1], options)))


def _whole(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """PostgreSQL's numeric comes as Decimal; all of ours are whole."""
    return tuple(int(value) if isinstance(value, Decimal) else value for value in row)
