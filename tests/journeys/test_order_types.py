"""Every order type as a program uses it, over HTTP and the stream, against the server as a process."""

import datetime as dt
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest

from tests.server import Server, Trader, wait_until

from .stream_client import Stream

pytestmark = pytest.mark.usefixtures("silent_market")

MARKET = "BTC/USD"


def place(trader: Trader, **fields: Any) -> httpx.Response:
    return trader.post("/trade/orders", {"market": MARKET, "side": "sell", "quantity": "1", **fields})


def placed(trader: Trader, **fields: Any) -> dict[str, Any]:
    answer = place(trader, **fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def trade_at(seller: Trader, buyer: Trader, price: str) -> None:
    """Makes this the last price of the market, and leaves nothing in the book."""
    assert seller.order("sell", "0.1", price).status_code == 201
    assert buyer.order("buy", "0.1", price).json()["status"] == "filled"


def in_seconds(seconds: float) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).isoformat()


def test_f8_a_gtd_order_expires_by_itself_on_a_silent_market(server: Server, seller: Trader) -> None:
    expires_at = in_seconds(2)
    order = placed(seller, type="limit", price="70000", time_in_force="GTD", expires_at=expires_at)
    assert (order["status"], order["time_in_force"]) == ("open", "GTD")
    assert dt.datetime.fromisoformat(order["expires_at"]) == dt.datetime.fromisoformat(expires_at)
    path = f"/trade/orders/{order['id']}"
    wait_until(lambda: seller.get(path)["status"] == "expired", what="the order expires")
    assert dt.datetime.fromisoformat(seller.get(path)["updated_at"]) >= dt.datetime.fromisoformat(expires_at)
    assert seller.balance("BTC")["held"] == "0.00000000"
    (closed,) = seller.get("/trade/orders", status="closed")["items"]
    assert (closed["id"], closed["status"], closed["reason"]) == (order["id"], "expired", "expired")
    with psycopg.connect(server.database_url) as connection:
        (ticks,) = connection.execute("SELECT count(*) FROM order_event WHERE kind = 'Tick'").fetchone() or (0,)
    assert 1 <= ticks <= 3, "a timer brings one event, not one for each look at the clock"


def test_f72_all_orders_are_cancelled_when_a_client_falls_silent(seller: Trader) -> None:
    for price in ("70000", "71000"):
        placed(seller, type="limit", price=price)
    armed = seller.post("/trade/cancel-after", {"timeout_ms": 1000}).json()
    assert dt.datetime.fromisoformat(armed["due_at"]) > dt.datetime.now(dt.UTC)
    wait_until(lambda: seller.get("/trade/orders")["items"] == [], what="the switch fires")
    assert {one["reason"] for one in seller.get("/trade/orders", status="closed")["items"]} == {"dead_mans_switch"}
    seller.post("/trade/cancel-after", {"timeout_ms": 60000}).raise_for_status()
    assert seller.post("/trade/cancel-after", {"timeout_ms": 0}).json() == {"due_at": None}
    for wrong in (-1, 86_400_001, 1.5, "1"):
        assert seller.post("/trade/cancel-after", {"timeout_ms": wrong}).json()["code"] == "invalid_parameter"


def test_f14_a_stop_waits_for_its_price_and_then_sells(server: Server, seller: Trader, buyer: Trader) -> None:
    holder = server.trader(BTC="1")
    trade_at(seller, buyer, "64000")
    stop = placed(holder, type="stop", trigger_price="63000", quantity="0.5")
    assert (stop["status"], stop["trigger_price"], stop["price"]) == ("waiting", "63000.00", None)
    assert holder.balance("BTC")["held"] == "0.50000000"
    assert [one["id"] for one in holder.get("/trade/orders")["items"]] == [stop["id"]]
    buyer.order("buy", "0.5", "62900")
    trade_at(seller, buyer, "63000")
    sold = holder.get(f"/trade/orders/{stop['id']}")
    assert (sold["status"], sold["filled_quantity"], sold["average_price"]) == ("filled", "0.50000", "62900.00")


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"type": "stop_limit", "trigger_price": "63000", "price": "62000"}, {"price": "62000.00"}),
        ({"type": "take_profit", "trigger_price": "65000"}, {"trigger_price": "65000.00"}),
        (
            {"type": "take_profit_limit", "trigger_price": "65000", "price": "65100"},
            {"trigger_price": "65000.00", "price": "65100.00"},
        ),
        ({"type": "trailing_stop", "trailing_offset": "500"}, {"trailing_offset": "500.00", "trigger_price": None}),
        (
            {"type": "trailing_stop", "trailing_offset": "500", "trigger_price": "66000", "slippage_price": "1"},
            {"trailing_offset": "500.00", "trigger_price": "66000.00", "slippage_price": "1.00"},
        ),
    ],
)
def test_f14_f15_orders_that_wait_show_what_for_and_can_be_cancelled(
    seller: Trader, buyer: Trader, fields: dict[str, str], shown: dict[str, str]
) -> None:
    trade_at(seller, buyer, "64000")
    order = placed(seller, **fields)
    assert (order["status"], order["time_in_force"]) == ("waiting", "GTC")
    assert {name: order[name] for name in shown} == shown
    cancelled = seller.http.delete(f"/trade/orders/{order['id']}").json()
    assert (cancelled["status"], cancelled["reason"]) == ("cancelled", "user_cancelled")
    assert seller.balance("BTC")["held"] == "0.00000000"


