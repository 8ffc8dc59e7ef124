"""The ticker's window against all trades summed anew, and candles: streamed, read and rebuilt they are the same."""

import asyncio
import random
import time
from typing import Any

import pytest

from tests.fixtures import Database
from trading import queries
from trading.market_data.candles import INTERVALS_S, Candle, filled, origin_us, start_us
from trading.market_data.ticker import MINUTE_US, WINDOW_MINUTES, RollingTicker
from trading.runtime import Runtime

from .all_types import MARKETS, Traders
from .stream.desk import Desk, Listener, opened
from .test_rebuild import rebuild
from .world import WAIT_LIMIT_S

Trade = tuple[int, int, int, int]
HOUR_US = 60 * MINUTE_US


@pytest.mark.parametrize("seed", range(5))
def test_f75_the_window_is_what_all_its_trades_sum_to(seed: int) -> None:
    draw = random.Random(seed)
    ticker, trades = RollingTicker(), list[Trade]()
    now_us = 1_700_000_000_000_000
    for _ in range(800):
        now_us += draw.choice(
            (0, 1, 30_000_000, 10 * MINUTE_US, HOUR_US, 20 * HOUR_US) if draw.random() < 0.3 else (1,)
        )
        trade = now_us, draw.randint(1, 1000), draw.randint(1, 10**12), draw.randint(1, 10**30)
        trades.append(trade)
        ticker.add(*trade)
        now_us += draw.choice((0, 0, 5 * HOUR_US, 30 * HOUR_US)) if draw.random() < 0.1 else 0
        oldest_us = now_us - WINDOW_MINUTES * MINUTE_US
        inside = [one for one in trades if one[0] - one[0] % MINUTE_US >= oldest_us]
        window = ticker.window(now_us)
        assert window.last == trade[1]
        assert (window.volume, window.quote) == (sum(one[2] for one in inside), sum(one[3] for one in inside))
        prices = [one[1] for one in inside]
        expected = (prices[0], max(prices), min(prices)) if prices else (None, None, None)
        assert (window.open, window.high, window.low) == expected


def test_f76_empty_candles_repeat_the_close_before_them_and_begin_with_the_first_trade() -> None:
    traded = [Candle(300, 5, 7, 4, 6, 10, 100, 2), Candle(600, 8, 8, 8, 8, 1, 8, 1)]
    told = filled(traded, 100, 900, 100, None)
    assert [(one.start_us, one.close, one.trades) for one in told] == [
        (300, 6, 2),
        (400, 6, 0),
        (500, 6, 0),
        (600, 8, 1),
        (700, 8, 0),
        (800, 8, 0),
    ]
    assert [one.close for one in filled(traded, 100, 400, 100, 3)] == [3, 3, 6]


def test_f76_candles_begin_where_the_calendar_says() -> None:
    thursday_us = 1_700_126_345_678_901  # 2023-11-16 09:19:05 UTC
    begun = {name: start_us(thursday_us, seconds) for name, seconds in INTERVALS_S.items()}
    at = {name: time.strftime("%Y-%m-%d %H:%M", time.gmtime(us // 10**6)) for name, us in begun.items()}
    assert (at["1m"], at["30m"], at["4h"], at["1d"]) == (
        "2023-11-16 09:19",
        "2023-11-16 09:00",
        "2023-11-16 08:00",
        "2023-11-16 00:00",
    )
    assert at["1w"] == "2023-11-13 00:00", "a Monday"


async def all_candles(runtime: Runtime, symbol: str) -> dict[str, list[Candle]]:
    return {
        name: await runtime.read(
            queries.candles,
            market=symbol,
            interval_s=seconds,
            origin_us=origin_us(seconds),
            start_us=origin_us(seconds),
            end_us=1 << 62,
        )
        for name, seconds in INTERVALS_S.items()
    }


async def test_f65_f76_candles_streamed_read_and_rebuilt_are_the_same(database: Database) -> None:
    """Heard from the start, and joined in the middle while trading goes on."""
    async with opened() as desk:
        symbol, traders = MARKETS[0], Traders(21)
        early = await joined(desk, symbol)
        await desk.trade(traders, 40, 10)
        late, _ = await asyncio.gather(joined(desk, symbol), desk.trade(traders, 10, 10))
        await desk.trade(traders, 40, 10)
        await desk.runtime.projected(desk.runtime.live.seq)
        read = await all_candles(desk.runtime, symbol)
        market = desk.runtime.live.markets[symbol].market
        for listeners in (early, late):
            for minutes, listener in listeners.items():
                name = next(name for name, seconds in INTERVALS_S.items() if seconds == minutes * 60)
                wanted = [
                    (market.price(one.close), market.price(one.high), market.quantity(one.volume), one.trades)
                    for one in read[name]
                ]
                await heard(listener, wanted)
        assert read["1m"] and sum(one.trades for one in read["1w"]) == sum(one.trades for one in read["1m"]) > 15
        await asyncio.to_thread(rebuild, database)
        assert await all_candles(desk.runtime, symbol) == read


async def heard(listener: Listener, wanted: list[tuple[Any, ...]]) -> None:
    """Listens until the candles that were told are the wanted ones: the channel tells every tenth of a second."""
    told: dict[str, Any] = {}
    shown: list[tuple[Any, ...]] = []
    sequence, end = 0, time.monotonic() + WAIT_LIMIT_S
    while shown != wanted and time.monotonic() < end:
        await asyncio.sleep(0.01)
        for message in await listener.take():
            assert message.get("previous_sequence", 0) <= sequence
            sequence = message["sequence"]
            told |= {one["interval_begin"]: one for one in message["data"]}
        traded = [told[begin] for begin in sorted(told) if told[begin]["trades"]]
        shown = [(one["close"], one["high"], one["volume"], one["trades"]) for one in traded]
    assert shown == wanted


async def joined(desk: Desk, symbol: str) -> dict[int, Listener]:
    listeners = {minutes: Listener() for minutes in (1, 5, 60, 10080)}
    for minutes, listener in listeners.items():
        listener.post(await desk.channels.add_candles(listener.client, symbol, minutes))
    return listeners
