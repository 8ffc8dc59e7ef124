"""The Kraken dialect as its documentation has it: envelope, public calls, and what is answered to nonsense."""

import time

import httpx
import pytest

from tests.kraken import KrakenClient, Refused, errors
from tests.server import Server, Trader

pytestmark = pytest.mark.usefixtures("silent_market")

PAIR = "BTCUSD"


@pytest.fixture(scope="module")
def kraken(server: Server) -> KrakenClient:
    return KrakenClient(server)


def test_the_clock_and_the_status(kraken: KrakenClient) -> None:
    told = kraken.public("Time")
    assert abs(told["unixtime"] - time.time()) < 5
    assert time.strptime(told["rfc1123"], "%a, %d %b %y %H:%M:%S +0000")
    assert kraken.public("SystemStatus")["status"] == "online"


def test_pairs_tell_all_that_a_valid_order_needs(server: Server, kraken: KrakenClient) -> None:
    market = next(
        one for one in httpx.get(f"{server.url}/public/markets").json()["items"] if one["market"] == "BTC/USD"
    )
    told = kraken.public("AssetPairs", pair=PAIR)
    assert list(told) == [PAIR]
    found = told[PAIR]
    assert (found["altname"], found["wsname"], found["base"], found["quote"]) == (PAIR, "BTC/USD", "BTC", "USD")
    assert (found["tick_size"], found["ordermin"], found["costmin"]) == (
        market["tick_size"],
        market["minimum_quantity"],
        market["minimum_notional"],
    )
    assert 10 ** -found["pair_decimals"] == pytest.approx(float(market["tick_size"]))
    assert found["fees"][0][1] / 100 == pytest.approx(float(market["taker_fee"]))
    assert found["fees_maker"][0][1] / 100 == pytest.approx(float(market["maker_fee"]))
    assert found["status"] == "online"
    assert kraken.public("AssetPairs", pair="BTC/USD,ETHUSD").keys() == {PAIR, "ETHUSD"}
    assert len(kraken.public("AssetPairs")) == 3


def test_assets_have_our_names(kraken: KrakenClient) -> None:
    told = kraken.public("Assets")
    assert told["BTC"] == {
        "aclass": "currency",
        "altname": "BTC",
        "decimals": 8,
        "display_decimals": told["BTC"]["display_decimals"],
        "status": "enabled",
    }
    assert kraken.public("Assets", asset="BTC,USD").keys() == {"BTC", "USD"}
    with pytest.raises(Refused, match="EQuery:Unknown asset"):
        kraken.public("Assets", asset="DOGE")


def test_depth_ticker_candles_and_trades_tell_what_happened(
    kraken: KrakenClient, seller: Trader, buyer: Trader
) -> None:
    since = str(time.time_ns())
    seller.order("sell", "0.5", "64000").raise_for_status()
    seller.order("sell", "1", "64010").raise_for_status()
    buyer.order("buy", "0.3", "64000").raise_for_status()
    buyer.post("/trade/orders", {"market": "BTC/USD", "side": "buy", "type": "market", "quantity": "0.1"})
    buyer.order("buy", "2", "63990").raise_for_status()
    book = kraken.public("Depth", pair=PAIR, count=1)[PAIR]
    assert [level[:2] for level in book["asks"]] == [["64000.00", "0.10000"]]
    assert [level[:2] for level in book["bids"]] == [["63990.00", "2.00000"]]
    trades = kraken.public("Trades", pair=PAIR, since=since)
    assert [one[:2] + one[3:5] for one in trades[PAIR]] == [
        ["64000.00", "0.30000", "b", "l"],
        ["64000.00", "0.10000", "b", "m"],
    ]
    assert kraken.public("Trades", pair=PAIR, since=trades["last"])[PAIR] == []
    assert kraken.public("Trades", pair=PAIR, count=1)[PAIR] == trades[PAIR][-1:]
    ticker = kraken.public("Ticker", pair=PAIR)[PAIR]
    assert ticker["a"] == ["64000.00", "0", "0.10000"]
    assert ticker["b"] == ["63990.00", "2", "2.00000"]
    assert ticker["c"] == ["64000.00", "0.10000"]
    assert (ticker["v"][1], ticker["t"][1], ticker["p"][1]) == ("0.40000", 2, "64000.00")
    assert (ticker["h"][1], ticker["l"][1]) == ("64000.00", "64000.00")
    assert kraken.public("Ticker").keys() == {PAIR, "ETHBTC", "ETHUSD"}
    candles = kraken.public("OHLC", pair=PAIR, interval=1440)
    assert candles[PAIR][-1][1:] == ["64000.00"] * 5 + ["0.40000", 2]
    newer = kraken.public("OHLC", pair=PAIR, interval=1440, since=candles["last"])[PAIR]
    assert [one[0] for one in newer] == [candles[PAIR][-1][0]]


def test_pages_of_trades_leave_none_out(kraken: KrakenClient, seller: Trader, buyer: Trader) -> None:
    """One order takes five others at once: five trades of one microsecond, which two pages cannot share."""
    since = str(time.time_ns())
    for _ in range(5):
        seller.order("sell", "0.1", "64000").raise_for_status()
    buyer.order("buy", "0.5", "64000").raise_for_status()
    seller.order("sell", "0.1", "64000").raise_for_status()
    buyer.order("buy", "0.1", "64000").raise_for_status()
    ids = []
    while page := (told := kraken.public("Trades", pair=PAIR, since=since, count=2))[PAIR]:
        ids += [one[6] for one in page]
        since = told["last"]
    assert ids == list(range(ids[0], ids[0] + 6))


@pytest.mark.parametrize(
    ("call", "query", "error"),
    [
        ("Nothing", {}, "EGeneral:Unknown method"),
        ("Depth", {}, "EGeneral:Invalid arguments:pair"),
        ("Depth", {"pair": "BTCDOGE"}, "EQuery:Unknown asset pair"),
        ("Depth", {"pair": PAIR, "count": "0"}, "EGeneral:Invalid arguments:count"),
        ("OHLC", {"pair": PAIR, "interval": "2"}, "EGeneral:Invalid arguments:interval"),
        ("OHLC", {"pair": PAIR, "since": "yesterday"}, "EGeneral:Invalid arguments:since"),
        ("Trades", {"pair": PAIR, "since": "-1"}, "EGeneral:Invalid arguments:since"),
    ],
)
def test_nonsense_is_told_in_krakens_words(kraken: KrakenClient, call: str, query: dict[str, str], error: str) -> None:
    assert errors(kraken.http.get(f"/0/public/{call}", params=query)) == [error]


def test_a_public_call_may_be_a_post_too(kraken: KrakenClient) -> None:
    assert kraken.http.post("/0/public/Depth", data={"pair": PAIR, "unknown": "x"}).json()["error"] == []
    assert kraken.http.post("/0/public/Depth", json={"pair": PAIR}).json()["error"] == []
    assert errors(kraken.http.put("/0/public/Depth")) == ["EGeneral:Unknown method"]