def test_f13_an_iceberg_shows_its_peak_alone(server: Server, seller: Trader, buyer: Trader) -> None:
    iceberg = placed(seller, type="limit", price="64000", display_quantity="0.2")
    assert (iceberg["display_quantity"], iceberg["quantity"]) == ("0.20000", "1.00000")
    with server.client() as client:

        def asks() -> Any:
            return client.get("/public/orderbook", params={"market": MARKET}).json()["asks"]

        assert asks() == [["64000.00", "0.20000"]]
        buyer.order("buy", "0.3", "64000")
        assert asks() == [["64000.00", "0.10000"]]
        assert buyer.order("buy", "0.7", "64000").json()["status"] == "filled"
        assert asks() == []


def test_f19_an_order_is_amended_in_place(server: Server, seller: Trader, buyer: Trader) -> None:
    order = placed(seller, type="limit", price="64000", client_order_id="mine")
    buyer.order("buy", "0.25", "64000")

    def amend(reference: str, **change: str) -> httpx.Response:
        return seller.http.patch(f"/trade/orders/{reference}", json=change)

    less = amend(order["id"], quantity="0.75").json()
    assert (less["quantity"], less["filled_quantity"], less["remaining_quantity"]) == ("0.75000", "0.25000", "0.50000")
    moved = amend("client:mine", price="65000").json()
    assert (moved["price"], moved["status"], len(moved["fills"])) == ("65000.00", "open", 1)
    with server.client() as client:
        book = client.get("/public/orderbook", params={"market": MARKET}).json()
    assert book["asks"] == [["65000.00", "0.50000"]]
    refused = amend(order["id"], quantity="0.25")
    assert (refused.status_code, refused.json()["code"], refused.json()["order_id"]) == (
        422,
        "below_filled",
        order["id"],
    )
    assert amend(order["id"]).json()["code"] == "invalid_parameter"
    assert amend(order["id"], colour="red").json()["code"] == "invalid_parameter"
    assert amend(order["id"], trigger_price="1").json()["code"] == "invalid_order"
    assert amend(order["id"], price="65000.001").json()["code"] == "off_tick"
    assert amend(order["id"], price="1", deadline_at=in_seconds(-5)).json()["code"] == "deadline_passed"
    assert buyer.http.patch(f"/trade/orders/{order['id']}", json={"price": "1"}).json()["code"] == "unknown_order"
    buyer.order("buy", "0.5", "64500")
    taken = amend(order["id"], price="64500").json()
    assert (taken["status"], [one["price"] for one in taken["fills"]]) == ("filled", ["64000.00", "64500.00"])
    assert amend(order["id"], price="1").json()["code"] == "order_closed"
    waiting = placed(seller, type="stop", trigger_price="10", quantity="0.5")
    assert amend(waiting["id"], trigger_price="20").json()["trigger_price"] == "20.00"


def test_f23_a_batch_is_answered_one_by_one_and_is_consecutive(seller: Trader) -> None:
    orders = [
        {"market": MARKET, "side": "sell", "type": "limit", "quantity": "0.1", "price": str(70000 + number)}
        for number in range(5)
    ]
    orders[1]["price"] = "70001.001"
    orders[2]["quantity"] = "1000"
    orders[3]["client_order_id"] = orders[4]["client_order_id"] = "once"
    answer = seller.post("/trade/orders/batch", {"orders": orders})
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [item.get("code", item["status"]) for item in items] == [
        "open",
        "off_tick",
        "insufficient_funds",
        "open",
        "idempotency_conflict",
    ]
    first = items[0]["sequence"]
    assert [item.get("sequence") for item in items] == [first, None, first + 1, first + 2, None]
    assert len(seller.get("/trade/orders")["items"]) == 2
    for wrong in ([], [orders[0]] * 101, [{**orders[0], "pots_only": True}]):
        assert seller.post("/trade/orders/batch", {"orders": wrong}).json()["code"] == "invalid_parameter"
    checked = seller.post("/trade/orders/batch", {"orders": [{**orders[0], "validate_only": True}]}).json()["items"]
    assert [item["code"] for item in checked] == ["not_supported"]


