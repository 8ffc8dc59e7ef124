"""Every order field and method over the stream, against REST: the same orders, the same refusals."""

import datetime as dt
import json
from typing import Any

import pytest

from tests.server import Server, Trader, wait_until

from .stream_client import Stream

pytestmark = pytest.mark.usefixtures("silent_market")

MARKET = "BTC/USD"
SELL = {"symbol": MARKET, "side": "sell", "order_qty": 1}
LATER = "2040-01-01T00:00:00Z"

SAME = [
    ({"order_type": "limit", "limit_price": 70000}, {"type": "limit", "price": "70000"}),
    (
        {"order_type": "limit", "limit_price": 70000, "time_in_force": "gtd", "expire_time": LATER},
        {"type": "limit", "price": "70000", "time_in_force": "GTD", "expires_at": LATER},
    ),
    (
        {"order_type": "limit", "limit_price": 70000, "post_only": "reprice", "stp_type": "decrement"},
        {"type": "limit", "price": "70000", "post_only": "reprice", "self_trade_prevention": "decrement"},
    ),
    (
        {"order_type": "iceberg", "limit_price": 70000, "display_qty": 0.1, "keep_on_disconnect": True},
        {"type": "limit", "price": "70000", "display_quantity": "0.1", "keep_on_disconnect": True},
    ),
    (
        {"order_type": "stop-loss", "triggers": {"price": 60000}, "limit_price": 59000},
        {"type": "stop", "trigger_price": "60000", "slippage_price": "59000"},
    ),
    (
        {"order_type": "take-profit-limit", "triggers": {"reference": "last", "price": 80000}, "limit_price": 80001},
        {"type": "take_profit_limit", "trigger_price": "80000", "price": "80001"},
    ),
    (
        {"order_type": "trailing-stop", "triggers": {"price": 500.5, "price_type": "quote"}, "activation_price": 90000},
        {"type": "trailing_stop", "trailing_offset": "500.5", "trigger_price": "90000"},
    ),
    (
        {
            "order_type": "limit",
            "limit_price": 70000,
            "oco": {"type": "stop-loss-limit", "trigger_price": 60000, "price": 59990},
        },
        {"type": "limit", "price": "70000", "oco": {"type": "stop_limit", "trigger_price": "60000", "price": "59990"}},
    ),
    (
        {
            "order_type": "limit",
            "limit_price": 70000,
            "on_fill": [{"type": "limit", "price": 60000}, {"type": "stop", "trigger_price": 80000, "slippage_price": 81000}],
        },
        {
            "type": "limit",
            "price": "70000",
            "on_fill": [
                {"type": "limit", "price": "60000"},
                {"type": "stop", "trigger_price": "80000", "slippage_price": "81000"},
            ],
        },
    ),
    (
        {"order_type": "limit", "limit_price": 70000, "peg": {"reference": "best_offer", "offset": 0.5}},
        {"type": "limit", "price": "70000", "peg": {"reference": "best_offer", "offset": "0.5"}},
    ),
]  # fmt: skip
VARYING = {"id", "created_at", "updated_at", "sequence"}


@pytest.mark.parametrize(("params", "body"), SAME)
def test_f69_an_order_over_the_stream_is_the_order_over_rest(
    server: Server, seller: Trader, params: dict[str, Any], body: dict[str, Any]
) -> None:
    over_rest = seller.post("/trade/orders", {"market": MARKET, "side": "sell", "quantity": "1", **body})
    assert over_rest.status_code == 201, over_rest.text
    with Stream(server, seller) as stream:
        answer = stream.private("add_order", **SELL, **params)
        assert answer["success"], answer
        one = seller.get(f"/trade/orders/{answer['result']['order_id']}")
    other = seller.get(f"/trade/orders/{over_rest.json()['id']}")
    for order in (one, other):
        for leg in [order["oco"], *order["on_fill"]]:
            assert leg is None or leg.pop("id")
    assert {k: v for k, v in one.items() if k not in VARYING} == {k: v for k, v in other.items() if k not in VARYING}


