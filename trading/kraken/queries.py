"""What the dialect reads of the read models beyond ``trading.queries``. Plain SQL on the caller's connection, in a worker
thread; units as in ``trading.models``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from trading.projections.candles import MINUTE_S
from trading.queries import AGE, Connection
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


@dataclass(frozen=True, slots=True)
class FillRow:
    """One side of a trade, with what there is to say of its order. ``id``: the fill's."""

    id: int
    trade_id: int
    order_id: str
    order_type: str
    client_order_id: str | None
    market: str
    side: str
    liquidity: Literal["maker", "taker"]
    price_ticks: int
    quantity_lots: int
    quote_atoms: int
    fee_atoms: int
    at_us: int


By = Literal["open", "close", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Times above ``after_us`` and not above ``until_us``, of what ``by`` says; None: any."""

    after_us: int | None
    until_us: int | None
    by: By = "both"


PERIODS: dict[By, tuple[str, str]] = {
    "open": ("created_at_us", "created_at_us"),
    "close": ("updated_at_us", "updated_at_us"),
    "both": ("updated_at_us", "created_at_us"),
}
"""What must be above the one bound, and not above the other: with "both" an order that lived in between."""
_CLOSED = (
    " FROM trading_order WHERE account_id = %(account)s AND status NOT IN ('open', 'waiting', 'rejected')"
    " AND (%(name)s::text IS NULL OR client_order_id = %(name)s)"
    " AND (%(after)s::bigint IS NULL OR {first} > %(after)s) AND (%(until)s::bigint IS NULL OR {last} <= %(until)s)"
)
_FILL = (
    "SELECT f.id, f.trade_id, o.id::text, o.type, o.client_order_id, t.market, f.side, f.liquidity, t.price_ticks,"
    " t.quantity_lots, t.quote_atoms, f.fee_atoms, t.at_us"
    " FROM fill f JOIN trade t ON t.id = f.trade_id JOIN trading_order o ON o.seq = f.order_seq"
)


def closed_numbers(
    connection: Connection, *, account: int, period: Period, name: str | None, offset: int, limit: int
) -> list[int]:
    """The numbers of orders that have ended, but for those that were refused, newest first. ``name``: a client's id."""
    found, values = _closed(account, period, name)
    rows = connection.execute(
        f"SELECT seq {found} ORDER BY {AGE} DESC OFFSET %(offset)s LIMIT %(limit)s",
        {**values, "offset": offset, "limit": limit},
    ).fetchall()
    return [int(row[0]) for row in rows]


def closed_count(connection: Connection, *, account: int, period: Period, name: str | None, limit: int) -> int:
    """How many there are, counted up to ``limit``."""
    found, values = _closed(account, period, name)
    row = connection.execute(
        f"SELECT count(*) FROM (SELECT 1 {found} LIMIT %(limit)s) orders", {**values, "limit": limit}
    ).fetchone()
    return 0 if row is None else int(row[0])


def _closed(account: int, period: Period, name: str | None) -> tuple[str, dict[str, object]]:
    first, last = PERIODS[period.by]
    values: dict[str, object] = {"account": account, "name": name, "after": period.after_us, "until": period.until_us}
    return _CLOSED.format(first=first, last=last), values


def fill_page(
    connection: Connection, *, account: int, after: int, until: int, offset: int, limit: int
) -> list[FillRow]:
    """Fills of the account with ``after < id <= until``, newest first."""
    rows = connection.execute(
        f"{_FILL} WHERE f.account_id = %s AND f.id > %s AND f.id <= %s ORDER BY f.id DESC OFFSET %s LIMIT %s",
        (account, after, until, offset, limit),
    ).fetchall()
    return [_fill(row) for row in rows]


def fill_count(connection: Connection, *, account: int, after: int, until: int, limit: int) -> int:
    """How many there are, counted up to ``limit``."""
    row = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM fill WHERE account_id = %s AND id > %s AND id <= %s LIMIT %s) fills",
        (account, after, until, limit),
    ).fetchone()
    return 0 if row is None else int(row[0])


def fills_by_id(connection: Connection, *, account: int, ids: Sequence[int]) -> list[FillRow]:
    """Those of the account's fills that have these ids, newest first."""
    rows = connection.execute(
        f"{_FILL} WHERE f.account_id = %s AND f.id = ANY(%s) ORDER BY f.id DESC", (account, list(ids))
    ).fetchall()
    return [_fill(row) for row in rows]


def fills_of_orders(connection: Connection, *, orders: Sequence[int], limit: int) -> dict[int, list[int]]:
    """By order's number the ids of its fills, oldest first; at most so many in all."""
    rows = connection.execute(
        "SELECT order_seq, id FROM fill WHERE order_seq = ANY(%s) ORDER BY id LIMIT %s", (list(orders), limit)
    ).fetchall()
    found: dict[int, list[int]] = {}
    for order, fill in rows:
        found.setdefault(int(order), []).append(int(fill))
    return found


def traded_since(connection: Connection, *, account: int, markets: Sequence[str], since_us: int) -> int:
    """Quote atoms that the account has traded in these markets since then."""
    row = connection.execute(
        "SELECT coalesce(sum(t.quote_atoms), 0) FROM fill f JOIN trade t ON t.id = f.trade_id"
        " WHERE f.account_id = %s AND t.market = ANY(%s) AND t.at_us >= %s",
        (account, list(markets), since_us),
    ).fetchone()
    return 0 if row is None else int(row[0])


def _fill(row: tuple[Any, ...]) -> FillRow:
    whole: tuple[Any, ...] = tuple(int(value) if isinstance(value, Decimal) else value for value in row)
    return FillRow(*whole)