def test_f23_a_batch_replaces_all_quotes_of_a_market_at_once_and_once(server: Server, seller: Trader) -> None:
    def quotes(first: int, name: str) -> list[dict[str, str]]:
        return [
            {"market": MARKET, "side": "sell", "type": "limit", "quantity": "0.1", "price": str(price)}
            | {"client_order_id": f"{name}-{price}"}
            for price in range(first, first + 3)
        ]

    def ask(**body: Any) -> Any:
        return seller.post("/trade/orders/batch", body).json()

    def prices() -> list[str]:
        return sorted(order["price"] for order in seller.get("/trade/orders")["items"])

    ask(orders=quotes(70000, "a"))
    with Stream(server) as stream:
        stream.call("subscribe", channel="book", symbol=[MARKET], snapshot=False)
        replaced = ask(orders=quotes(71000, "b"), replace=True, market=MARKET)
        assert replaced["cancelled"] == 3 and [item["status"] for item in replaced["items"]] == ["open"] * 3
        messages = stream.listen()
        assert len(messages) == 1, "nobody sees the book without any of both"
    again = ask(orders=quotes(71000, "b"), replace=True, market=MARKET)
    assert (again["cancelled"], again["items"]) == (0, replaced["items"])
    assert prices() == ["71000.00", "71001.00", "71002.00"]
    assert ask(orders=quotes(72000, "c"), replace=True)["code"] == "invalid_parameter"
    assert ask(orders=quotes(72000, "c"), replace=True, market="DOGE/USD")["code"] == "unknown_market"
    off_tick = ask(orders=[{**quotes(72000, "c")[0], "price": "72000.001"}], replace=True, market=MARKET)
    assert (off_tick["cancelled"], [item["code"] for item in off_tick["items"]]) == (0, ["off_tick"])
    assert prices() == ["71000.00", "71001.00", "71002.00"]


def test_f11_self_trade_prevention_as_each_order_asks(server: Server) -> None:
    trader = server.trader(BTC="10", USD="1000000")

    def meet(mode: str) -> tuple[dict[str, Any], dict[str, Any]]:
        resting = placed(trader, type="limit", price="64000", quantity="1")
        taking = place(
            trader, side="buy", type="limit", price="64000", quantity="0.4", self_trade_prevention=mode
        ).json()
        both = trader.get(f"/trade/orders/{resting['id']}"), trader.get(f"/trade/orders/{taking['id']}")
        trader.http.delete("/trade/orders")
        return both

    for mode, maker, taker in (
        ("cancel_newest", "open", "cancelled"),
        ("cancel_oldest", "cancelled", "open"),
        ("cancel_both", "cancelled", "cancelled"),
        ("decrement", "open", "cancelled"),
    ):
        resting, taking = meet(mode)
        assert (resting["status"], taking["status"], taking["self_trade_prevention"]) == (maker, taker, mode)
        assert resting["quantity"] == ("0.60000" if mode == "decrement" else "1.00000")
        assert taking["quantity"] == "0.40000"
    assert trader.get("/trade/fills")["items"] == []


def test_f10_a_post_only_order_may_step_back(seller: Trader, buyer: Trader) -> None:
    placed(seller, type="limit", price="64000")
    stepped = buyer.order("buy", "1", "64500", post_only="reprice").json()
    assert (stepped["status"], stepped["price"], stepped["post_only"]) == ("open", "63999.99", "reprice")


def test_f26_a_late_order_is_refused(seller: Trader) -> None:
    fine = placed(seller, type="limit", price="70000", deadline_at=in_seconds(60))
    assert fine["deadline_at"] is not None
    late = place(seller, type="limit", price="70000", deadline_at=in_seconds(-1))
    assert (late.status_code, late.json()["code"]) == (422, "deadline_passed")


