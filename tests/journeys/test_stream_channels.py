"""Channels beyond book, trade and ticker, and how connections begin and end, against the server as a process."""

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.server import Server, Trader, wait_until

from .stream_client import Stream, stream_token
from .test_stream import connect_without_reading, flood

pytestmark = pytest.mark.usefixtures("silent_market")

MARKET = "BTC/USD"


def rest(server: Server, path: str, **query: Any) -> Any:
    return httpx.get(f"{server.url}/public/{path}", params={"market": MARKET, **query}).raise_for_status().json()


def test_f65_candles_told_are_those_that_rest_has(server: Server, seller: Trader, buyer: Trader) -> None:
    with Stream(server) as stream:
        assert stream.call("subscribe", channel="ohlc", symbol=[MARKET], interval=1)["result"]["interval"] == 1
        for price in ("100", "103", "99", "101"):
            seller.order("sell", "0.5", price)
            buyer.order("buy", "0.5", price)

        def is_last(message: dict[str, Any]) -> bool:
            return message.get("type") == "update" and message["data"][-1]["trades"] >= 4

        last = stream.first(is_last, what="a candle with all trades")["data"][-1]
        (_, open_, high, low, close, volume, _, trades) = rest(server, "candles", interval="1m", limit=1)["items"][0]
        names = ("open", "high", "low", "close", "volume", "trades")
        assert [last[name] for name in names] == [open_, high, low, close, volume, trades]
        with Stream(server) as late:
            late.call("subscribe", channel="ohlc", symbol=[MARKET], interval=5)
            (snapshot,) = late.listen()
            items = rest(server, "candles", interval="5m", limit=100)["items"]
            assert [[one[name] for name in names] for one in snapshot["data"]] == [
                [*item[1:6], item[7]] for item in items
            ]
        for wrong in (0, 2, 60.5, "1"):
            assert (
                stream.call("subscribe", channel="ohlc", symbol=[MARKET], interval=wrong)["code"] == "invalid_parameter"
            )


def test_f65_status_tells_what_rest_tells_and_each_change(server: Server) -> None:
    with Stream(server) as stream:
        assert stream.call("subscribe", channel="status")["success"]
        (snapshot,) = (stream.receive() for _ in range(1))
        (data,) = snapshot["data"]
        status = httpx.get(f"{server.url}/public/status").json()
        assert (data["system"], data["engine"], data["markets"]) == ("online", status["engine"], status["markets"])
        assert data["shutdown_at"] is None and data["api_version"] == "v2"


def test_f44_f66_grouped_and_throttled_books_over_the_wire(server: Server, seller: Trader) -> None:
    with Stream(server) as stream:
        told = stream.call("subscribe", channel="book", symbol=[MARKET], depth=10, group="0.50", interval_ms=100)
        assert (told["result"]["group"], told["result"]["interval_ms"]) == ("0.50", 100)
        for price in ("70000.10", "70000.20", "70000.60"):
            seller.order("sell", "1", price)

        def has_two(message: dict[str, Any]) -> bool:
            return message.get("type") == "update" and message["data"][0]["asks"][-1]["price"] == "70001.00"

        stream.first(has_two, what="both groups")
        assert rest(server, "orderbook", group="0.50")["asks"] == [["70000.50", "2.00000"], ["70001.00", "1.00000"]]
        for wrong in ({"group": 0}, {"group": "0.001"}, {"group": -1}, {"interval_ms": -1}, {"interval_ms": 60_001}):
            assert stream.call("subscribe", channel="book", symbol=[MARKET], **wrong)["code"] == "invalid_parameter"
        assert stream.call("unsubscribe", channel="book", symbol=[MARKET], interval_ms=100)["success"]
        seller.order("sell", "1", "70000.10")
        stream.heard.clear()
        assert stream.listen() == []


