"""The public calls: clock, assets, pairs, tickers, candles, depth, trades. Amounts are texts, times seconds."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from trading import queries as read_models
from trading import submission
from trading.api.public import read_candles
from trading.engine.commands import MarketState as State
from trading.instruments import Market
from trading.live import LiveState, MarketState
from trading.market_data.candles import INTERVALS_S, Candle, start_us
from trading.queries import TradeRow
from trading.runtime import Runtime

from . import queries
from .calls import Asked, Call
from .errors import invalid
from .pairs import asset, pair, pair_name, pairs
from .texts import second, seconds, time_text

STATUSES: dict[State, str] = {
    "open": "online",
    "post_only": "post_only",
    "cancel_only": "cancel_only",
    "halted": "cancel_only",
    "auction": "limit_only",
}
"""Kraken's words for what a market takes."""
ASSETS_LIMIT = 1000
CANDLES_LIMIT = 720
DEPTH_LIMIT = 500
TRADES_LIMIT = 1000
SAME_TIME_LIMIT = 10_000
"""Trades of one microsecond that a page is made longer by, so that the next one can begin after it."""
DAY_US = 86_400_000_000
PPM_PER_PERCENT = 10_000
_INTERVALS_S = {str(width_s // 60): width_s for width_s in INTERVALS_S.values()}
"""By the minutes that clients name them with."""


async def get_time(runtime: Runtime, asked: Asked) -> Any:
    now_s = int(time.time())
    return {"unixtime": now_s, "rfc1123": time.strftime("%a, %d %b %y %H:%M:%S +0000", time.gmtime(now_s))}


async def get_system_status(runtime: Runtime, asked: Asked) -> Any:
    is_open = runtime.ready and runtime.health().ready
    status = "maintenance" if not is_open else "online" if runtime.live.closure is None else "cancel_only"
    return {"status": status, "timestamp": time_text(time.time_ns() // 1000)}


async def get_assets(runtime: Runtime, asked: Asked) -> Any:
    live = runtime.live
    names = asked.fields.names("asset", most=ASSETS_LIMIT) or sorted(live.assets)
    told = {}
    for name in names:
        definition = asset(live, name).definition
        told[name] = {
            "aclass": "currency",
            "altname": name,
            "decimals": definition.decimals,
            "display_decimals": definition.trading_decimals,
            "status": "enabled",
        }
    return told


async def get_asset_pairs(runtime: Runtime, asked: Asked) -> Any:
    live = runtime.live
    return {pair_name(live, state.market): _pair(live, state.market) for state in pairs(live, asked.fields)}


async def get_ticker(runtime: Runtime, asked: Asked) -> Any:
    live, now_us = runtime.live, time.time_ns() // 1000
    wanted = pairs(live, asked.fields)
    today_us, window_us = now_us - now_us % DAY_US, now_us - DAY_US
    totals = await submission.read(
        runtime,
        queries.day_and_window,
        markets=[state.market.name for state in wanted],
        today_us=today_us,
        window_us=window_us,
    )
    return {
        pair_name(live, state.market): _ticker(state, *totals.get(state.market.name, queries.NOTHING))
        for state in wanted
    }


async def get_ohlc(runtime: Runtime, asked: Asked) -> Any:
    fields = asked.fields
    market = pair(runtime.live, fields.required("pair")).market
    interval_s = _INTERVALS_S.get(fields.text("interval") or "1")
    if interval_s is None:
        raise invalid("interval")
    now_us, width_us = time.time_ns() // 1000, interval_s * 1_000_000
    current_us = start_us(now_us, interval_s)
    first_us = current_us - (CANDLES_LIMIT - 1) * width_us
    since_us = fields.time_us("since") or 0
    if since_us >= first_us:
        first_us = start_us(since_us, interval_s) + width_us
    candles = await read_candles(runtime, market, interval_s, first_us, now_us + 1) if first_us <= now_us else []
    last_us = max(
        (candle.start_us for candle in candles if candle.start_us < current_us), default=current_us - width_us
    )
    told = [_candle(candle, market) for candle in candles]
    return {pair_name(runtime.live, market): told, "last": last_us // 1_000_000}


async def get_depth(runtime: Runtime, asked: Asked) -> Any:
    state = pair(runtime.live, asked.fields.required("pair"))
    count = asked.fields.whole("count", 100, least=1, most=DEPTH_LIMIT)
    at_s = runtime.live.at_us // 1_000_000

    def levels(side: list[tuple[int, int]]) -> list[Any]:
        return [[state.market.price(price), state.market.quantity(lots), at_s] for price, lots in side]

    book = {"asks": levels(state.depth.asks.top(count)), "bids": levels(state.depth.bids.top(count))}
    return {pair_name(runtime.live, state.market): book}


async def get_trades(runtime: Runtime, asked: Asked) -> Any:
    """Without ``since`` the newest, with it those after it; oldest first. ``last`` is the ``since`` of what follows.

    All trades of one microsecond are in the same answer, since the next one can begin after a time alone.
    """
    fields = asked.fields
    market = pair(runtime.live, fields.required("pair")).market
    count = fields.whole("count", TRADES_LIMIT, least=1, most=TRADES_LIMIT)
    since_us = fields.time_us("since")
    if since_us is None:
        rows = await submission.read(runtime, read_models.trades, market=market.name, limit=count)
        rows.reverse()
    else:
        first = await submission.read(runtime, read_models.first_trade_at, at_us=since_us + 1)
        rows = await _trades_after(runtime, market, first - 1, count)
        if len(rows) == count:
            more = await _trades_after(runtime, market, rows[-1].id, SAME_TIME_LIMIT)
            rows += [row for row in more if row.at_us == rows[-1].at_us]
    types = await submission.read(runtime, queries.taker_types, trades=[row.id for row in rows])
    last_us = rows[-1].at_us if rows else since_us or 0
    told = [_trade(row, market, types.get(row.id)) for row in rows]
    return {pair_name(runtime.live, market): told, "last": f"{last_us * 1000:019d}"}


async def _trades_after(runtime: Runtime, market: Market, after: int, limit: int) -> list[TradeRow]:
    rows: list[TradeRow] = await submission.read(
        runtime, read_models.trades, market=market.name, since=after, limit=limit
    )
    return rows


def _pair(live: LiveState, market: Market) -> dict[str, Any]:
    definition, fees = market.definition, live.fees(market, None)
    return {
        "altname": pair_name(live, market),
        "wsname": market.name,
        "aclass_base": "currency",
        "base": definition.base,
        "aclass_quote": "currency",
        "quote": definition.quote,
        "lot": "unit",
        "cost_decimals": market.quote.definition.decimals,
        "pair_decimals": market.tick_decimals,
        "lot_decimals": market.lot_decimals,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, _percent(fees.taker_ppm)]],
        "fees_maker": [[0, _percent(fees.maker_ppm)]],
        "fee_volume_currency": definition.quote,
        "ordermin": market.quantity(definition.minimum_lots),
        "costmin": market.quote.text(definition.minimum_notional_atoms),
        "tick_size": market.price(1),
        "status": STATUSES[market.state],
    }


def _percent(ppm: int) -> msgspec.Raw:
    """A JSON number that is exact."""
    sign, whole = "-" if ppm < 0 else "", abs(ppm)
    text = f"{sign}{whole // PPM_PER_PERCENT}.{whole % PPM_PER_PERCENT:04d}".rstrip("0")
    return msgspec.Raw((text + "0" if text.endswith(".") else text).encode())


def _ticker(state: MarketState, today: queries.Totals, window: queries.Totals) -> dict[str, Any]:
    """Of today (UTC) and of the last 24 hours. What there is not is 0, as Kraken has it."""
    market = state.market
    last = state.trades[-1] if state.trades else None
    last_ticks = state.ticker.last or 0

    def both(today_text: str, window_text: str) -> list[str]:
        return [today_text, window_text]

    return {
        "a": _best(market, state.depth.asks.top(1)),
        "b": _best(market, state.depth.bids.top(1)),
        "c": [market.price(last_ticks), market.quantity(0 if last is None else last.quantity_lots)],
        "v": both(market.quantity(today.lots), market.quantity(window.lots)),
        "p": both(_average(market, today.quote, today.lots), _average(market, window.quote, window.lots)),
        "t": [today.trades, window.trades],
        "l": both(market.price(today.low), market.price(window.low)),
        "h": both(market.price(today.high), market.price(window.high)),
        "o": market.price(today.open or last_ticks),
    }


def _best(market: Market, level: Sequence[tuple[int, int]]) -> list[str]:
    """Price, whole lots of one unit, quantity."""
    price, lots = level[0] if level else (0, 0)
    quantity = market.quantity(lots)
    return [market.price(price), quantity.partition(".")[0], quantity]


def _average(market: Market, quote_atoms: int, lots: int) -> str:
    return market.average_price(quote_atoms, lots) if lots else market.price(0)


def _candle(candle: Candle, market: Market) -> list[Any]:
    prices = [market.price(ticks) for ticks in (candle.open, candle.high, candle.low, candle.close)]
    average = _average(market, candle.quote, candle.volume)
    return [second(candle.start_us), *prices, average, market.quantity(candle.volume), candle.trades]


def _trade(row: TradeRow, market: Market, taker_type: str | None) -> list[Any]:
    return [
        market.price(row.price_ticks),
        market.quantity(row.quantity_lots),
        seconds(row.at_us),
        "b" if row.taker_side == "buy" else "s",
        "m" if taker_type is not None and taker_type not in queries.LIMITED else "l",
        "",
        row.id,
    ]


CALLS = [
    Call(name="public/Time", needs="all", handler=get_time, always=True),
    Call(name="public/SystemStatus", needs="all", handler=get_system_status, always=True),
    Call(name="public/Assets", needs="all", handler=get_assets),
    Call(name="public/AssetPairs", needs="all", handler=get_asset_pairs),
    Call(name="public/Ticker", needs="all", handler=get_ticker),
    Call(name="public/OHLC", needs="all", handler=get_ohlc),
    Call(name="public/Depth", needs="all", handler=get_depth),
    Call(name="public/Trades", needs="all", handler=get_trades),
]