def test_f24_a_dry_run_tells_what_the_order_then_comes_to_and_writes_nothing(
    server: Server, seller: Trader, buyer: Trader
) -> None:
    seller.order("sell", "0.5", "64000")

    def asked(**change: Any) -> httpx.Response:
        order = {"side": "buy", "type": "limit", "price": "64100", "quantity": "0.75", **change}
        return place(buyer, **order, validate_only=True)

    def head() -> Any:
        with psycopg.connect(server.database_url) as connection:
            return connection.execute("SELECT seq, hash FROM journal_head").fetchone()

    before = head(), buyer.get("/account/balances")["items"]
    answer = asked()
    assert answer.status_code == 200
    told = answer.json()
    assert (told["filled_quantity"], told["quote_quantity"], told["average_price"]) == (
        "0.50000",
        "32000.00",
        "64000.00",
    )
    assert (told["fee"], told["fee_asset"], told["open_quantity"], told["price"]) == (
        "64.00",
        "USD",
        "0.25000",
        "64100.00",
    )
    for change, code in (
        ({"quantity": "1000"}, "insufficient_funds"),
        ({"post_only": "reject"}, "would_take"),
        ({"deadline_at": in_seconds(-1)}, "deadline_passed"),
        ({"time_in_force": "FOK"}, "not_filled_whole"),
        ({"price": "64100.001"}, "off_tick"),
    ):
        assert asked(**change).json()["code"] == code
    assert (
        asked(type="stop", price=None, slippage_price="70000", trigger_price="65000").json()["open_quantity"]
        == "0.75000"
    )
    assert (head(), buyer.get("/account/balances")["items"]) == before
    order = placed(buyer, side="buy", type="limit", price="64100", quantity="0.75")
    assert (order["filled_quantity"], order["fees"][0]["amount"]) == (told["filled_quantity"], told["fee"])
    assert buyer.balance("USD")["held"] == told["held"]


def test_executions_tell_waiting_amending_triggering_and_expiring(
    server: Server, seller: Trader, buyer: Trader
) -> None:
    trade_at(seller, buyer, "64000")
    holder = server.trader(BTC="2")
    with Stream(server, holder) as stream:
        stream.private("subscribe", channel="executions", snapshot=False)
        stop = placed(holder, type="stop_limit", trigger_price="63000", price="66000", quantity="0.5")
        holder.http.patch(f"/trade/orders/{stop['id']}", json={"trigger_price": "63500"}).raise_for_status()
        trade_at(seller, buyer, "63500")
        iceberg = placed(holder, type="limit", price="64000", display_quantity="0.1", quantity="0.2")
        buyer.order("buy", "0.1", "64000")
        placed(holder, type="limit", price="70000", time_in_force="GTD", expires_at=in_seconds(0.3))
        stream.first(
            lambda message: message.get("channel") == "executions" and message["data"][0]["exec_type"] == "expired",
            what="the expiry",
        )
        told = [one for message in stream.heard if message.get("channel") == "executions" for one in message["data"]]
    mine = [(one["exec_type"], one["order_status"]) for one in told if one["order_id"] == stop["id"]]
    assert mine == [("new", "pending_new"), ("amended", "pending_new"), ("status", "new")]
    assert [one["exec_type"] for one in told if one["order_id"] == iceberg["id"]] == ["new", "trade", "iceberg_refill"]
    assert [one["exec_type"] for one in told][-2:] == ["new", "expired"]
    assert Decimal(str(told[0]["triggers"]["price"])) == 63000 and told[0]["limit_price"] is not None
    with Stream(server, holder) as late:
        late.private("subscribe", channel="executions")
        (snapshot,) = [message for message in late.listen() if message["type"] == "snapshot"]
        assert {one["order_id"] for one in snapshot["data"]} == {stop["id"], iceberg["id"]}


def test_waiting_orders_survive_a_crash_and_still_act(own_server: Server) -> None:
    seller, buyer, holder = own_server.trader(BTC="10"), own_server.trader(USD="1000000"), own_server.trader(BTC="1")
    trade_at(seller, buyer, "64000")
    stop = placed(holder, type="stop", trigger_price="63000", quantity="0.5")
    dated = placed(holder, type="limit", price="70000", quantity="0.5", time_in_force="GTD", expires_at=in_seconds(3))
    holder.http.patch(f"/trade/orders/{stop['id']}", json={"trigger_price": "63500"}).raise_for_status()
    before = {one["id"]: one for one in holder.get("/trade/orders")["items"]}
    own_server.kill()
    own_server.start()
    after = {one["id"]: one for one in holder.get("/trade/orders")["items"]}
    assert after[stop["id"]] == before[stop["id"]] and after[stop["id"]]["trigger_price"] == "63500.00"
    path = f"/trade/orders/{dated['id']}"
    wait_until(lambda: holder.get(path)["status"] == "expired", what="it expires after the crash")
    buyer.order("buy", "0.5", "63400")
    trade_at(seller, buyer, "63500")
    assert holder.get(f"/trade/orders/{stop['id']}")["status"] == "filled"