def test_f64_own_places_are_told_to_their_owner_alone(server: Server, seller: Trader) -> None:
    other = server.trader(BTC="10")
    other.order("sell", "1.5", "70000")
    mine = seller.order("sell", "1", "70000", client_order_id="mine").json()["id"]
    with Stream(server, seller) as owner, Stream(server) as public:
        assert owner.private("subscribe", channel="level3", symbol=[MARKET], depth=10)["success"]
        assert public.call("subscribe", channel="level3", symbol=[MARKET], depth=10)["success"]
        (snapshot,), (anonymous,) = owner.listen(), public.listen()
        (own,) = snapshot["data"][0]["own"]
        assert (own["order_id"], own["cl_ord_id"], own["orders_ahead"], own["qty_ahead"]) == (
            mine,
            "mine",
            1,
            "1.50000",
        )
        asks = snapshot["data"][0]["asks"]
        assert own["resting_id"] == asks[1]["order_id"] != mine and "own" not in anonymous["data"][0]
        assert asks == anonymous["data"][0]["asks"], "one process tells all the same"
        other.http.delete("/trade/orders")
        moved = [message["data"][0]["own"][0] for message in owner.listen() if "own" in message["data"][0]]
        assert [(one["orders_ahead"], one["qty_ahead"]) for one in moved] == [(0, "0.00000")]
        (deleted,) = public.listen()
        assert deleted["data"][0]["asks"][0]["event"] == "delete"


def test_f68_a_cut_connection_resumes_where_it_was_also_after_a_restart(own_server: Server) -> None:
    trader = own_server.trader(BTC="10")
    with Stream(own_server, trader) as stream:
        stream.private("subscribe", channel="executions", snapshot=False)
        trader.order("sell", "1", "70000", client_order_id="first")
        (first,) = stream.listen()
    second = trader.order("sell", "1", "70001", client_order_id="second").json()
    trader.http.delete("/trade/orders/client:first")
    own_server.kill()
    own_server.start()
    trader.http = own_server.client(Authorization=f"Bearer {trader.token}")
    with Stream(own_server, trader) as stream:
        told = stream.private("subscribe", channel="executions", from_sequence=first["sequence"])
        assert told["result"]["from_sequence"] == first["sequence"]
        third = trader.order("sell", "1", "70002", client_order_id="third").json()
        heard = stream.listen()
        items = [(one["cl_ord_id"], one["exec_type"]) for message in heard for one in message["data"]]
        assert items == [("second", "new"), ("first", "canceled"), ("third", "new")]
        assert [message["sequence"] for message in heard][::2] == [second["sequence"], third["sequence"]]
        refused = stream.private("subscribe", channel="balances", from_sequence=10**12)
        assert refused["code"] == "invalid_parameter"


def test_f73_a_stop_is_announced_before_the_close(own_server: Server) -> None:
    with Stream(own_server) as listener:
        listener.call("ping")
        assert own_server.terminate() == 0
        message = listener.first(
            lambda one: one.get("channel") == "status" and bool(one["data"][0]["notices"]), what="a notice"
        )
        (data,) = message["data"]
        assert data["system"] == "maintenance" and data["shutdown_at"]
        assert listener.close_code() == 1001


def test_a_page_of_another_site_may_not_open_the_stream(server: Server) -> None:
    for origin, is_welcome in (
        ("https://evil.example", False),
        ("null", False),
        (f"http://127.0.0.1:{server.port}", True),
        (f"http://127.0.0.1:{server.port + 1}", False),
    ):
        try:
            with Stream(server, origin=origin) as stream:
                assert stream.call("ping")["success"] and is_welcome
        except InvalidStatus as refused:
            assert refused.response.status_code == 403 and not is_welcome


def test_a_connection_has_a_limit_of_subscriptions(server: Server) -> None:
    with Stream(server) as stream:
        codes = [
            stream.call("subscribe", channel="book", symbol=[MARKET], interval_ms=number, snapshot=False).get("code")
            for number in range(502)
        ]
        assert codes[:500] == [None] * 500 and codes[500:] == ["too_many_subscriptions"] * 2
        assert stream.call("unsubscribe", channel="book", symbol=[MARKET])["success"]
        assert stream.call("subscribe", channel="book", symbol=[MARKET])["success"]


def established(port: int) -> int:
    """Connections to the port that the kernel still holds open on the server's side."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    wanted = f":{port:04X}"
    return sum(line.split()[1].endswith(wanted) and line.split()[3] == "01" for line in lines)


def test_f74_a_stalled_reader_whose_socket_stays_open_is_released(own_server: Server) -> None:
    trader = own_server.trader(BTC="10")
    with connect_without_reading(own_server) as slow:
        slow.send("subscribe", channel="executions", token=stream_token(trader))
        flood(own_server, trader, 30)
        trader.http.close()
        wait_until(lambda: established(own_server.port) == 1, what="the reader's connection alone is open")
        wait_until(lambda: established(own_server.port) == 0, what="the connection is cut off")
        assert slow.socket.socket.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
        slow.socket.socket.close()
