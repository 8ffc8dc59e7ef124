"""The realms /public and /health: what everybody may see. Read from memory, but for old trades and candles."""

import datetime as dt
import time
from typing import Annotated, Literal

from msgspec import Meta, Struct

from accounts.problems import INVALID_PARAMETER, Problem
from trading import gateway, queries, submission
from trading.custody_terms import NO_CUSTODY, CustodyTerms
from trading.engine.commands import FeeTier
from trading.instruments import Asset, Market
from trading.live import MarketState
from trading.market_data.candles import INTERVALS_S, Candle, filled, origin_us
from trading.runtime import Health, Runtime
from trading.shapes.fields import Amount, Cursor, Limit, MarketName
from trading.shapes.markets import (
    AssetBody,
    AssetList,
    CandleBody,
    CandleList,
    ConfirmationsBody,
    FeesBody,
    FeeTierBody,
    HealthBody,
    MarketBody,
    MarketFees,
    MarketList,
    OrderbookBody,
    StatusBody,
    TickerBody,
    TickerList,
    TimeBody,
    TradeBody,
    TradeList,
)
from trading.shapes.texts import at_text, fraction_text, microseconds

from .http import Request
from .pages import NamesQuery, page_of_names
from .routes import Reply, Route


class ReadyQuery(Struct, forbid_unknown_fields=True):
    """``needs``: trading needs no node, so a balancer that asks for it leaves the exchange open while one lags."""

    needs: Literal["everything", "trading"] = "everything"


class OrderbookQuery(Struct, forbid_unknown_fields=True):
    market: MarketName
    depth: Annotated[int, Meta(ge=1, le=1000)] = 100
    group: Amount | None = None


