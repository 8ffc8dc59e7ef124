"""The stream as a program uses it: real WebSockets to the server as a process."""

import concurrent.futures
import json
import random
import socket
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import httpx
import pytest
from django.core import signing

from tests.server import Server, Trader

from .stream_client import Book, Stream, stream_token

pytestmark = pytest.mark.usefixtures("silent_market")

MARKET = "BTC/USD"
ORDER = {"symbol": MARKET, "side": "sell", "order_type": "limit", "order_qty": 1, "limit_price": 64000}
STREAM_TOKEN_TTL_S = 900
RANDOM_ORDERS = 400


def public(server: Server, path: str, **query: Any) -> Any:
    return httpx.get(f"{server.url}/public/{path}", params={"market": MARKET, **query}).raise_for_status().json()


# Bad input


@pytest.fixture(scope="module")
def bad_trader(server: Server) -> Trader:
    return server.trader(USD="1000")


@pytest.fixture(scope="module")
def bad_stream(server: Server, bad_trader: Trader) -> Iterator[Stream]:
    with Stream(server, bad_trader) as stream:
        yield stream


def frame(method: str, **params: Any) -> str:
    return json.dumps({"method": method, "params": params})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "malformed"),
        ("{", "malformed"),
        ("nonsense", "malformed"),
        ('{"method":"ping"} x', "malformed"),
        ("[" * 30_000, "invalid_parameter"),
        ('{"method":"ping","params":' + '{"a":' * 10_000, "malformed"),
        ('{"method":"add_order","params":{"limit_price":NaN}}', "malformed"),
        ('{"method":"subscribe","params":{"channel":"book","symbol":"\\ud800"}}', "malformed"),
        ('{"method":"subscribe","params":{"channel":"executions","token":"\\ud800"}}', "malformed"),
        ("null", "invalid_parameter"),
        ("[]", "invalid_parameter"),
        ("{}", "invalid_parameter"),
        ('{"method":5}', "invalid_parameter"),
        ('{"method":"ping","params":[]}', "invalid_parameter"),
        ('{"method":"ping","req_id":"one"}', "invalid_parameter"),
        (b"\xff\xfe", "malformed"),
        (b"\x00" * 100, "malformed"),
        (frame("magic"), "invalid_parameter"),
        (frame("subscribe"), "invalid_parameter"),
        (frame("subscribe", channel="magic", symbol=[MARKET]), "invalid_parameter"),
        (frame("subscribe", channel=5, symbol=[MARKET]), "invalid_parameter"),
        (frame("subscribe", channel="book"), "invalid_parameter"),
        (frame("subscribe", channel="book", symbol=[]), "invalid_parameter"),
        (frame("subscribe", channel="book", symbol=5), "invalid_parameter"),
        (frame("subscribe", channel="book", symbol=[5]), "invalid_parameter"),
        (frame("subscribe", channel="book", symbol="DOGE/USD"), "unknown_market"),
        (frame("subscribe", channel="ticker", symbol=["btc/usd"]), "unknown_market"),
        (frame("subscribe", channel="trade", symbol=[""]), "unknown_market"),
        (frame("unsubscribe", channel="book", symbol=["DOGE/USD"]), "unknown_market"),
        *(
            (frame("subscribe", channel="book", symbol=[MARKET], depth=depth), "invalid_parameter")
            for depth in (0, 11, -10, 10**30, 10.5, "10", None, [10])
        ),
        *(
            (frame(method, channel="balances", token=token, **ORDER), code)
            for method in ("subscribe", "add_order", "cancel_all")
            for token, code in (
                (None, "not_signed_in"),
                ("", "not_signed_in"),
                ("nonsense", "not_signed_in"),
                ("a:b:c", "not_signed_in"),
                ("é\x00" * 100, "not_signed_in"),
                (5, "invalid_parameter"),
            )
        ),
    ],
)
def test_a_bad_frame_is_refused_with_its_code_and_the_connection_lives_on(
    bad_stream: Stream, content: str | bytes, code: str
) -> None:
    answer = bad_stream.ask(content)
    assert (answer["success"], answer["code"]) == (False, code), answer
    assert answer["error"]
    assert bad_stream.call("ping")["success"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"limit_price": "-1"}, "invalid_parameter"),
        ({"limit_price": "-0"}, "invalid_parameter"),
        ({"limit_price": "true"}, "invalid_parameter"),
        ({"limit_price": "[1]"}, "invalid_parameter"),
        ({"limit_price": "{}"}, "invalid_parameter"),
        ({"limit_price": "null"}, "invalid_parameter"),
        ({"limit_price": '""'}, "invalid_parameter"),
        ({"limit_price": '"NaN"'}, "invalid_parameter"),
        ({"limit_price": '"sNaN"'}, "invalid_parameter"),
        ({"limit_price": '"-Infinity"'}, "invalid_parameter"),
        ({"limit_price": '"+1"'}, "invalid_parameter"),
        ({"limit_price": '"1_0"'}, "invalid_parameter"),
        ({"limit_price": '" 1"'}, "invalid_parameter"),
        ({"limit_price": '"1."'}, "invalid_parameter"),
        ({"limit_price": '".5"'}, "invalid_parameter"),
        ({"limit_price": '"1e3"'}, "invalid_parameter"),
        ({"limit_price": '"\u0661"'}, "invalid_parameter"),
        ({"limit_price": "1e400"}, "invalid_parameter"),
        ({"limit_price": "1e-400"}, "invalid_parameter"),
        ({"limit_price": "1e999999999999999999999"}, "invalid_parameter"),
        ({"limit_price": "9" * 200}, "invalid_parameter"),
        ({"limit_price": "9" * 30}, "above_maximum"),
        ({"limit_price": "100.001"}, "off_tick"),
        ({"limit_price": "1e-3"}, "off_tick"),
        ({"limit_price": "0"}, "invalid_order"),
        ({"order_qty": "0"}, "invalid_order"),
        ({"order_qty": "0.000001"}, "off_lot"),
        ({"order_qty": "0.00001"}, "below_minimum"),
        ({"order_qty": "99999"}, "insufficient_funds"),
        ({"order_qty": "null"}, "invalid_parameter"),
        ({"cash_order_qty": "5"}, "invalid_parameter"),
        ({"symbol": '"DOGE/USD"'}, "unknown_market"),
        ({"symbol": '["BTC/USD","ETH/USD"]'}, "invalid_parameter"),
        ({"symbol": "null"}, "invalid_parameter"),
        ({"symbol": "5"}, "invalid_parameter"),
        ({"side": '"long"'}, "invalid_parameter"),
        ({"side": "null"}, "invalid_parameter"),
        ({"order_type": '"magic"'}, "invalid_parameter"),
        ({"order_type": '"stop-loss"'}, "invalid_parameter"),
        ({"order_type": "5"}, "invalid_parameter"),
        ({"order_type": '"market"', "time_in_force": '"gtc"'}, "invalid_order"),
        ({"order_type": '"market"', "side": '"sell"', "order_qty": "null", "cash_order_qty": "5"}, "invalid_parameter"),
        ({"time_in_force": '"gtd"'}, "invalid_parameter"),
        ({"time_in_force": '"whenever"'}, "invalid_parameter"),
        ({"time_in_force": '"ioc"', "post_only": "true"}, "invalid_order"),
        ({"post_only": '"yes"'}, "invalid_parameter"),
        ({"cl_ord_id": '"a b"'}, "invalid_parameter"),
        ({"cl_ord_id": '"' + "x" * 65 + '"'}, "invalid_parameter"),
        ({"cl_ord_id": '["a","b"]'}, "invalid_parameter"),
        ({"cl_ord_id": "5"}, "invalid_parameter"),
    ],
)
def test_a_bad_order_is_refused_with_its_code_and_changes_nothing(
    bad_stream: Stream, bad_trader: Trader, change: dict[str, str], code: str
) -> None:
    before = bad_trader.balance("USD")
    good = {"symbol": f'"{MARKET}"', "side": '"buy"', "order_type": '"limit"', "order_qty": "1", "limit_price": "100"}
    params = {**good, **change, "token": json.dumps(bad_stream.token)}
    text = ",".join(f'"{name}":{value}' for name, value in params.items())
    answer = bad_stream.ask(f'{{"method":"add_order","params":{{{text}}},"req_id":9}}')
    assert (answer["success"], answer.get("code"), answer["req_id"]) == (False, code, 9), answer
    assert bad_trader.balance("USD") == before
    assert bad_trader.get("/trade/orders")["items"] == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "invalid_parameter"),
        ({"order_id": "nonsense"}, "unknown_order"),
        ({"order_id": "00000000-0000-4000-8000-000000000000"}, "unknown_order"),
        ({"cl_ord_id": "never"}, "unknown_order"),
        ({"cl_ord_id": "a b"}, "unknown_order"),
        ({"order_id": ["a", "b"]}, "invalid_parameter"),
        ({"order_id": "a", "cl_ord_id": "b"}, "invalid_parameter"),
        ({"order_id": 5}, "invalid_parameter"),
    ],
)
def test_a_cancel_of_nothing_is_refused_with_its_code(bad_stream: Stream, params: dict[str, Any], code: str) -> None:
    answer = bad_stream.private("cancel_order", **params)
    assert (answer["success"], answer["code"]) == (False, code), answer


