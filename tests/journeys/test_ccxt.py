"""ccxt as it comes, pointed at this exchange by its addresses and nothing else: what its users do works here, and what goes
wrong is what they expect.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt
import ccxt.pro
import pytest

from tests.server import WAIT_LIMIT_S, Server, Trader
from tests.signing import make_key

pytestmark = pytest.mark.usefixtures("silent_market")

BTC = "BTC/USD"


def addresses(server: Server) -> dict[str, Any]:
    stream = server.url.replace("http", "ws", 1) + "/stream/v2"
    sockets = dict.fromkeys(("public", "publicV2", "private", "privateV2"), stream)
    return {"api": {"public": server.url, "private": server.url, "ws": sockets}}


def ccxt_of(server: Server, trader: Trader, *scopes: str) -> ccxt.kraken:
    key = make_key(trader, *scopes)
    client = ccxt.kraken({"apiKey": key["id"], "secret": key["secret"], "enableRateLimit": False})
    client.urls = client.deep_extend(client.urls, addresses(server))
    client.load_markets()
    return client


@pytest.fixture
def selling(server: Server, seller: Trader) -> ccxt.kraken:
    return ccxt_of(server, seller, "read", "trade")


@pytest.fixture
def buying(server: Server, buyer: Trader) -> ccxt.kraken:
    return ccxt_of(server, buyer, "read", "trade")


def test_markets_and_currencies(selling: ccxt.kraken) -> None:
    assert set(selling.markets) == {"BTC/USD", "ETH/BTC", "ETH/USD"}
    market = selling.market(BTC)
    assert (market["id"], market["active"], market["spot"], market["margin"]) == ("BTCUSD", True, True, False)
    assert (market["precision"]["amount"], market["precision"]["price"]) == (0.00001, 0.01)
    assert market["taker"] > market["maker"] > 0
    assert market["limits"]["amount"]["min"] > 0 and market["limits"]["cost"]["min"] > 0
    assert {"BTC", "ETH", "USD"} <= set(selling.currencies)
    assert selling.fetch_status()["status"] == "ok"
    assert abs(selling.fetch_time() - time.time() * 1000) < 5000


def test_market_data(selling: ccxt.kraken, buying: ccxt.kraken) -> None:
    since = int(time.time() * 1000) - 1000
    selling.create_order(BTC, "limit", "sell", 0.5, 64000)
    buying.create_order(BTC, "market", "buy", 0.2)
    buying.create_order(BTC, "limit", "buy", 0.1, 63900)
    ticker = selling.fetch_ticker(BTC)
    assert (ticker["last"], ticker["bid"], ticker["ask"]) == (64000, 63900, 64000)
    assert (ticker["bidVolume"], ticker["askVolume"]) == (0.1, 0.3)
    assert ticker["baseVolume"] >= 0.2
    assert set(selling.fetch_tickers()) == set(selling.markets)
    assert set(selling.fetch_tickers([BTC])) == {BTC}
    book = selling.fetch_order_book(BTC, 5)
    assert [level[:2] for level in book["asks"]] == [[64000, 0.3]]
    assert [level[:2] for level in book["bids"]] == [[63900, 0.1]]
    trades = selling.fetch_trades(BTC, since, 10)
    assert [(one["price"], one["amount"], one["side"], one["type"]) for one in trades] == [
        (64000, 0.2, "buy", "market")
    ]
    candles = selling.fetch_ohlcv(BTC, "1m", since - 60_000, 10)
    assert candles[-1][4] == 64000
    assert sum(candle[5] for candle in candles) == pytest.approx(0.2)


TYPES: list[tuple[str, float | None, dict[str, Any], dict[str, Any]]] = [
    ("limit", 65000, {}, {"type": "limit", "price": 65000}),
    ("limit", 65000, {"postOnly": True}, {"type": "limit", "postOnly": True}),
    ("limit", 65000, {"clientOrderId": "my-order"}, {"clientOrderId": "my-order"}),
    ("limit", 65000, {"stptype": "cancel-oldest", "timeInForce": "GTC"}, {"type": "limit"}),
    ("market", None, {"stopLossPrice": 60000}, {"type": "market", "stopLossPrice": 60000}),
    ("limit", 59900, {"stopLossPrice": 60000}, {"type": "limit", "stopLossPrice": 60000, "price": 59900}),
    ("market", None, {"takeProfitPrice": 70000}, {"type": "market", "takeProfitPrice": 70000}),
    ("limit", 69900, {"takeProfitPrice": 70000}, {"type": "limit", "takeProfitPrice": 70000, "price": 69900}),
    ("market", None, {"trailingAmount": "500"}, {"type": "trailing-stop"}),
    ("iceberg", 65000, {"displayvol": "0.02", "price": "65000"}, {"type": "limit", "price": 65000}),
]


@pytest.mark.parametrize(("type_", "price", "params", "wanted"), TYPES, ids=lambda one: str(one)[:40])
def test_orders_of_every_type_are_created_fetched_and_cancelled(
    selling: ccxt.kraken,
    buying: ccxt.kraken,
    type_: str,
    price: float | None,
    params: dict[str, Any],
    wanted: dict[str, Any],
) -> None:
    selling.create_order(BTC, "limit", "sell", 0.01, 64000)
    buying.create_order(BTC, "limit", "buy", 0.01, 64000)
    created = selling.create_order(BTC, type_, "sell", 0.1, price, params)
    order = selling.fetch_order(created["id"])
    assert (order["symbol"], order["status"], order["side"], order["amount"], order["filled"]) == (
        BTC,
        "open",
        "sell",
        0.1,
        0,
    )
    assert {name: order[name] for name in wanted} == wanted
    assert [one["id"] for one in selling.fetch_open_orders(BTC)] == [created["id"]]
    selling.cancel_order(created["id"])
    assert selling.fetch_open_orders() == []
    closed = selling.fetch_closed_orders(BTC)
    assert created["id"] in [one["id"] for one in closed if one["status"] == "canceled"]


def test_fills_fees_balances_and_the_ledger(selling: ccxt.kraken, buying: ccxt.kraken) -> None:
    resting = selling.create_order(BTC, "limit", "sell", 0.5, 64000)
    assert selling.fetch_balance()["BTC"] == {"free": 9.5, "used": 0.5, "total": 10.0}
    taking = buying.create_order(BTC, "market", "buy", 0.2)
    costing = buying.create_market_buy_order_with_cost(BTC, 6400)
    order = buying.fetch_order(taking["id"])
    assert (order["status"], order["filled"], order["average"], order["cost"]) == ("closed", 0.2, 64000, 12800)
    assert float(order["fee"]["cost"]) > 0 and order["fee"]["currency"] == "USD"
    mine = buying.fetch_my_trades(BTC)
    assert [(one["order"], one["side"], one["takerOrMaker"]) for one in mine] == [
        (taking["id"], "buy", "taker"),
        (costing["id"], "buy", "taker"),
    ]
    assert mine[0]["fee"]["cost"] == float(order["fee"]["cost"])
    assert [one["id"] for one in order["trades"]] == [mine[0]["id"]]
    assert buying.fetch_order_trades(taking["id"], BTC, params={"trades": order["trades"]})[0]["amount"] == 0.2
    partly = selling.fetch_order(resting["id"])
    assert (partly["status"], partly["filled"]) == ("open", pytest.approx(0.3, abs=0.001))
    assert partly["remaining"] == pytest.approx(0.2, abs=0.001)
    assert {one["takerOrMaker"] for one in selling.fetch_my_trades()} == {"maker"}
    entries = buying.fetch_ledger("USD")
    assert {one["type"] for one in entries} == {"credit", "trade"}
    assert entries[-1]["after"] == pytest.approx(buying.fetch_balance()["USD"]["total"])
    assert buying.fetch_ledger_entry(entries[0]["id"])["id"] == entries[0]["id"]
    fee = buying.fetch_trading_fee(BTC)
    assert (fee["maker"], fee["taker"]) == (buying.market(BTC)["maker"], buying.market(BTC)["taker"])


def test_editing_batches_and_cancelling_all(selling: ccxt.kraken) -> None:
    created = selling.create_order(BTC, "limit", "sell", 0.1, 64000)
    selling.edit_order(created["id"], BTC, "limit", "sell", 0.2, 64500)
    order = selling.fetch_order(created["id"])
    assert (order["amount"], order["price"]) == (0.2, 64500)
    item = {"symbol": BTC, "type": "limit", "side": "sell", "amount": 0.1}
    batch = selling.create_orders([{**item, "price": 65000}, {**item, "price": 65001}, {**item, "price": 65002}])
    assert [one["id"] for one in selling.fetch_open_orders()][:1] == [created["id"]]
    assert {one["id"] for one in selling.fetch_orders_by_ids([one["id"] for one in batch])} == {
        one["id"] for one in batch
    }
    assert selling.cancel_orders([one["id"] for one in batch[:2]])[0]["info"]["result"]["count"] == 2
    selling.cancel_all_orders_after(60_000)
    selling.cancel_all_orders_after(0)
    selling.cancel_all_orders()
    assert selling.fetch_open_orders() == []


def test_errors_are_the_classes_that_ccxts_users_catch(server: Server, seller: Trader, selling: ccxt.kraken) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        selling.create_order(BTC, "limit", "sell", 11, 64000)
    with pytest.raises(ccxt.InvalidOrder):
        selling.create_order(BTC, "limit", "sell", 0.00001, 64000)
    with pytest.raises(ccxt.InvalidOrder):
        selling.create_order(BTC, "limit", "sell", 0.1, 65000, {"timeInForce": "FOK"})
    with pytest.raises(ccxt.OrderNotFound):
        selling.fetch_order("00000000-0000-4000-8000-000000000000")
    with pytest.raises(ccxt.OrderNotFound):
        selling.cancel_order("00000000-0000-4000-8000-000000000000")
    with pytest.raises(ccxt.BadSymbol):
        selling.fetch_ticker("DOGE/USD")
    with pytest.raises(ccxt.PermissionDenied):
        ccxt_of(server, seller, "trade").fetch_balance()
    unknown = ccxt_of(server, seller, "read")
    unknown.apiKey = "nobody"
    with pytest.raises(ccxt.AuthenticationError):
        unknown.fetch_balance()
    late = ccxt_of(server, seller, "read")
    late.options["timeDifference"] = 60_000
    with pytest.raises(ccxt.InvalidNonce):
        late.fetch_balance()


@asynccontextmanager
async def streaming(server: Server, trader: Trader) -> AsyncIterator[ccxt.pro.kraken]:
    key = make_key(trader, "read", "trade")
    client = ccxt.pro.kraken({"apiKey": key["id"], "secret": key["secret"], "enableRateLimit": False})
    client.urls = client.deep_extend(client.urls, addresses(server))
    try:
        async with asyncio.timeout(WAIT_LIMIT_S):
            await client.load_markets()
            yield client
    finally:
        await client.close()


async def test_what_is_watched_over_the_stream(server: Server, seller: Trader, buyer: Trader) -> None:
    seller.order("sell", "1", "64000").raise_for_status()
    buyer.order("buy", "1", "64000").raise_for_status()
    async with streaming(server, seller) as client:
        book = await client.watch_order_book(BTC, 10)
        assert book["asks"] == []
        change = asyncio.create_task(client.watch_order_book(BTC, 10))
        orders = asyncio.create_task(client.watch_orders(BTC))
        balance = await client.watch_balance()  # of the same connection, and asked for after the orders
        assert balance["BTC"]["total"] == 9
        created = await client.create_order(BTC, "limit", "sell", 0.5, 64000)
        assert [(one["id"], one["status"]) for one in await orders] == [(created["id"], "open")]
        assert (await change)["asks"] == [[64000, 0.5]]
        fills = asyncio.create_task(client.watch_my_trades(BTC))
        assert (await client.watch_trades(BTC))[-1]["amount"] == 1
        buyer.order("buy", "0.2", "64000").raise_for_status()
        (fill,) = await fills
        assert (fill["order"], fill["amount"], fill["price"]) == (created["id"], 0.2, 64000)
        assert fill["id"] in [one["id"] for one in await client.fetch_my_trades(BTC)]
        while client.trades[BTC][-1]["amount"] != 0.2:
            await client.watch_trades(BTC)


async def test_the_first_trade_of_a_market_is_watched_too(own_server: Server) -> None:
    seller, buyer = own_server.trader(BTC="10"), own_server.trader(USD="1000000")
    async with streaming(own_server, seller) as client:
        first = asyncio.create_task(client.watch_trades(BTC))
        await client.watch_order_book(BTC, 10)  # of the same connection, and asked for after the trades
        seller.order("sell", "1", "64000").raise_for_status()
        buyer.order("buy", "0.3", "64000").raise_for_status()
        assert [(one["amount"], one["price"]) for one in await first] == [(0.3, 64000)]


async def test_orders_over_the_stream(server: Server, seller: Trader) -> None:
    async with streaming(server, seller) as client:
        created = await client.create_order_ws(BTC, "limit", "sell", 0.5, 64000)
        await client.edit_order_ws(created["id"], BTC, "limit", "sell", 0.4, 64100)
        order = await client.fetch_order(created["id"])
        assert (order["amount"], order["price"]) == (0.4, 64100)
        await client.cancel_order_ws(created["id"])
        assert (await client.fetch_order(created["id"]))["status"] == "canceled"


async def test_a_quiet_connection_is_kept(server: Server, seller: Trader) -> None:
    async with streaming(server, seller) as client:
        await client.watch_order_book(BTC, 10)
        (socket,) = client.clients.values()
        socket.lastPong = None
        await socket.send(client.ping(socket))
        while socket.lastPong is None:
            await asyncio.sleep(0.01)
