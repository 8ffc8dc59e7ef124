"""Orders, balances and history in the Kraken dialect, by a client that knows nothing but Kraken's documentation."""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures import manage
from tests.kraken import KrakenClient, Refused, fresh_nonce
from tests.server import PASSWORD, Server, Trader
from tests.signing import make_key

pytestmark = pytest.mark.usefixtures("silent_market")

PAIR = "BTCUSD"
LIMIT = {"pair": PAIR, "type": "sell", "ordertype": "limit", "volume": "0.1", "price": "64000"}


def client_of(server: Server, trader: Trader) -> KrakenClient:
    return KrakenClient(server, make_key(trader, "read", "trade"))


@pytest.fixture
def kraken(server: Server, seller: Trader) -> KrakenClient:
    return client_of(server, seller)


def test_an_order_is_placed_seen_and_cancelled(kraken: KrakenClient, seller: Trader) -> None:
    placed = kraken.private("AddOrder", **LIMIT, cl_ord_id="mine", trading_agreement="agree")
    (txid,) = placed["txid"]
    assert placed["descr"]["order"] == "sell 0.1 BTCUSD @ limit 64000"
    assert seller.get(f"/trade/orders/{txid}")["status"] == "open"
    (told,) = kraken.private("OpenOrders")["open"].items()
    assert told[0] == txid
    order = told[1]
    assert (order["status"], order["cl_ord_id"], order["vol"], order["vol_exec"]) == (
        "open",
        "mine",
        "0.10000",
        "0.00000",
    )
    assert order["descr"] == {
        "pair": PAIR,
        "type": "sell",
        "ordertype": "limit",
        "price": "64000.00",
        "price2": "0",
        "leverage": "none",
        "order": "sell 0.10000 BTCUSD @ limit 64000.00",
        "close": "",
    }
    assert abs(order["opentm"] - time.time()) < 60
    assert kraken.private("BalanceEx")["BTC"] == {"balance": "10.00000000", "hold_trade": "0.10000000"}
    assert kraken.private("CancelOrder", txid=txid) == {"count": 1}
    closed = kraken.private("ClosedOrders")
    assert closed["count"] == 1
    assert closed["closed"][txid]["status"] == "canceled"
    assert closed["closed"][txid]["reason"] == "user_cancelled"
    with pytest.raises(Refused, match="EOrder:Unknown order"):
        kraken.private("CancelOrder", txid=txid)
    assert kraken.private("Balance")["BTC"] == "10.00000000"


TYPES: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"ordertype": "limit", "price": "65000"}, {"type": "limit", "price": "65000.00"}),
    ({"ordertype": "limit", "price": "65000", "oflags": "post"}, {"post_only": "reject"}),
    ({"ordertype": "limit", "price": "65000", "timeinforce": "GTD", "expiretm": "+600"}, {"time_in_force": "GTD"}),
    ({"ordertype": "limit", "price": "65000", "expiretm": "4000000000"}, {"expires_at": "2096-10-02T07:06:40.000000Z"}),
    ({"ordertype": "iceberg", "price": "65000", "displayvol": "0.02"}, {"display_quantity": "0.02000"}),
    ({"ordertype": "stop-loss", "price": "60000"}, {"type": "stop", "trigger_price": "60000.00"}),
    ({"ordertype": "take-profit", "price": "70000"}, {"type": "take_profit", "trigger_price": "70000.00"}),
    (
        {"ordertype": "stop-loss-limit", "price": "60000", "price2": "59900"},
        {"type": "stop_limit", "trigger_price": "60000.00", "price": "59900.00"},
    ),
    (
        {"ordertype": "take-profit-limit", "price": "70000", "price2": "69900"},
        {"type": "take_profit_limit", "trigger_price": "70000.00", "price": "69900.00"},
    ),
    ({"ordertype": "trailing-stop", "price": "+500"}, {"type": "trailing_stop", "trailing_offset": "500.00"}),
    ({"ordertype": "limit", "price": "65000", "stptype": "cancel-oldest"}, {"self_trade_prevention": "cancel_oldest"}),
    ({"ordertype": "limit", "price": "6.5e4"}, {"price": "65000.00"}),
    (
        {"ordertype": "limit", "price": "65000", "close[ordertype]": "stop-loss", "close[price]": "66000"},
        {"price": "65000.00"},
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), TYPES, ids=lambda one: "-".join(map(str, one.values()))[:40])
def test_every_type_is_the_order_that_rest_would_place(
    kraken: KrakenClient, seller: Trader, buyer: Trader, fields: dict[str, str], wanted: dict[str, Any]
) -> None:
    seller.order("sell", "0.01", "64000").raise_for_status()
    buyer.order("buy", "0.01", "64000").raise_for_status()  # a last price, which triggers are compared with
    (txid,) = kraken.private("AddOrder", pair=PAIR, type="sell", volume="0.1", **fields)["txid"]
    order = seller.get(f"/trade/orders/{txid}")
    assert {name: order[name] for name in wanted} == wanted
    told = kraken.private("QueryOrders", txid=txid)[txid]
    expected = {"iceberg": "limit"}.get(fields["ordertype"], fields["ordertype"])
    assert (told["descr"]["ordertype"], told["status"]) == (expected, "open")
    if "price2" in fields:
        assert (told["descr"]["price"], told["descr"]["price2"]) == (
            f"{fields['price']}.00",
            f"{fields['price2']}.00",
        )
    if "close[price]" in fields:
        assert [leg["type"] for leg in order["on_fill"]] == ["stop"]
        assert told["descr"]["close"] == "close position @ stop loss 66000.00"


