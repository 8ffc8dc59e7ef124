"""What the public sees of trading, as programs read it: pages of trades, the shapes of listings and charts, dumps of history."""

import csv
import gzip
import hashlib
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from exchange.launch.postgres import APPLICATION, OWNER
from tests.fixtures import manage
from tests.server import Server, Trader

pytestmark = pytest.mark.usefixtures("silent_market")

MARKET = "BTC/USD"
DAY_US = 86_400_000_000


def public(server: Server, path: str, **query: Any) -> Any:
    return httpx.get(f"{server.url}/public/{path}", params=query).raise_for_status().json()


def trade(seller: Trader, buyer: Trader, price: str, quantity: str = "0.05") -> None:
    seller.order("sell", quantity, price).raise_for_status()
    buyer.order("buy", quantity, price).raise_for_status()


def test_f77_since_and_cursor_walk_all_trades_while_trading_goes_on(
    server: Server, seller: Trader, buyer: Trader
) -> None:
    for number in range(30):
        trade(seller, buyer, str(100 + number))
    newest = public(server, "trades", market=MARKET, limit=1)["items"][0]["id"]
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            trade(seller, buyer, "200")

    trading = threading.Thread(target=go_on)
    trading.start()
    forwards, since = [], 0
    while since < newest:
        page = public(server, "trades", market=MARKET, since=since, limit=7)["items"]
        forwards += [one["id"] for one in page]
        since = page[-1]["id"]
    backwards: list[int] = []
    cursor = None
    while True:
        page = public(server, "trades", market=MARKET, limit=7, **({"cursor": cursor} if cursor else {}))
        backwards += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    stop.set()
    trading.join()
    assert forwards == sorted(set(forwards)) and backwards == sorted(set(backwards), reverse=True)
    assert [one for one in forwards if one <= newest] == [one for one in reversed(backwards) if one <= newest]
    with psycopg.connect(server.database_url) as connection:
        rows = connection.execute("SELECT id FROM trade WHERE market = %s AND id <= %s ORDER BY id", (MARKET, newest))
        assert [row[0] for row in rows] == [one for one in forwards if one <= newest]


def test_coingecko_is_told_what_rest_tells(server: Server, seller: Trader, buyer: Trader) -> None:
    trade(seller, buyer, "64000", "0.5")
    seller.order("sell", "1", "64001")
    buyer.order("buy", "1", "63999")
    pairs = public(server, "coingecko/pairs")
    assert {"ticker_id": "BTC_USD", "base": "BTC", "target": "USD"} in pairs
    (ticker,) = [one for one in public(server, "coingecko/tickers") if one["ticker_id"] == "BTC_USD"]
    rest = public(server, "ticker", market=MARKET)
    assert (ticker["last_price"], ticker["bid"], ticker["ask"]) == (rest["last"], rest["bid"], rest["ask"])
    assert (ticker["base_volume"], ticker["target_volume"]) == (rest["volume"], rest["quote_volume"])
    book = public(server, "coingecko/orderbook", ticker_id="BTC_USD", depth=2)
    assert (book["bids"], book["asks"]) == ([["63999.00", "1.00000"]], [["64001.00", "1.00000"]])
    now_ms = time.time_ns() // 1_000_000
    trades = public(server, "coingecko/historical_trades", ticker_id="BTC_USD", start_time=now_ms - 60_000)
    newest = public(server, "trades", market=MARKET, limit=1)["items"][0]
    assert (trades["buy"][0]["trade_id"], trades["buy"][0]["price"]) == (newest["id"], "64000.00")
    assert now_ms - 60_000 < trades["buy"][0]["trade_timestamp"] <= now_ms + 1000
    nothing = public(server, "coingecko/historical_trades", ticker_id="BTC_USD", end_time=1_000_000_000)
    assert nothing == {"buy": [], "sell": []}
    for path, query, status in (
        ("orderbook", {"ticker_id": "DOGE_USD"}, 404),
        ("orderbook", {}, 400),
        ("historical_trades", {"ticker_id": "BTC_USD", "type": "both"}, 400),
    ):
        assert httpx.get(f"{server.url}/public/coingecko/{path}", params=query).status_code == status