class TradesQuery(Struct, forbid_unknown_fields=True):
    """``since``: trades with ids above it, oldest first. Without it the newest first, by ``cursor``; not both."""

    market: MarketName
    since: Annotated[int, Meta(ge=0, le=2**62)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class CandlesQuery(Struct, forbid_unknown_fields=True):
    """``start`` and ``end`` in microseconds since the epoch or RFC 3339; without ``start`` the last candles before the end.

    ``cursor`` goes on in a range that is longer than a page.
    """

    market: MarketName
    interval: Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"] = "1m"
    start: Annotated[str, Meta(max_length=40)] | None = None
    end: Annotated[str, Meta(max_length=40)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class TickerQuery(NamesQuery, forbid_unknown_fields=True):
    """Of one market, or a page of all."""

    market: MarketName | None = None


async def get_time(runtime: Runtime, request: Request) -> Reply:
    now_us = time.time_ns() // 1000
    return Reply(200, TimeBody(at_text(now_us), now_us))


async def get_status(runtime: Runtime, request: Request) -> Reply:
    markets = {name: state.market.state for name, state in sorted(runtime.live.markets.items())}
    body = StatusBody(
        runtime.engine_phase, dict(markets), runtime.notices, runtime.live.seq, announcements=runtime.announcements
    )
    return Reply(200, body)


async def get_assets(runtime: Runtime, request: Request) -> Reply:
    terms, assets = runtime.custody_terms, runtime.live.assets
    names, cursor = page_of_names(assets, request.query(NamesQuery))
    return Reply(200, AssetList([_asset_body(assets[name], terms.get(name, NO_CUSTODY)) for name in names], cursor))


async def get_markets(runtime: Runtime, request: Request) -> Reply:
    live = runtime.live
    names, cursor = page_of_names(live.markets, request.query(NamesQuery))
    markets = [live.markets[name].market for name in names]
    return Reply(200, MarketList([_market_body(market, live.fees(market, None)) for market in markets], cursor))


async def get_fees(runtime: Runtime, request: Request) -> Reply:
    names, cursor = page_of_names(runtime.live.markets, request.query(NamesQuery))
    return Reply(200, FeesBody([_fees_body(runtime.live.markets[name].market) for name in names], cursor))


async def get_orderbook(runtime: Runtime, request: Request) -> Reply:
    query = request.query(OrderbookQuery)
    market = gateway.market_of(runtime, query.market)
    depth = runtime.live.markets[query.market].depth
    if query.group is None:
        bids, asks = depth.bids.top(query.depth), depth.asks.top(query.depth)
    else:
        step = group_ticks(market, query.group)
        bids, asks = depth.bids.grouped(query.depth, step), depth.asks.grouped(query.depth, step)
    return Reply(
        200,
        OrderbookBody(
            market.name,
            runtime.live.seq,
            [(market.price(price), market.quantity(lots)) for price, lots in bids],
            [(market.price(price), market.quantity(lots)) for price, lots in asks],
        ),
    )


async def get_trades(runtime: Runtime, request: Request) -> Reply:
    query = request.query(TradesQuery)
    if query.since is not None and query.cursor is not None:
        detail = "since goes forward and cursor back: give one of them."
        raise Problem(INVALID_PARAMETER, detail, {"errors": {"cursor": [detail]}})
    market = gateway.market_of(runtime, query.market)
    before = None if query.cursor is None else int(query.cursor)
    rows = await submission.read(
        runtime, queries.trades, market=market.name, limit=query.limit, before=before, since=query.since
    )
    items = [
        TradeBody(
            row.id,
            market.name,
            market.price(row.price_ticks),
            market.quantity(row.quantity_lots),
            market.quote.text(row.quote_atoms),
            row.taker_side,
            at_text(row.at_us),
            row.seq,
        )
        for row in rows
    ]
    more = len(rows) == query.limit and query.since is None
    return Reply(200, TradeList(items, str(rows[-1].id) if more else None))


async def get_candles(runtime: Runtime, request: Request) -> Reply:
    query = request.query(CandlesQuery)
    market = gateway.market_of(runtime, query.market)
    interval_s = INTERVALS_S[query.interval]
    width_us = interval_s * 1_000_000
    now_us = time.time_ns() // 1000
    last_us = now_us + 1 if query.end is None else min(_time_us(query.end, "end"), now_us + 1)
    if query.cursor is not None:
        start_us = int(query.cursor)
    elif query.start is not None:
        start_us = _time_us(query.start, "start")
    else:
        start_us = max(last_us - query.limit * width_us, 0)
    start_us += (origin_us(interval_s) - start_us) % width_us
    end_us = min(last_us, start_us + query.limit * width_us)
    candles = await read_candles(runtime, market, interval_s, start_us, end_us)
    cursor = str(end_us) if end_us < last_us else None
    return Reply(200, CandleList([_candle_body(candle, market) for candle in candles], cursor))


async def read_candles(runtime: Runtime, market: Market, interval_s: int, start_us: int, end_us: int) -> list[Candle]:
    """Every candle of the range, oldest first. ``start_us`` is the start of one."""
    rows = await submission.read(
        runtime,
        queries.candles,
        market=market.name,
        interval_s=interval_s,
        origin_us=origin_us(interval_s),
        start_us=start_us,
        end_us=end_us,
    )
    close = None
    if rows or runtime.live.markets[market.name].ticker.last is not None:
        close = await submission.read(runtime, queries.last_close, market=market.name, before_us=start_us)
    return filled(rows, start_us, end_us, interval_s * 1_000_000, close)


async def get_ticker(runtime: Runtime, request: Request) -> Reply:
    query = request.query(TickerQuery)
    now_us = time.time_ns() // 1000
    markets = runtime.live.markets
    if query.market is None:
        names, cursor = page_of_names(markets, query)
        return Reply(200, TickerList([ticker_body(markets[name], now_us) for name in names], cursor))
    gateway.market_of(runtime, query.market)
    return Reply(200, ticker_body(markets[query.market], now_us))


async def get_live(runtime: Runtime, request: Request) -> Reply:
    return Reply(200, _health_body(runtime, Health(ready=True, parts={"process": "ok"}, waiting=runtime.waiting)))


async def get_ready(runtime: Runtime, request: Request) -> Reply:
    health, query = runtime.health(), request.query(ReadyQuery)
    nodes = {f"node of {chain}": words for chain, words in runtime.nodes.items()}
    ready = health.ready and (query.needs == "trading" or all(words == "ok" for words in nodes.values()))
    return Reply(
        200 if ready else 503,
        _health_body(runtime, Health(ready=ready, parts=health.parts | nodes, waiting=health.waiting)),
    )


def _health_body(runtime: Runtime, health: Health) -> HealthBody:
    status: Literal["ok", "unavailable"] = "ok" if health.ready else "unavailable"
    return HealthBody(status, health.parts, runtime.live.seq, runtime.projector.seq, health.waiting)


def ticker_body(state: MarketState, now_us: int) -> TickerBody:
    market, window = state.market, state.ticker.window(now_us)
    bid, ask = state.depth.bids.best(), state.depth.asks.best()

    def text(ticks: int | None) -> str | None:
        return None if ticks is None else market.price(ticks)

    change = None if window.last is None or window.open is None else window.last - window.open
    return TickerBody(
        market=market.name,
        last=text(window.last),
        bid=text(bid),
        ask=text(ask),
        open=text(window.open),
        high=text(window.high),
        low=text(window.low),
        volume=market.quantity(window.volume),
        quote_volume=market.quote.text(window.quote),
        change=text(change),
        at=at_text(now_us),
    )


def _asset_body(asset: Asset, terms: CustodyTerms) -> AssetBody:
    definition = asset.definition

    def text(atoms: int | None) -> str | None:
        return None if atoms is None else asset.text(atoms)

    return AssetBody(
        asset=definition.asset,
        name=definition.name,
        kind=definition.kind,
        decimals=definition.decimals,
        trading_decimals=definition.trading_decimals,
        deposit=terms.is_deposited,
        withdrawal=terms.is_withdrawn,
        withdrawal_fee=text(terms.withdrawal_fee_atoms),
        minimum_deposit=text(terms.minimum_deposit_atoms),
        minimum_withdrawal=text(terms.minimum_withdrawal_atoms),
        confirmations=terms.confirmations[0][1] if terms.confirmations else None,
        confirmations_by_amount=[ConfirmationsBody(text(bound), needed) for bound, needed in terms.confirmations],
    )


def _market_body(market: Market, fees: FeeTier) -> MarketBody:
    definition = market.definition
    return MarketBody(
        market=definition.market,
        base=definition.base,
        quote=definition.quote,
        state=market.state,
        tick_size=market.price(1),
        lot_size=market.quantity(1),
        minimum_quantity=market.quantity(definition.minimum_lots),
        minimum_notional=market.quote.text(definition.minimum_notional_atoms),
        price_band=None if definition.price_band_ppm is None else fraction_text(definition.price_band_ppm),
        max_open_orders=definition.maximum_open_orders,
        maker_fee=fraction_text(fees.maker_ppm),
        taker_fee=fraction_text(fees.taker_ppm),
    )


def _fees_body(market: Market) -> MarketFees:
    tiers = [
        FeeTierBody(tier, fraction_text(fees.maker_ppm), fraction_text(fees.taker_ppm))
        for tier, fees in enumerate(market.definition.fee_tiers)
    ]
    return MarketFees(market.name, market.quote.definition.asset, tiers)


def group_ticks(market: Market, text: str) -> int:
    try:
        ticks = market.parse_price(text)
    except ValueError as error:
        raise Problem(INVALID_PARAMETER, str(error), {"errors": {"group": [str(error)]}}) from error
    if ticks < 1:
        raise Problem(INVALID_PARAMETER, "group must be at least one tick.", {"errors": {"group": ["Zero."]}})
    return ticks


def _time_us(text: str, name: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    try:
        at = dt.datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError("no time zone")
        return microseconds(at)
    except ValueError as error:
        detail = f"{name} is not a time: give microseconds since the epoch, or RFC 3339 with a zone."
        raise Problem(INVALID_PARAMETER, detail, {"errors": {name: [detail]}}) from error


def _candle_body(candle: Candle, market: Market) -> CandleBody:
    return (
        candle.start_us,
        market.price(candle.open),
        market.price(candle.high),
        market.price(candle.low),
        market.price(candle.close),
        market.quantity(candle.volume),
        market.quote.text(candle.quote),
        candle.trades,
    )


ROUTES = [
    Route(method="GET", path="/health/live", name="live", always=True, weight=0, summary="The process runs", needs="all",
          handler=get_live, answer=HealthBody),
    Route(method="GET", path="/health/ready", name="ready", always=True, summary="Every part serves; 503 says which does not",
          weight=0, needs="all", handler=get_ready, query=ReadyQuery, answer=HealthBody),
    Route(method="GET", path="/public/time", name="time", always=True, summary="The exchange's clock", needs="all",
          handler=get_time, answer=TimeBody),
    Route(method="GET", path="/public/status", name="status", always=True, summary="The engine and the markets", needs="all",
          handler=get_status, answer=StatusBody),
    Route(method="GET", path="/public/assets", name="assets", summary="All assets", needs="all",
          handler=get_assets, query=NamesQuery, answer=AssetList),
    Route(method="GET", path="/public/markets", name="markets", summary="All markets with their filters", needs="all",
          handler=get_markets, query=NamesQuery, answer=MarketList),
    Route(method="GET", path="/public/fees", name="fees", summary="Fee tiers by market", needs="all",
          handler=get_fees, query=NamesQuery, answer=FeesBody),
    Route(method="GET", path="/public/orderbook", name="orderbook", summary="Depth, raw or grouped", needs="all",
          handler=get_orderbook, query=OrderbookQuery, answer=OrderbookBody),
    Route(method="GET", path="/public/trades", name="trades", summary="Trades, back to the first", weight=5, needs="all",
          handler=get_trades, query=TradesQuery, answer=TradeList),
    Route(method="GET", path="/public/candles", name="candles", summary="Candles, oldest first", weight=5, needs="all",
          handler=get_candles, query=CandlesQuery, answer=CandleList),
    Route(method="GET", path="/public/ticker", name="ticker", summary="The last 24 hours of one market, or of all",
          needs="all", handler=get_ticker, query=TickerQuery, answer=TickerBody, other_answer=TickerList),
]  # fmt: skip