def test_a_stop_that_buys_a_quantity_has_a_cap(server: Server, buyer: Trader) -> None:
    kraken = client_of(server, buyer)
    stop = {"pair": PAIR, "type": "buy", "ordertype": "stop-loss", "volume": "0.1", "price": "70000"}
    (txid,) = kraken.private("AddOrder", **stop)["txid"]
    assert buyer.get(f"/trade/orders/{txid}")["slippage_price"] == "73500.00"
    assert kraken.private("QueryOrders", txid=txid)[txid]["descr"]["order"] == "buy 0.10000 BTCUSD @ stop loss 70000.00"


def test_what_has_traded_is_in_history_ledger_and_volume(server: Server, seller: Trader, buyer: Trader) -> None:
    kraken = client_of(server, buyer)
    seller.order("sell", "0.5", "64000").raise_for_status()
    (txid,) = kraken.private("AddOrder", pair=PAIR, type="buy", ordertype="market", volume="0.2")["txid"]
    (costing,) = kraken.private("AddOrder", pair=PAIR, type="buy", ordertype="market", volume="6400", oflags="viqc")[
        "txid"
    ]
    orders = kraken.private("QueryOrders", txid=f"{txid},{costing},{uuid.uuid4()}", trades="true")
    assert orders.keys() == {txid, costing}
    assert (orders[txid]["status"], orders[txid]["vol_exec"], orders[txid]["price"]) == (
        "closed",
        "0.20000",
        "64000.00",
    )
    history = kraken.private("TradesHistory")
    assert history["count"] == 2
    (name,) = orders[txid]["trades"]
    trade = history["trades"][name]
    assert (trade["ordertxid"], trade["type"], trade["ordertype"], trade["maker"]) == (txid, "buy", "market", False)
    assert (trade["price"], trade["vol"], trade["cost"]) == ("64000.00", "0.20000", "12800.00")
    assert kraken.private("QueryTrades", txid=name) == {name: trade}
    assert list(kraken.private("TradesHistory", start=name)["trades"]) == orders[costing]["trades"]
    assert kraken.private("TradesHistory", end=name)["trades"] == {name: trade}
    lines = kraken.private("Ledgers")["ledger"]
    assert sum(float(line["amount"]) - float(line["fee"]) for line in lines.values() if line["asset"] == "USD") == (
        pytest.approx(float(kraken.private("Balance")["USD"]))
    )
    dollars = [line for line in lines.values() if (line["asset"], line["type"]) == ("USD", "trade")]
    assert (dollars[-1]["amount"], dollars[-1]["fee"]) == ("-12800.00", trade["fee"])
    assert kraken.private("Ledgers", type="credit")["count"] == 1
    one = next(iter(lines))
    assert kraken.private("QueryLedgers", id=one) == {one: lines[one]}
    volume = kraken.private("TradeVolume", pair=PAIR)
    assert float(volume["volume"]) == pytest.approx(12800 + float(orders[costing]["cost"]))
    assert volume["fees"][PAIR]["fee"] == volume["fees"][PAIR]["maxfee"]
    assert float(kraken.private("TradeBalance")["eb"]) == pytest.approx(
        float(kraken.private("Balance")["USD"]) + 64000 * float(kraken.private("Balance")["BTC"])
    )