def test_each_symbol_of_a_subscription_is_answered_by_itself(server: Server) -> None:
    with Stream(server) as stream:
        number = stream.send("subscribe", channel="book", symbol=["DOGE/USD", MARKET, "ETH/USD"])
        answers = [stream.answer(number) for _ in range(3)]
        assert [answer.get("code") for answer in answers] == ["unknown_market", None, None]
        assert [message["data"][0]["symbol"] for message in stream.listen()] == [MARKET, "ETH/USD"]


@pytest.mark.parametrize(
    ("opcode", "payload", "code"),
    [(0x1, b"\xff\xfe", 1007), (0x1, b"x" * (64 * 1024 + 1), 1009), (0x2, b"x" * (64 * 1024 + 1), 1009)],
)
def test_a_frame_that_breaks_the_protocol_closes_its_connection_alone(
    server: Server, bad_stream: Stream, opcode: int, payload: bytes, code: int
) -> None:
    with Stream(server) as stream:
        stream.call("ping")
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xff" + len(payload).to_bytes(8, "big")
        no_mask = bytes(4)
        stream.socket.socket.sendall(bytes([0x80 | opcode]) + length + no_mask + payload)
        assert stream.close_code() == code
    assert bad_stream.call("ping")["success"]


def test_an_expired_token_is_refused(server: Server, buyer: Trader) -> None:
    proof = signing.loads(stream_token(buyer), salt="accounts.stream-token")
    past = time.time() - STREAM_TOKEN_TTL_S - 1
    with mock.patch("django.core.signing.time.time", return_value=past):
        expired = signing.dumps(proof, salt="accounts.stream-token")
    fresh = signing.dumps(proof, salt="accounts.stream-token")
    with Stream(server) as stream:
        assert stream.call("subscribe", channel="balances", token=expired)["code"] == "not_signed_in"
        assert stream.call("subscribe", channel="balances", token=fresh)["success"]