@pytest.mark.parametrize(
    ("params", "body", "code"),
    [
        ({"order_type": "stop-loss"}, {"type": "stop"}, "invalid_parameter"),
        ({"order_type": "limit", "limit_price": 1.001}, {"type": "limit", "price": "1.001"}, "off_tick"),
        (
            {"order_type": "limit", "limit_price": 7, "peg": {"reference": "best_bid"}},
            {"type": "limit", "price": "7", "peg": {"reference": "best_bid"}},
            "invalid_order",
        ),
        (
            {"order_type": "limit", "limit_price": 7, "oco": {"type": "limit", "price": 9}},
            {"type": "limit", "price": "7", "oco": {"type": "limit", "price": "9"}},
            "invalid_order",
        ),
        (
            {"order_type": "limit", "limit_price": 7, "on_fill": [{"type": "market"}]},
            {"type": "limit", "price": "7", "on_fill": [{"type": "market"}]},
            "invalid_parameter",
        ),
        (
            {"order_type": "limit", "limit_price": 7, "on_fill": [{"type": "limit", "price": 1}] * 3},
            {"type": "limit", "price": "7", "on_fill": [{"type": "limit", "price": "1"}] * 3},
            "invalid_parameter",
        ),
        (
            {"order_type": "limit", "limit_price": 7, "time_in_force": "gtd", "expire_time": "tomorrow"},
            {"type": "limit", "price": "7", "time_in_force": "GTD", "expires_at": "tomorrow"},
            "invalid_parameter",
        ),
        (
            {"order_type": "limit", "limit_price": 7, "deadline": "2020-01-01T00:00:00Z"},
            {"type": "limit", "price": "7", "deadline_at": "2020-01-01T00:00:00Z"},
            "deadline_passed",
        ),
    ],
)
def test_f69_a_refusal_over_the_stream_is_the_refusal_over_rest(
    server: Server, seller: Trader, params: dict[str, Any], body: dict[str, Any], code: str
) -> None:
    over_rest = seller.post("/trade/orders", {"market": MARKET, "side": "sell", "quantity": "1", **body})
    with Stream(server, seller) as stream:
        answer = stream.private("add_order", **SELL, **params)
    assert (answer["success"], answer["code"], over_rest.json()["code"]) == (False, code, code)


def test_a_bracket_over_rest_places_its_legs_when_it_is_filled(seller: Trader, buyer: Trader) -> None:
    bracket = {
        "market": MARKET,
        "side": "buy",
        "type": "limit",
        "quantity": "1",
        "price": "100",
        "on_fill": [{"type": "limit", "price": "120"}, {"type": "stop", "trigger_price": "90"}],
    }
    order = buyer.post("/trade/orders", bracket).json()
    legs = [leg["id"] for leg in order["on_fill"]]
    assert buyer.http.get(f"/trade/orders/{legs[0]}").json()["code"] == "unknown_order"
    seller.order("sell", "1", "100")
    first, second = (buyer.get(f"/trade/orders/{leg}") for leg in legs)
    assert (first["type"], first["status"], first["price"]) == ("limit", "open", "120.00")
    assert (second["type"], second["status"], second["trigger_price"]) == ("stop", "waiting", "90.00")
    assert buyer.http.delete(f"/trade/orders/{legs[0]}").json()["status"] == "cancelled"
    assert buyer.get(f"/trade/orders/{legs[1]}")["reason"] == "one_cancels_other"


def test_f38_one_orders_whole_life_over_rest(server: Server, seller: Trader, buyer: Trader) -> None:
    order = seller.order("sell", "1", "100", display_quantity="0.4", client_order_id="life").json()
    buyer.order("buy", "0.4", "100")
    seller.http.patch(f"/trade/orders/{order['id']}", json={"price": "101", "quantity": "0.9"}).raise_for_status()
    seller.http.delete("/trade/orders/client:life").raise_for_status()
    items = seller.get("/trade/orders/client:life/history")["items"]
    assert [one["kind"] for one in items] == ["placed", "fill", "refreshed", "amended", "cancelled"]
    assert [one["sequence"] for one in items] == sorted(one["sequence"] for one in items)
    first = seller.get("/trade/orders/client:life/history", limit=3)
    rest = seller.get("/trade/orders/client:life/history", limit=3, cursor=first["next_cursor"])
    assert (first["items"] + rest["items"], rest["next_cursor"]) == (items, None)
    placed, fill, _, amended, cancelled = (one["details"] for one in items)
    assert (placed["price"], placed["quantity"], placed["display_quantity"]) == ("100.00", "1.00000", "0.40000")
    assert (fill["quantity"], fill["liquidity"], fill["quote"]) == ("0.40000", "maker", "40.00")
    assert (amended["price"], amended["previous_price"], amended["quantity"]) == ("101.00", "100.00", "0.90000")
    assert cancelled == {"reason": "user_cancelled"}
    assert not {"account", "taker_order", "maker_order"} & {name for one in items for name in one["details"]}
    assert buyer.http.get(f"/trade/orders/{order['id']}/history").json()["code"] == "unknown_order"
    assert seller.http.post("/trade/orders/client:life/history").status_code == 405