def test_pages_of_closed_orders_by_offset_and_time(kraken: KrakenClient) -> None:
    ids = [kraken.private("AddOrder", **LIMIT)["txid"][0] for _ in range(4)]
    assert kraken.private("CancelAll") == {"count": 4}
    assert list(kraken.private("ClosedOrders", ofs=1)["closed"]) == ids[2::-1]
    opened = {one: told["opentm"] for one, told in kraken.private("ClosedOrders")["closed"].items()}
    later = kraken.private("ClosedOrders", start=ids[1], closetime="open")
    assert (set(later["closed"]), later["count"]) == ({one for one in ids if opened[one] > opened[ids[1]]}, 2)
    assert kraken.private("ClosedOrders", end=f"{opened[ids[0]]:.6f}", closetime="open")["closed"].keys() == {ids[0]}
    assert "count" not in kraken.private("ClosedOrders", without_count="true")


def test_orders_in_a_batch(kraken: KrakenClient) -> None:
    item = {name: LIMIT[name] for name in ("type", "ordertype", "volume", "price")}
    told = kraken.private_json(
        "AddOrderBatch", pair=PAIR, orders=[item, {**item, "volume": 1000}, {**item, "price": 64001.5}]
    )
    first, second, third = told["orders"]
    assert second["error"] == "EOrder:Insufficient funds"
    assert kraken.private("OpenOrders")["open"].keys() == {first["txid"], third["txid"]}
    with pytest.raises(Refused, match="EGeneral:Invalid arguments:ordertype"):
        kraken.private_json("AddOrderBatch", pair=PAIR, orders=[item, {**item, "ordertype": "guess"}])
    assert len(kraken.private("OpenOrders")["open"]) == 2
    form = {f"orders[{place}][{name}]": value for place in range(2) for name, value in item.items()}
    assert len(kraken.private("AddOrderBatch", pair=PAIR, **form)["orders"]) == 2
    assert len(kraken.private_json("AddOrderBatch", pair=PAIR, orders=[item], validate=True)["orders"]) == 1
    names = list(kraken.private("OpenOrders")["open"])
    assert len(names) == 4
    assert kraken.private_json("CancelOrderBatch", orders=[*names[:3], str(uuid.uuid4())]) == {"count": 3}
    assert list(kraken.private("OpenOrders")["open"]) == names[3:]


def test_amending_keeps_the_order_and_editing_replaces_it(kraken: KrakenClient) -> None:
    (txid,) = kraken.private("AddOrder", **LIMIT, oflags="post")["txid"]
    amended = kraken.private("AmendOrder", txid=txid, order_qty="0.2", limit_price="64100", post_only="true")
    assert amended["amend_id"].isdigit()
    told = kraken.private("OpenOrders")["open"][txid]
    assert (told["vol"], told["descr"]["price"]) == ("0.20000", "64100.00")
    edited = kraken.private("EditOrder", txid=txid, pair=PAIR, price="64200")
    assert (edited["status"], edited["originaltxid"], edited["orders_cancelled"]) == ("ok", txid, 1)
    (only,) = kraken.private("OpenOrders")["open"].items()
    assert (only[0], only[1]["vol"], only[1]["descr"]["price"]) == (edited["txid"], "0.20000", "64200.00")
    assert only[1]["oflags"] == "fciq,post"
    closed = kraken.private("ClosedOrders")["closed"]
    assert [(one, told["status"]) for one, told in closed.items()] == [(txid, "canceled")]
    kraken.private("CancelOrder", txid=edited["txid"])
    assert list(kraken.private("ClosedOrders", trades="true")["closed"]) == [edited["txid"], txid]
    with pytest.raises(Refused, match="EOrder:Unknown order"):
        kraken.private("EditOrder", txid=txid, pair=PAIR, price="64300")
    stop = {"pair": PAIR, "type": "sell", "ordertype": "stop-loss", "volume": "0.1", "price": "60000"}
    (waiting,) = kraken.private("AddOrder", **stop, cl_ord_id="a-stop")["txid"]
    kraken.private("AmendOrder", cl_ord_id="a-stop", trigger_price="61000")
    assert kraken.private("QueryOrders", txid=waiting)[waiting]["stopprice"] == "61000.00"