def test_a_token_of_an_ended_session_is_refused(server: Server, buyer: Trader) -> None:
    token = stream_token(buyer)
    buyer.http.delete("/session")
    with Stream(server) as stream:
        assert stream.call("add_order", token=token, **ORDER)["code"] == "not_signed_in"


# Market data


def test_ping_is_answered_with_its_number_and_times(server: Server) -> None:
    with Stream(server) as stream:
        pong = stream.ask('{"method":"ping","req_id":77}')
        assert (pong["method"], pong["req_id"]) == ("pong", 77)
        assert pong["time_in"] <= pong["time_out"]


def test_a_silent_connection_hears_heartbeats(server: Server) -> None:
    with Stream(server) as stream:
        stream.first(lambda message: message.get("channel") == "heartbeat", what="a heartbeat")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_book_kept_by_the_recipe_is_the_servers(server: Server, seed: int) -> None:
    traders = [server.trader(BTC="100", USD="1000000") for _ in range(2)]
    depths = (10, 25)
    streams = [Stream(server) for _ in depths]
    for stream, depth in zip(streams, depths, strict=True):
        assert stream.call("subscribe", channel="book", symbol=[MARKET], depth=depth)["success"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: trade_at_random(traders[n], seed * 10 + n, RANDOM_ORDERS // 2), range(2)))
    for stream, depth in zip(streams, depths, strict=True):
        book = Book(depth)
        messages = stream.listen()
        for message in messages:
            book.apply(message)
        rest = public(server, "orderbook", depth=depth)
        assert [list(level) for level in book.levels("bids")] == rest["bids"]
        assert [list(level) for level in book.levels("asks")] == rest["asks"]
        assert all(later > earlier for earlier, later in zip(book.sequences, book.sequences[1:], strict=False))
        assert [message["type"] for message in messages].count("snapshot") == 1
        assert len(messages) > RANDOM_ORDERS / 4
        assert book.most_levels == depth, "the depth was never reached, so nothing was ever cut"
        stream.close()


def trade_at_random(trader: Trader, seed: int, count: int) -> None:
    """Orders around a middle, mostly resting, so that levels leave the depth and come back; some are cancelled."""
    rng = random.Random(seed)
    resting: list[str] = []
    for _ in range(count):
        if resting and rng.random() < 0.3:
            trader.http.delete(f"/trade/orders/{resting.pop(rng.randrange(len(resting)))}")
            continue
        side = rng.choice(("buy", "sell"))
        distance = rng.randrange(-3, 60)
        price = 1000 - distance if side == "buy" else 1000 + distance
        quantity = rng.choice(("0.06", "0.10000", "1.23456", "2"))
        answer = trader.order(side, quantity, f"{price / 100:.2f}")
        if answer.status_code == 201 and answer.json()["status"] == "open":
            resting.append(answer.json()["id"])


def test_a_client_that_comes_later_and_leaves_changes_nothing_for_others(server: Server, seller: Trader) -> None:
    with Stream(server) as first, Stream(server) as second:
        first.call("subscribe", channel="book", symbol=[MARKET])
        seller.order("sell", "1", "64000")
        second.call("subscribe", channel="book", symbol=[MARKET])
        seller.order("sell", "2", "64001")
        assert second.call("unsubscribe", channel="book", symbol=[MARKET])["success"]
        seller.order("sell", "3", "64002")
        books = [Book(10), Book(10)]
        for stream, book in zip((first, second), books, strict=True):
            for message in stream.listen():
                book.apply(message)
        assert books[0].levels("asks") == [("64000.00", "1.00000"), ("64001.00", "2.00000"), ("64002.00", "3.00000")]
        assert books[1].levels("asks") == [("64000.00", "1.00000"), ("64001.00", "2.00000")]


def test_the_trade_channel_tells_what_rest_tells(server: Server, seller: Trader, buyer: Trader) -> None:
    with Stream(server) as stream:
        assert stream.call("subscribe", channel="trade", symbol=[MARKET], snapshot=False)["success"]
        for price in ("100", "100.01", "100.02"):
            seller.order("sell", "0.5", price)
        buyer.order("buy", "1.2", "101")
        seller.order("sell", "0.7", "100", time_in_force="IOC")
        buyer.order("buy", "0.2", "99")
        seller.order("sell", "0.1", "99", time_in_force="IOC")
        told = [trade for message in stream.listen() for trade in message["data"]]
        rest = public(server, "trades", limit=4)["items"][::-1]
        assert [as_rest(trade) for trade in told] == [
            {k: v for k, v in t.items() if k != "quote_quantity"} for t in rest
        ]
        assert [trade["side"] for trade in told] == ["buy", "buy", "buy", "sell"]
    with Stream(server) as late:
        late.call("subscribe", channel="trade", symbol=[MARKET])
        (snapshot,) = late.listen()
        assert snapshot["type"] == "snapshot"
        rest = public(server, "trades", limit=50)["items"][::-1]
        assert [trade["trade_id"] for trade in snapshot["data"]] == [trade["id"] for trade in rest]


def as_rest(trade: dict[str, Any]) -> dict[str, Any]:
    names = {"trade_id": "id", "symbol": "market", "qty": "quantity", "side": "taker_side", "timestamp": "at"}
    return {names.get(name, name): value for name, value in trade.items() if name != "ord_type"}


def test_a_sweep_of_more_trades_than_are_kept_is_told_whole(server: Server) -> None:
    """One taker order against 1,200 makers: more trades in one event than the server keeps as recent ones."""
    sweeper = server.trader(USD="1000000")
    for _ in range(6):
        seller = server.trader(BTC="1")
        with Stream(server, seller) as entry:
            numbers = [
                entry.send("add_order", token=entry.token, **{**ORDER, "order_qty": 0.001, "limit_price": 10000})
                for _ in range(200)
            ]
            assert all(entry.answer(number)["success"] for number in numbers)
    with Stream(server) as stream:
        stream.call("subscribe", channel="trade", symbol=[MARKET], snapshot=False)
        swept = sweeper.order("buy", "1.2", "10000").json()
        assert swept["status"] == "filled"
        told = [trade for message in stream.listen() for trade in message["data"]]
        assert sum(Decimal(trade["qty"]) for trade in told) == Decimal("1.2")
        assert len({trade["trade_id"] for trade in told}) == 1200


def test_the_ticker_ends_with_what_rest_tells(server: Server, seller: Trader, buyer: Trader) -> None:
    names = ("last", "bid", "ask", "open", "high", "low", "volume", "quote_volume", "change")
    with Stream(server) as stream:
        stream.call("subscribe", channel="ticker", symbol=[MARKET])
        seller.order("sell", "1", "64000")
        buyer.order("buy", "0.4", "64000")
        buyer.order("buy", "1", "63000.5", post_only="reject")
        rest = public(server, "ticker")

        def says_all(message: dict[str, Any]) -> bool:
            return message.get("type") == "update" and all(message["data"][0].get(name) == rest[name] for name in names)

        (last,) = stream.first(says_all, what=f"a ticker that says {rest}")["data"]
        assert (last["bid_qty"], last["ask_qty"], stream.heard[0]["type"]) == ("1.00000", "0.60000", "snapshot")


# The own orders and balances


def test_executions_of_a_taker_with_many_fills_and_its_makers(server: Server, seller: Trader, buyer: Trader) -> None:
    makers = [seller.order("sell", "1", price).json()["id"] for price in ("100", "101", "102")]
    with Stream(server, seller) as selling, Stream(server, buyer) as buying:
        for stream in (selling, buying):
            assert stream.private("subscribe", channel="executions")["success"]
        taken = buyer.order("buy", "2.5", "102", client_order_id="sweep").json()
        snapshot, fills, filled = selling.listen()
        assert [(one["order_id"], one["exec_type"], one["cum_qty"]) for one in snapshot["data"]] == [
            (maker, "new", "0.00000") for maker in makers
        ]
        assert executions(fills) == [
            (makers[0], "trade", "filled", "1.00000", "1.00000", "100.00"),
            (makers[1], "trade", "filled", "1.00000", "1.00000", "101.00"),
            (makers[2], "trade", "partially_filled", "0.50000", "0.50000", "51.00"),
        ]
        assert executions(filled) == [
            (makers[0], "filled", "filled", None, "1.00000", "100.00"),
            (makers[1], "filled", "filled", None, "1.00000", "101.00"),
        ]
        assert [one["liquidity_ind"] for one in fills["data"]] == ["m"] * 3
        messages = buying.listen()[1:]
        mine = [one for message in messages for one in message["data"]]
        assert {(one["order_id"], one["cl_ord_id"]) for one in mine} == {(taken["id"], "sweep")}
        assert all(len({one["exec_type"] == "trade" for one in message["data"]}) == 1 for message in messages)
        assert [(one["last_qty"], one["cum_qty"], one["cum_cost"]) for one in mine if one["exec_type"] == "trade"] == [
            ("1.00000", "1.00000", "100.00"),
            ("1.00000", "2.00000", "201.00"),
            ("0.50000", "2.50000", "252.00"),
        ]
        assert [one["order_status"] for one in mine if one["exec_type"] == "trade"][-1] == "filled"
        assert (mine[-1]["exec_type"], mine[-1]["cum_qty"], mine[-1]["avg_price"]) == (
            "filled",
            "2.50000",
            taken["average_price"],
        )
        assert [one["trade_id"] for one in mine if one["exec_type"] == "trade"] == [
            fill["id"] for fill in taken["fills"]
        ]


def test_a_new_order_is_told_before_its_fills(server: Server, seller: Trader, buyer: Trader) -> None:
    seller.order("sell", "1", "100")
    with Stream(server, buyer) as stream:
        stream.private("subscribe", channel="executions", snapshot=False)
        buyer.order("buy", "1", "100")
        told = [one for message in stream.listen() for one in message["data"]]
        assert [(one["exec_type"], one["order_status"], one["cum_qty"]) for one in told] == [
            ("new", "new", "0.00000"),
            ("trade", "filled", "1.00000"),
            ("filled", "filled", "1.00000"),
        ]


def executions(message: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = ("order_id", "exec_type", "order_status", "last_qty", "cum_qty", "cum_cost")
    return [tuple(one.get(name) for name in names) for one in message["data"]]


def test_an_order_from_new_over_partially_filled_to_cancelled(server: Server, seller: Trader, buyer: Trader) -> None:
    with Stream(server, seller) as stream:
        stream.private("subscribe", channel="executions", snapshot=False)
        order = seller.order("sell", "1", "64000").json()["id"]
        buyer.order("buy", "0.25", "64000")
        seller.http.delete(f"/trade/orders/{order}")
        messages = stream.listen()
        assert [executions(message) for message in messages] == [
            [(order, "new", "new", None, "0.00000", "0.00")],
            [(order, "trade", "partially_filled", "0.25000", "0.25000", "16000.00")],
            [(order, "canceled", "canceled", None, "0.25000", "16000.00")],
        ]
        assert messages[-1]["data"][0]["reason"] == "user_cancelled"
        assert [message["sequence"] for message in messages] == sorted({message["sequence"] for message in messages})


def test_executions_are_heard_by_their_owner_alone(server: Server, seller: Trader, buyer: Trader) -> None:
    with Stream(server, buyer) as stream:
        stream.private("subscribe", channel="executions")
        stream.private("subscribe", channel="balances")
        stream.listen()
        seller.order("sell", "1", "64000")
        assert stream.listen() == []


def test_balances_told_are_those_that_rest_tells(server: Server, seller: Trader, buyer: Trader) -> None:
    for trader in (seller, buyer):
        trader.post("/account/faucet", {"asset": "ETH", "quantity": "3.000000000000000001"}).raise_for_status()
    streams = [Stream(server, trader) for trader in (seller, buyer)]
    for stream in streams:
        assert stream.private("subscribe", channel="balances")["success"]
    seller.order("sell", "1.23456", "63999.99")
    buyer.order("buy", "2", "64000")
    buyer.order("buy", "0.001", "0.5", market="ETH/USD")
    seller.order("sell", "1", "64000", time_in_force="IOC")
    buyer.http.delete("/trade/orders")
    for stream, trader in zip(streams, (seller, buyer), strict=True):
        messages = stream.listen()
        assert [message["type"] for message in messages[:2]] == ["snapshot", "update"]
        told: dict[str, tuple[str, str, str]] = {}
        for message in messages:
            told |= {one["asset"]: (one["balance"], one["available"], one["held"]) for one in message["data"]}
        rest = trader.get("/account/balances")["items"]
        assert told == {one["asset"]: (one["total"], one["available"], one["held"]) for one in rest}
        stream.close()


# Order entry


def test_numbers_may_be_json_numbers_or_texts(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream:
        number = '{"method":"add_order","params":{"symbol":"BTC/USD","side":"sell","order_type":"limit",'
        number += f'"order_qty":5e-05,"limit_price":64000.10,"token":{json.dumps(stream.token)}}}}}'
        assert stream.ask(number)["success"]
        placed = stream.private("add_order", **{**ORDER, "order_qty": "0.00005", "limit_price": "64000.1"})
        assert placed["success"]
        first, second = seller.get("/trade/orders")["items"]
        assert (first["quantity"], first["price"]) == (second["quantity"], second["price"]) == ("0.00005", "64000.10")


def test_a_client_order_id_is_one_key_for_stream_and_rest(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream:
        first = seller.order("sell", "1", "64000", client_order_id="both").json()
        again = stream.private("add_order", **ORDER, cl_ord_id="both")
        other = stream.private("add_order", **{**ORDER, "order_qty": 2}, cl_ord_id="both")
        assert again["result"] == {"order_id": first["id"], "cl_ord_id": "both", "order_status": "open"}
        assert (other["success"], other["code"]) == (False, "idempotency_conflict")
        placed = stream.private("add_order", **ORDER, cl_ord_id="stream first")
        assert placed["code"] == "invalid_parameter"
        placed = stream.private("add_order", **ORDER, cl_ord_id="stream-first")
        answer = seller.order("sell", "1.0", "64000.00", client_order_id="stream-first")
        assert (answer.status_code, answer.json()["id"]) == (200, placed["result"]["order_id"])
        assert len(seller.get("/trade/orders")["items"]) == 2


def test_cancelling_over_the_stream(server: Server, seller: Trader, buyer: Trader) -> None:
    with Stream(server, seller) as stream, Stream(server, buyer) as stranger:
        by_id = stream.private("add_order", **ORDER)["result"]["order_id"]
        by_name = stream.private("add_order", **ORDER, cl_ord_id="mine")["result"]["order_id"]
        assert stranger.private("cancel_order", order_id=by_id)["code"] == "unknown_order"
        assert stranger.private("cancel_order", cl_ord_id="mine")["code"] == "unknown_order"
        assert stranger.private("cancel_all")["result"] == {"count": 0}
        assert stream.private("cancel_order", order_id=by_id)["result"]["order_id"] == by_id
        assert stream.private("cancel_order", cl_ord_id=["mine"])["result"]["order_id"] == by_name
        assert stream.private("cancel_order", order_id=by_id)["code"] == "order_closed"
        for price in (64001, 64002, 64003):
            stream.private("add_order", **{**ORDER, "limit_price": price})
        assert stream.private("cancel_all")["result"] == {"count": 3}
        assert seller.balance("BTC")["available"] == "10.00000000"


def test_market_orders_by_quantity_and_by_cash(server: Server, seller: Trader, buyer: Trader) -> None:
    seller.order("sell", "1", "100")
    with Stream(server, buyer) as stream:
        market = {"symbol": MARKET, "side": "buy", "order_type": "market"}
        by_quantity = stream.private("add_order", **market, order_qty=0.4)
        by_cash = stream.private("add_order", **market, cash_order_qty="10.02")
        capped = stream.private("add_order", **market, order_qty=1, limit_price=99)
        rest = stream.private("add_order", **market, order_qty=1)
        assert [one["result"]["order_status"] for one in (by_quantity, by_cash, rest)] == [
            "filled",
            "filled",
            "cancelled",
        ]
        filled = [
            buyer.get(f"/trade/orders/{one['result']['order_id']}")["filled_quantity"]
            for one in (by_quantity, by_cash, rest)
        ]
        assert filled == ["0.40000", "0.10000", "0.50000"]
        assert capped["result"]["order_status"] == "cancelled"


def test_pipelined_orders_are_each_answered_and_carried_out_in_order(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream:
        prices = {
            stream.send("add_order", token=stream.token, **{**ORDER, "order_qty": 0.01, "limit_price": price}): price
            for price in range(64000, 64200)
        }
        answers = {number: stream.answer(number) for number in prices}
        assert not any(stream.answers.values()), "a request was answered twice"
        orders = {order["id"]: order for order in seller.get("/trade/orders", limit=1000)["items"]}
        assert len(orders) == 200
        placed = [orders[answers[number]["result"]["order_id"]] for number in prices]
        assert [order["price"] for order in placed] == [f"{price}.00" for price in prices.values()]
        sequences = [order["sequence"] for order in placed]
        assert sequences == sorted(sequences)


def test_an_order_and_its_cancel_may_be_sent_together(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream:
        adding = stream.send("add_order", token=stream.token, **ORDER, cl_ord_id="brief")
        cancelling = stream.send("cancel_order", token=stream.token, cl_ord_id="brief")
        assert stream.answer(adding)["success"]
        cancelled = stream.answer(cancelling)
        assert cancelled["success"], cancelled


def test_requests_read_at_once_are_carried_out_in_their_order(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream:
        add = "add_order", ORDER
        before, cancel, *after = stream.send_together(add, ("cancel_all", {}), add, add)
        first = stream.answer(before)["result"]["order_id"]
        assert stream.answer(cancel)["result"] == {"count": 1}
        stay = {stream.answer(number)["result"]["order_id"] for number in after}
        assert {order["id"] for order in seller.get("/trade/orders")["items"]} == stay
        assert seller.get(f"/trade/orders/{first}")["status"] == "cancelled"


def test_one_client_order_id_sent_twice_at_once_is_one_order(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as stream:
        add, other = {**ORDER, "cl_ord_id": "one"}, {**ORDER, "order_qty": 2, "cl_ord_id": "one"}
        numbers = stream.send_together(*(("add_order", params) for params in (add, add, other)))
        first, again, conflict = (stream.answer(number) for number in numbers)
        assert first["success"] and again["result"] == first["result"]
        assert (conflict["success"], conflict["code"]) == (False, "idempotency_conflict")
        assert len(seller.get("/trade/orders")["items"]) == 1


# The end of a connection


def test_an_ended_session_closes_its_private_streams_alone(server: Server, seller: Trader) -> None:
    with Stream(server, seller) as private, Stream(server, seller) as public_only:
        private.private("subscribe", channel="balances")
        public_only.call("subscribe", channel="ticker", symbol=[MARKET])
        assert seller.http.delete("/session").status_code == 204
        assert private.close_code() == 4001
        assert public_only.call("ping")["success"]


def test_a_stopped_server_tells_its_streams_that_it_goes_away(own_server: Server) -> None:
    trader = own_server.trader()
    with Stream(own_server) as listener, Stream(own_server, trader) as private:
        listener.call("subscribe", channel="book", symbol=[MARKET])
        private.private("subscribe", channel="executions")
        assert own_server.terminate() == 0
        assert [listener.close_code(), private.close_code()] == [1001, 1001]


def connect_without_reading(server: Server) -> Stream:
    """A connection whose reader stops at once, with the smallest receive buffer."""
    address = urlsplit(server.url)
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    plain.connect((address.hostname, address.port))
    return Stream(server, sock=plain, max_queue=1, ping_interval=None)


def flood(server: Server, trader: Trader, rounds: int) -> None:
    """Orders, each with a message to whoever hears this trader's executions, then one that tells all their cancels."""
    with Stream(server, trader) as entry:
        for _ in range(rounds):
            numbers = [
                entry.send("add_order", token=entry.token, **{**ORDER, "order_qty": 0.01, "limit_price": 64000 + step})
                for step in range(200)
            ]
            for number in numbers:
                entry.answer(number)
            entry.private("cancel_all")


def test_a_reader_that_never_reads_is_closed_and_delays_nobody(own_server: Server) -> None:
    trader = own_server.trader(BTC="10")
    with connect_without_reading(own_server) as slow, Stream(own_server) as other:
        slow.send("subscribe", channel="executions", token=stream_token(trader))
        for channel in ("book", "trade", "ticker"):
            slow.send("subscribe", channel=channel, symbol=[MARKET], depth=1000)
        other.call("subscribe", channel="book", symbol=[MARKET])
        flood(own_server, trader, 30)
        book = Book(10)
        for message in other.listen():
            book.apply(message)
        assert slow.close_code() == 4008
        assert other.call("ping")["success"]


def test_a_reader_that_never_reads_does_not_hold_up_the_stop(own_server: Server) -> None:
    trader = own_server.trader(BTC="10")
    with connect_without_reading(own_server) as slow:
        slow.send("subscribe", channel="executions", token=stream_token(trader))
        flood(own_server, trader, 30)
        assert own_server.terminate() == 0
        assert "stopped at event" in own_server.log.read_text()
        slow.socket.socket.close()
