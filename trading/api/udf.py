"""The realm /public/udf: TradingView's Universal Datafeed, so that its charts show the exchange's markets as they are.

Times are seconds since the epoch, numbers JSON numbers that carry the exact decimal text.
"""

import time
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from trading.instruments import Market
from trading.market_data.candles import Candle, start_us
from trading.runtime import Runtime
from trading.shapes.fields import Number

from .http import Content, Request, plain_json
from .public import read_candles
from .routes import Reply, Route

RESOLUTIONS_S = {
    "1": 60,
    "5": 300,
    "15": 900,
    "30": 1800,
    "60": 3600,
    "240": 14_400,
    "1D": 86_400,
    "1W": 604_800,
}
SHORT = {"D": "1D", "W": "1W"}
BARS_LIMIT = 5000
EXCHANGE = "Kontor"
Seconds = Annotated[int, Meta(ge=0, le=10**11)]


class UdfConfig(Struct):
    supported_resolutions: list[str]
    supports_group_request: bool
    supports_marks: bool
    supports_search: bool
    supports_timescale_marks: bool
    supports_time: bool
    exchanges: list[dict[str, str]]
    symbols_types: list[dict[str, str]]


class UdfSymbol(Struct, kw_only=True):
    """One tick is ``minmov / pricescale``."""

    name: str
    ticker: str
    description: str
    type: Literal["crypto"]
    session: Literal["24x7"]
    timezone: Literal["Etc/UTC"]
    exchange: str
    listed_exchange: str
    format: Literal["price"]
    minmov: int
    pricescale: int
    volume_precision: int
    has_intraday: bool
    has_daily: bool
    has_weekly_and_monthly: bool
    supported_resolutions: list[str]
    data_status: Literal["streaming"]


class UdfFound(Struct):
    symbol: str
    full_name: str
    description: str
    exchange: str
    ticker: str
    type: Literal["crypto"]


class UdfHistory(Struct, kw_only=True, omit_defaults=True):
    """Bars, oldest first, by column."""

    s: Literal["ok", "no_data"]
    t: list[int] = []
    o: list[Number] = []
    h: list[Number] = []
    l: list[Number] = []  # noqa: E741 - TradingView's name
    c: list[Number] = []
    v: list[Number] = []


class UdfError(Struct):
    s: Literal["error"]
    errmsg: str


class SymbolQuery(Struct):
    symbol: Annotated[str, Meta(max_length=40)]


class SearchQuery(Struct):
    """``type`` and ``exchange`` choose nothing: there is one of each."""

    query: Annotated[str, Meta(max_length=40)] = ""
    type: str = ""
    exchange: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 30


class HistoryQuery(Struct, rename={"from_": "from"}):
    """Bars that begin from ``from`` on and before ``to``; with ``countback`` so many before ``to``, wherever ``from`` is."""

    symbol: Annotated[str, Meta(max_length=40)]
    resolution: Annotated[str, Meta(max_length=8)]
    to: Seconds
    from_: Seconds = 0
    countback: Annotated[int, Meta(ge=0, le=BARS_LIMIT)] = 0


async def get_config(runtime: Runtime, request: Request) -> Reply:
    config = UdfConfig(
        supported_resolutions=list(RESOLUTIONS_S),
        supports_group_request=False,
        supports_marks=False,
        supports_search=True,
        supports_timescale_marks=False,
        supports_time=True,
        exchanges=[{"value": EXCHANGE, "name": EXCHANGE, "desc": EXCHANGE}],
        symbols_types=[{"name": "crypto", "value": "crypto"}],
    )
    return Reply(200, plain_json(config))


async def get_symbol(runtime: Runtime, request: Request) -> Reply:
    market = _market(runtime, request.query(SymbolQuery).symbol)
    return _error("unknown_symbol") if market is None else Reply(200, plain_json(_symbol(market)))


async def get_search(runtime: Runtime, request: Request) -> Reply:
    query = request.query(SearchQuery)
    wanted = query.query.upper()
    found = [
        UdfFound(name, f"{EXCHANGE}:{name}", _description(state.market), EXCHANGE, name, "crypto")
        for name, state in sorted(runtime.live.markets.items())
        if wanted in name or wanted in _description(state.market).upper()
    ]
    return Reply(200, plain_json(found[: query.limit]))