def test_of_an_order_that_is_partly_filled_the_rest_is_edited(server: Server, seller: Trader, buyer: Trader) -> None:
    kraken = client_of(server, seller)
    (txid,) = kraken.private("AddOrder", **LIMIT)["txid"]
    buyer.order("buy", "0.04", "64000").raise_for_status()
    edited = kraken.private("EditOrder", txid=txid, price="64500")["txid"]
    assert kraken.private("OpenOrders")["open"][edited]["vol"] == "0.06000"


def test_falling_silent_cancels(kraken: KrakenClient) -> None:
    kraken.private("AddOrder", **LIMIT)
    told = kraken.private("CancelAllOrdersAfter", timeout=60)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["triggerTime"])
    assert kraken.private("CancelAllOrdersAfter", timeout=0)["triggerTime"] == "0"
    assert len(kraken.private("OpenOrders")["open"]) == 1


def test_what_is_only_checked_is_not_placed(kraken: KrakenClient) -> None:
    told = kraken.private("AddOrder", **LIMIT, validate="true")
    assert list(told) == ["descr"]
    assert kraken.private("OpenOrders")["open"] == {}
    with pytest.raises(Refused, match="EOrder:Insufficient funds"):
        kraken.private("AddOrder", **{**LIMIT, "volume": "11"}, validate="true")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"volume": "11"}, "EOrder:Insufficient funds"),
        ({"volume": "0.000001"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0.00001"}, "EOrder:Order minimum not met"),
        ({"volume": "much"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": ""}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "1e999999"}, "EGeneral:Invalid arguments:volume"),
        ({"price": "64000.001"}, "EGeneral:Invalid arguments:price"),
        ({"price": "#5"}, "EGeneral:Invalid arguments:price"),
        ({"price": ""}, "EGeneral:Invalid arguments:price"),
        ({"pair": "BTCDOGE"}, "EQuery:Unknown asset pair"),
        ({"pair": ""}, "EGeneral:Invalid arguments:pair"),
        ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
        ({"ordertype": "settle-position"}, "EGeneral:Invalid arguments:ordertype"),
        ({"ordertype": "trailing-stop", "price": "+5%"}, "EGeneral:Invalid arguments:price"),
        ({"oflags": "post,guess"}, "EGeneral:Invalid arguments:oflags"),
        ({"timeinforce": "GTX"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"timeinforce": "GTD"}, "EGeneral:Invalid arguments:expiretm"),
        ({"expiretm": "soon"}, "EGeneral:Invalid arguments:expiretm"),
        ({"starttm": "+10"}, "EGeneral:Invalid arguments:starttm"),
        ({"leverage": "5"}, "EGeneral:Invalid arguments:leverage"),
        ({"reduce_only": "true"}, "EGeneral:Invalid arguments:reduce_only"),
        ({"userref": "7"}, "EGeneral:Invalid arguments:userref"),
        ({"cl_ord_id": "with blanks"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"deadline": "now"}, "EGeneral:Invalid arguments:deadline"),
        ({"stptype": "none"}, "EGeneral:Invalid arguments:stptype"),
        ({"validate": "maybe"}, "EGeneral:Invalid arguments:validate"),
        ({"close[ordertype]": "market"}, "EGeneral:Invalid arguments:close"),
        ({"timeinforce": "FOK", "price": "65000"}, "EOrder:Invalid order:not_filled_whole"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
    ],
)
def test_a_refused_order_is_told_in_krakens_words_and_does_nothing(
    kraken: KrakenClient, change: dict[str, str], error: str
) -> None:
    with pytest.raises(Refused) as refused:
        kraken.private("AddOrder", **{**LIMIT, **change})
    assert refused.value.args == (error,)
    assert kraken.private("OpenOrders")["open"] == {}
    assert kraken.private("ClosedOrders")["closed"] == {}


def test_a_market_that_takes_no_orders_or_not_this_one_says_so(server: Server, kraken: KrakenClient) -> None:
    email = f"operator.{uuid.uuid4().hex}@example.com"
    manage("createoperator", email, url=server.database_url, KONTOR_PASSWORD=PASSWORD)
    with server.client() as client:
        token = client.post("/session", json={"email": email, "password": PASSWORD}).raise_for_status().json()["token"]
    order = {"type": "sell", "ordertype": "market", "volume": "0.1"}
    with server.client(Authorization=f"Bearer {token}") as operator:
        for state, mode in (("post_only", "post_only"), ("auction", "limit_only"), ("halted", "cancel_only")):
            change = {"market": "ETH/BTC", "state": state, "reason": "a test"}
            operator.post("/operator/market", json=change).raise_for_status()
            assert kraken.public("AssetPairs", pair="ETHBTC")["ETHBTC"]["status"] == mode
            with pytest.raises(Refused, match=f"EService:Market in {mode} mode"):
                kraken.private("AddOrder", pair="ETHBTC", **order)
            told = kraken.private_json("AddOrderBatch", pair="ETHBTC", orders=[order])
            assert told["orders"][0]["error"] == f"EService:Market in {mode} mode"
        change["state"] = "open"
        operator.post("/operator/market", json=change).raise_for_status()


def test_the_same_name_twice_is_one_order(kraken: KrakenClient) -> None:
    first = kraken.private("AddOrder", **LIMIT, cl_ord_id="once")
    assert kraken.private("AddOrder", **LIMIT, cl_ord_id="once") == first
    with pytest.raises(Refused, match="EGeneral:Invalid arguments:cl_ord_id"):
        kraken.private("AddOrder", **{**LIMIT, "volume": "0.2"}, cl_ord_id="once")
    assert len(kraken.private("OpenOrders", cl_ord_id="once")["open"]) == 1


@pytest.mark.parametrize(
    "call", [lambda k, t: k.private("QueryOrders", txid=t), lambda k, t: k.private("QueryTrades", txid=t)]
)
def test_what_is_somebody_elses_is_not_there(
    server: Server, kraken: KrakenClient, buyer: Trader, call: Callable[[KrakenClient, str], Any]
) -> None:
    (txid,) = kraken.private("AddOrder", **LIMIT)["txid"]
    other = client_of(server, buyer)
    buyer.order("buy", "0.05", "64000").raise_for_status()
    (trade,) = kraken.private("TradesHistory")["trades"]
    assert call(other, txid) == {}
    assert call(other, trade) == {}
    for cancel in ("CancelOrder", "AmendOrder", "EditOrder"):
        with pytest.raises(Refused, match="EOrder:Unknown order"):
            other.private(cancel, txid=txid, order_qty="0.2", volume="0.2")
    (mine,) = kraken.private("Ledgers", type="trade", asset="BTC")["ledger"]
    assert other.private("QueryLedgers", id=mine) == {}


def test_a_token_of_the_stream_is_given(kraken: KrakenClient) -> None:
    told = kraken.private("GetWebSocketsToken")
    assert told["expires"] == 900
    assert told["token"]


def test_a_nonce_may_be_a_number_of_json(kraken: KrakenClient) -> None:
    body = f'{{"nonce": {fresh_nonce()}, "asset": "USD"}}'
    assert kraken.send("TradeBalance", body, "application/json").json()["error"] == []
