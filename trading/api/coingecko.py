"""The realm /public/coingecko: the market data of the exchange in the shapes that CoinGecko asks exchanges for.

Amounts are decimal strings. ``ticker_id`` is ``BASE_TARGET``.
"""

import time
from typing import Annotated, Literal

from msgspec import Meta, Struct

from trading import gateway, queries, submission
from trading.instruments import Market
from trading.live import MarketState
from trading.queries import TradeRow
from trading.runtime import Runtime

from .http import Request, plain_json
from .public import ticker_body
from .routes import Reply, Route

TickerId = Annotated[str, Meta(max_length=25, examples=["BTC_USD"])]
Milliseconds = Annotated[int, Meta(ge=0, le=2**53)]
FULL_DEPTH = 2000


class PairBody(Struct):
    ticker_id: str
    base: str
    target: str


class CoinGeckoTicker(Struct):
    ticker_id: str
    base_currency: str
    target_currency: str
    last_price: str
    base_volume: str
    target_volume: str
    bid: str
    ask: str
    high: str
    low: str


class CoinGeckoBook(Struct):
    ticker_id: str
    timestamp: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class CoinGeckoTrade(Struct):
    trade_id: int
    price: str
    base_volume: str
    target_volume: str
    trade_timestamp: int
    type: Literal["buy", "sell"]


class CoinGeckoTrades(Struct):
    buy: list[CoinGeckoTrade]
    sell: list[CoinGeckoTrade]


class BookQuery(Struct, forbid_unknown_fields=True):
    """``depth``: levels of both sides together; 0: all that there are, up to 1,000 a side."""

    ticker_id: TickerId
    depth: Annotated[int, Meta(ge=0, le=FULL_DEPTH)] = 100


class TradesQuery(Struct, forbid_unknown_fields=True):
    """Times in milliseconds, or in seconds as CoinGecko's documents have them both."""

    ticker_id: TickerId
    type: Literal["buy", "sell"] | None = None
    limit: Annotated[int, Meta(ge=0, le=1000)] = 100
    start_time: Milliseconds | None = None
    end_time: Milliseconds | None = None


async def get_pairs(runtime: Runtime, request: Request) -> Reply:
    markets = [state.market.definition for _, state in sorted(runtime.live.markets.items())]
    return Reply(200, plain_json([PairBody(_ticker_id(one.market), one.base, one.quote) for one in markets]))


async def get_tickers(runtime: Runtime, request: Request) -> Reply:
    now_us = time.time_ns() // 1000
    return Reply(200, plain_json([_ticker(state, now_us) for _, state in sorted(runtime.live.markets.items())]))


async def get_book(runtime: Runtime, request: Request) -> Reply:
    query = request.query(BookQuery)
    market = gateway.market_of(runtime, query.ticker_id.replace("_", "/"))
    depth = runtime.live.markets[market.name].depth
    limit = (query.depth or FULL_DEPTH) // 2 or 1
    body = CoinGeckoBook(
        _ticker_id(market.name),
        str(runtime.live.at_us // 1000),
        [(market.price(price), market.quantity(lots)) for price, lots in depth.bids.top(limit)],
        [(market.price(price), market.quantity(lots)) for price, lots in depth.asks.top(limit)],
    )
    return Reply(200, plain_json(body))


async def get_trades(runtime: Runtime, request: Request) -> Reply:
    query = request.query(TradesQuery)
    market = gateway.market_of(runtime, query.ticker_id.replace("_", "/"))
    sides: tuple[Literal["buy", "sell"], ...] = ("buy", "sell") if query.type is None else (query.type,)
    body = CoinGeckoTrades([], [])
    for side in sides:
        rows = await submission.read(
            runtime,
            queries.trades_between,
            market=market.name,
            taker_side=side,
            start_us=0 if query.start_time is None else _us(query.start_time),
            end_us=1 << 62 if query.end_time is None else _us(query.end_time),
            limit=query.limit or 1000,
        )
        setattr(body, side, [_trade(row, market) for row in rows])
    return Reply(200, plain_json(body))


def _us(at: int) -> int:
    """Microseconds of a time in milliseconds, or in seconds, which are too few for any time in milliseconds of ours."""
    return at * 1000 if at >= 10**11 else at * 1_000_000


def _ticker_id(market: str) -> str:
    return market.replace("/", "_")


def _ticker(state: MarketState, now_us: int) -> CoinGeckoTicker:
    """What is not known is "0", as the listing has it."""
    body, definition = ticker_body(state, now_us), state.market.definition
    return CoinGeckoTicker(
        ticker_id=_ticker_id(body.market),
        base_currency=definition.base,
        target_currency=definition.quote,
        last_price=body.last or "0",
        base_volume=body.volume,
        target_volume=body.quote_volume,
        bid=body.bid or "0",
        ask=body.ask or "0",
        high=body.high or "0",
        low=body.low or "0",
    )


def _trade(row: TradeRow, market: Market) -> CoinGeckoTrade:
    return CoinGeckoTrade(
        row.id,
        market.price(row.price_ticks),
        market.quantity(row.quantity_lots),
        market.quote.text(row.quote_atoms),
        row.at_us // 1000,
        row.taker_side,
    )


ROUTES = [
    Route(method="GET", path="/public/coingecko/pairs", name="coingecko_pairs", summary="CoinGecko: all markets", needs="all",
          handler=get_pairs, answer=list[PairBody], json_only=True),
    Route(method="GET", path="/public/coingecko/tickers", name="coingecko_tickers", summary="CoinGecko: the last 24 hours",
          needs="all", handler=get_tickers, answer=list[CoinGeckoTicker], json_only=True),
    Route(method="GET", path="/public/coingecko/orderbook", name="coingecko_orderbook", summary="CoinGecko: depth", needs="all",
          handler=get_book, query=BookQuery, answer=CoinGeckoBook, json_only=True),
    Route(method="GET", path="/public/coingecko/historical_trades", name="coingecko_trades", summary="CoinGecko: trades",
          needs="all", handler=get_trades, query=TradesQuery, answer=CoinGeckoTrades, json_only=True),
]  # fmt: skip