def test_amending_over_the_stream(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream:
        placed = stream.private("add_order", **SELL, order_type="limit", limit_price=70000, cl_ord_id="mine")["result"]
        amended = stream.private("amend_order", cl_ord_id="mine", limit_price=70001.5, order_qty=0.5)
        assert amended["result"]["order_id"] == placed["order_id"] and amended["result"]["amend_id"]
        order = seller.get(f"/trade/orders/{placed['order_id']}")
        assert (order["price"], order["quantity"]) == ("70001.50", "0.50000")
        for params, code in (
            ({"cl_ord_id": "mine"}, "invalid_parameter"),
            ({"cl_ord_id": "mine", "limit_price": 1.001}, "off_tick"),
            ({"cl_ord_id": "never", "limit_price": 1}, "unknown_order"),
            ({"limit_price": 1}, "invalid_parameter"),
        ):
            assert stream.private("amend_order", **params)["code"] == code


def test_batches_over_the_stream(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream:
        orders = [
            {"side": "sell", "order_type": "limit", "order_qty": 0.1, "limit_price": 70000, "cl_ord_id": "a"},
            {"side": "sell", "order_type": "limit", "order_qty": 0.1, "limit_price": "1.001", "cl_ord_id": "b"},
            {"side": "sell", "order_type": "magic", "order_qty": 0.1, "limit_price": 1, "cl_ord_id": "c"},
            {"side": "sell", "order_type": "limit", "order_qty": 99, "limit_price": 70000, "cl_ord_id": "d"},
            {"side": "sell", "order_type": "limit", "order_qty": 0.1, "limit_price": 70001, "cl_ord_id": "e"},
        ]
        told = stream.private("batch_add", symbol=MARKET, orders=orders)["result"]["orders"]
        assert [one.get("code") for one in told] == [None, "off_tick", "invalid_parameter", "insufficient_funds", None]
        assert [one["cl_ord_id"] for one in told] == ["a", "b", "c", "d", "e"]
        first = seller.get("/trade/orders/client:a")["sequence"]
        assert seller.get("/trade/orders/client:e")["sequence"] == first + 2, "one right after the other"
        again = stream.private("batch_add", symbol=MARKET, orders=[{**orders[0], "cl_ord_id": "f"}], replace=True)
        assert again["result"]["cancelled"] == 2
        answer = stream.private("batch_cancel", cl_ord_id=["f", "a", "never"], orders=[told[4]["order_id"]])
        assert (answer["orders_cancelled"], answer["result"]["count"]) == (1, 1)
        assert [one.get("code") for one in answer["result"]["orders"]] == [
            "order_closed",
            None,
            "order_closed",
            "unknown_order",
        ]
        for method, params in (
            ("batch_add", {"orders": []}),
            ("batch_cancel", {}),
            ("batch_add", {"orders": orders * 21}),
        ):
            assert stream.private(method, symbol=MARKET, **params)["code"] == "invalid_parameter"


def test_validate_over_the_stream_writes_nothing(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream:
        answer = stream.private("add_order", **SELL, order_type="limit", limit_price=70000, validate=True)
        assert answer["result"]["preview"]["open_quantity"] == "1.00000"
        refused = stream.private(
            "add_order", **{**SELL, "order_qty": 99}, order_type="limit", limit_price=1, validate=True
        )
        assert refused["code"] == "insufficient_funds"
        assert (
            stream.private("add_order", **SELL, order_type="limit", limit_price=1, margin=True)["code"]
            == "not_supported"
        )
    assert seller.get("/trade/orders")["items"] == []


def test_f72_the_dead_mans_switch_over_the_stream(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream:
        stream.private("add_order", **SELL, order_type="limit", limit_price=70000)
        armed = stream.private("cancel_all_orders_after", timeout=1)["result"]
        until = dt.datetime.fromisoformat(armed["triggerTime"]) - dt.datetime.fromisoformat(armed["currentTime"])
        assert dt.timedelta(0) < until <= dt.timedelta(seconds=1)
        wait_until(lambda: seller.get("/trade/orders")["items"] == [], what="the switch fires")
        assert stream.private("cancel_all_orders_after", timeout=0)["result"]["triggerTime"] is None
        for wrong in (-1, 86_401, 1.5, "1", None):
            assert stream.private("cancel_all_orders_after", timeout=wrong)["code"] == "invalid_parameter"


@pytest.mark.parametrize("how", ["method", "subscription"])
def test_f71_orders_go_with_their_connection_but_those_that_are_kept(server: Server, seller: Trader, how: str) -> None:
    with Stream(server, seller) as other, Stream(server, seller) as stream:
        if how == "method":
            assert stream.private("cancel_on_disconnect")["result"] == {"enabled": True, "timeout_ms": None}
        else:
            told = stream.private("subscribe", channel="executions", cancel_on_disconnect=True)
            assert told["result"]["cancel_on_disconnect"] is True
        other.private("subscribe", channel="balances")
        gone = stream.private("add_order", **SELL, order_type="limit", limit_price=70000)["result"]["order_id"]
        kept = stream.private("add_order", **SELL, order_type="limit", limit_price=70001, keep_on_disconnect=True)[
            "result"
        ]["order_id"]
    wait_until(lambda: len(seller.get("/trade/orders")["items"]) == 1, what="one order is cancelled")
    assert seller.get(f"/trade/orders/{gone}")["reason"] == "disconnected"
    assert seller.get(f"/trade/orders/{kept}")["status"] == "open"


def test_f71_a_connection_that_falls_silent_is_lost(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream, Stream(server, seller) as calm:
        stream.private("add_order", **SELL, order_type="limit", limit_price=70000)
        assert calm.private("cancel_on_disconnect", timeout_ms=1000)["success"]
        assert calm.private("cancel_on_disconnect", enabled=False)["result"] == {"enabled": False, "timeout_ms": None}
        assert stream.private("cancel_on_disconnect", timeout_ms=1000)["result"]["timeout_ms"] == 1000
        assert stream.close_code() == 4009
        wait_until(lambda: seller.get("/trade/orders")["items"] == [], what="the order is cancelled")
        assert calm.call("ping")["success"]


def test_numbers_of_legs_are_exact(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream:
        oco = {"type": "stop", "trigger_price": "PRICE"}
        params = {**SELL, "order_type": "limit", "limit_price": 70000, "token": stream.token, "oco": oco}
        text = json.dumps({"method": "add_order", "params": params})
        answer = stream.ask(text.replace('"PRICE"', "6.000001e4"))
        assert answer["success"], answer
        assert seller.get(f"/trade/orders/{answer['result']['order_id']}")["oco"]["trigger_price"] == "60000.01"


def test_f71_orders_go_with_a_server_that_is_stopped(own_server: Server) -> None:
    trader = own_server.trader(BTC="10")
    with Stream(own_server, trader) as stream:
        stream.private("cancel_on_disconnect")
        stream.private("add_order", **SELL, order_type="limit", limit_price=70000, cl_ord_id="gone")
        stream.private(
            "add_order", **SELL, order_type="limit", limit_price=70001, cl_ord_id="kept", keep_on_disconnect=True
        )
        assert own_server.terminate() == 0
    own_server.start()
    with own_server.client(Authorization=f"Bearer {trader.token}") as client:
        states = [client.get(f"/trade/orders/client:{name}").json()["status"] for name in ("gone", "kept")]
    assert states == ["cancelled", "open"]