def test_tradingview_is_told_what_rest_tells(server: Server, seller: Trader, buyer: Trader) -> None:
    trade(seller, buyer, "64000.5")
    assert "1D" in public(server, "udf/config")["supported_resolutions"]
    symbol = public(server, "udf/symbols", symbol="Kontor:BTC/USD")
    assert (symbol["minmov"], symbol["pricescale"], symbol["session"]) == (1, 100, "24x7")
    assert MARKET in [
        one["symbol"] for one in public(server, "udf/search", query="btc", type="", exchange="", limit=10)
    ]
    assert abs(int(httpx.get(f"{server.url}/public/udf/time").text) - time.time()) < 60
    now = int(time.time()) + 60
    for resolution, interval in (("1", "1m"), ("60", "1h"), ("D", "1d"), ("1W", "1w")):
        bars = public(server, "udf/history", symbol=MARKET, resolution=resolution, to=now, countback=3, **{"from": 0})
        items = public(server, "candles", market=MARKET, interval=interval, limit=3)["items"]
        assert bars["s"] == "ok" and bars["t"] == [item[0] // 1_000_000 for item in items]
        assert [f"{one:.2f}" for one in bars["c"]] == [item[4] for item in items]
    assert public(server, "udf/history", symbol=MARKET, resolution="1", to=100, **{"from": 0}) == {"s": "no_data"}
    far = public(server, "udf/history", symbol=MARKET, resolution="1", to=now, **{"from": 0})
    assert len(far["t"]) <= 5000
    for query, error in (
        ({"symbol": "DOGE/USD"}, "unknown_symbol"),
        ({"symbol": MARKET, "resolution": "7"}, "unknown_resolution"),
    ):
        told = public(server, "udf/history", **{"resolution": "1", "from": 0, "to": now, **query})
        assert told == {"s": "error", "errmsg": error}
    assert httpx.get(f"{server.url}/public/udf/history", params={"symbol": MARKET, "to": -1}).status_code == 400


def test_f79_history_is_dumped_with_its_sums_and_again_the_same(own_server: Server, tmp_path: Path) -> None:
    seller, buyer = own_server.trader(BTC="10"), own_server.trader(USD="1000000")
    for price in ("100", "101", "99.5"):
        trade(seller, buyer, price, "0.5")
    items = public(own_server, "trades", market=MARKET, since=0)["items"]
    assert own_server.terminate() == 0
    folder = tmp_path / "history"
    arguments = ("dump_history", str(folder))
    assert manage(*arguments, url=own_server.database_url).stdout == "", "a day that is not over is not written"
    back_date(own_server.database_url)
    own_server_output = manage(*arguments, url=own_server.database_url).stdout
    names = sorted(path.name for path in folder.iterdir())
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    assert names == ["SHA256SUMS", f"candles-BTC-USD-{day}.csv.gz", f"trades-BTC-USD-{day}.csv.gz"]
    rows = list(csv.DictReader(gzip.decompress((folder / names[2]).read_bytes()).decode().splitlines()))
    assert [(row["id"], row["price"], row["quantity"], row["taker_side"], row["sequence"]) for row in rows] == [
        (str(one["id"]), one["price"], one["quantity"], one["taker_side"], str(one["sequence"])) for one in items
    ]
    candles = list(csv.DictReader(gzip.decompress((folder / names[1]).read_bytes()).decode().splitlines()))
    assert sum(int(one["trades"]) for one in candles) == 3 and candles[-1]["close"] == "99.50"
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.gz")}
    again = manage(*arguments, url=own_server.database_url).stdout
    assert again.count("(was there)") == 2 and own_server_output.count("(was there)") == 0
    assert sums == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.gz")}
    (folder / names[2]).write_bytes(b"altered")
    refused = manage(*arguments, url=own_server.database_url, check=False)
    assert refused.returncode == 1 and "is not what history says" in refused.stderr
    assert (
        manage("dump_history", str(folder), "--market", "DOGE/USD", url=own_server.database_url, check=False).returncode
        == 1
    )


def back_date(url: str) -> None:
    """As if all trades had happened a day earlier, in the read models alone."""
    with psycopg.connect(url.replace(APPLICATION, OWNER)) as connection:
        for statement in ("UPDATE trade SET at_us = at_us - %s", "UPDATE candle SET start_us = start_us - %s"):
            connection.execute(statement, (DAY_US,))