async def get_history(runtime: Runtime, request: Request) -> Reply:
    query = request.query(HistoryQuery)
    market = _market(runtime, query.symbol)
    interval_s = RESOLUTIONS_S.get(SHORT.get(query.resolution, query.resolution))
    if market is None or interval_s is None:
        return _error("unknown_symbol" if market is None else "unknown_resolution")
    width_us = interval_s * 1_000_000
    end_us = min(query.to * 1_000_000, time.time_ns() // 1000 + 1)
    last_us = start_us(max(end_us - 1, 0), interval_s)
    first_us = start_us(query.from_ * 1_000_000 + width_us - 1, interval_s)
    if query.countback:
        first_us = last_us - (query.countback - 1) * width_us
    first_us = max(first_us, last_us - (BARS_LIMIT - 1) * width_us, start_us(width_us - 1, interval_s))
    candles = await read_candles(runtime, market, interval_s, first_us, end_us) if first_us < end_us else []
    return Reply(200, plain_json(_history(candles, market)))


async def get_time(runtime: Runtime, request: Request) -> Reply:
    return Reply(200, Content(b"text/plain; charset=utf-8", str(time.time_ns() // 10**9).encode()))


def _market(runtime: Runtime, symbol: str) -> Market | None:
    state = runtime.live.markets.get(symbol.removeprefix(f"{EXCHANGE}:"))
    return None if state is None else state.market


def _error(message: str) -> Reply:
    """The datafeed's clients look for the error in the body of an answer that succeeded."""
    return Reply(200, plain_json(UdfError("error", message)))


def _symbol(market: Market) -> UdfSymbol:
    return UdfSymbol(
        name=market.name,
        ticker=market.name,
        description=_description(market),
        type="crypto",
        session="24x7",
        timezone="Etc/UTC",
        exchange=EXCHANGE,
        listed_exchange=EXCHANGE,
        format="price",
        minmov=int(market.price(1).replace(".", "")),
        pricescale=10**market.tick_decimals,
        volume_precision=market.lot_decimals,
        has_intraday=True,
        has_daily=True,
        has_weekly_and_monthly=True,
        supported_resolutions=list(RESOLUTIONS_S),
        data_status="streaming",
    )


def _description(market: Market) -> str:
    return f"{market.base.definition.name} / {market.quote.definition.name}"


def _history(candles: list[Candle], market: Market) -> UdfHistory:
    if not candles:
        return UdfHistory(s="no_data")
    return UdfHistory(
        s="ok",
        t=[one.start_us // 1_000_000 for one in candles],
        o=[_number(market.price(one.open)) for one in candles],
        h=[_number(market.price(one.high)) for one in candles],
        l=[_number(market.price(one.low)) for one in candles],
        c=[_number(market.price(one.close)) for one in candles],
        v=[_number(market.quantity(one.volume)) for one in candles],
    )


def _number(text: str) -> Any:
    return msgspec.Raw(text.encode())


ROUTES = [
    Route(method="GET", path="/public/udf/config", name="udf_config", summary="TradingView: what the datafeed can do",
          needs="all", handler=get_config, answer=UdfConfig, json_only=True),
    Route(method="GET", path="/public/udf/symbols", name="udf_symbols", summary="TradingView: one market", needs="all",
          handler=get_symbol, query=SymbolQuery, answer=UdfSymbol, other_answer=UdfError, json_only=True),
    Route(method="GET", path="/public/udf/search", name="udf_search", summary="TradingView: markets by name", needs="all",
          handler=get_search, query=SearchQuery, answer=list[UdfFound], json_only=True),
    Route(method="GET", path="/public/udf/history", name="udf_history", summary="TradingView: bars", needs="all",
          handler=get_history, query=HistoryQuery, answer=UdfHistory, other_answer=UdfError, json_only=True),
    Route(method="GET", path="/public/udf/time", name="udf_time", summary="TradingView: the clock, in seconds, as text",
          needs="all", handler=get_time, answer=str, json_only=True),
]  # fmt: skip
