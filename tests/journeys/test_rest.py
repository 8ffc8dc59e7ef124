"""The REST interface as a program uses it: the server as a process, real HTTP."""

import concurrent.futures
import itertools
import re
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

import funding.problems
import trading.problems
from accounts.problems import REGISTRY
from tests.server import Server, Trader
from trading.journal.records import derived_command_id

pytestmark = pytest.mark.usefixtures("silent_market")


def test_a_trade_from_faucet_to_ledger(seller: Trader, buyer: Trader) -> None:
    placed = seller.order("sell", "1.5", "64000", client_order_id="first").json()
    assert (placed["status"], placed["remaining_quantity"], placed["fills"]) == ("open", "1.50000", [])
    taken = buyer.order("buy", "0.5", "65000").json()
    assert (taken["status"], taken["average_price"]) == ("filled", "64000.00")
    (fill,) = taken["fills"]
    assert (fill["quote_quantity"], fill["fee"], fill["liquidity"]) == ("32000.00", "64.00", "taker")
    assert taken["fees"] == [{"asset": "USD", "amount": "64.00"}]
    resting = seller.get("/trade/orders/client:first")
    assert (resting["filled_quantity"], resting["fees"]) == ("0.50000", [{"asset": "USD", "amount": "32.00"}])
    assert [one["liquidity"] for one in resting["fills"]] == ["maker"]
    assert buyer.balance("USD") == {"asset": "USD", "total": "967936.00", "available": "967936.00", "held": "0.00"}
    assert seller.balance("BTC") == {
        "asset": "BTC",
        "total": "9.50000000",
        "available": "8.50000000",
        "held": "1.00000000",
    }
    lines = buyer.get("/account/ledger", asset="USD")["items"]
    assert [(line["kind"], line["amount"], line["balance"]) for line in lines] == [
        ("fee", "-64.00", "967936.00"),
        ("trade", "-32000.00", "968000.00"),
        ("faucet", "1000000.00", "1000000.00"),
    ]
    (mine,) = buyer.get("/trade/fills", market="BTC/USD")["items"]
    assert (mine["order_id"], mine["side"], mine["sequence"]) == (taken["id"], "buy", taken["sequence"])


def test_public_market_data_tells_the_trade(server: Server, seller: Trader, buyer: Trader) -> None:
    seller.order("sell", "2", "64000")
    seller.order("sell", "1", "64000.01")
    buyer.order("buy", "0.25", "64000")
    with server.client() as client:
        book = client.get("/public/orderbook", params={"market": "BTC/USD", "depth": 1}).json()
        assert (book["asks"], book["bids"]) == ([["64000.00", "1.75000"]], [])
        grouped = client.get("/public/orderbook", params={"market": "BTC/USD", "group": "10"}).json()
        assert grouped["asks"] == [["64000.00", "1.75000"], ["64010.00", "1.00000"]]
        trade = client.get("/public/trades", params={"market": "BTC/USD", "limit": 1}).json()["items"][0]
        assert (trade["price"], trade["quantity"], trade["taker_side"]) == ("64000.00", "0.25000", "buy")
        later = client.get("/public/trades", params={"market": "BTC/USD", "since": trade["id"] - 1}).json()["items"]
        assert later == [trade]
        ticker = client.get("/public/ticker", params={"market": "BTC/USD"}).json()
        assert (ticker["last"], ticker["ask"], ticker["bid"]) == ("64000.00", "64000.00", None)
        candle = client.get("/public/candles", params={"market": "BTC/USD", "interval": "1h"}).json()["items"][-1]
        assert (candle[4], Decimal(candle[5]) >= Decimal("0.25")) == ("64000.00", True)


def test_every_interval_sums_the_same_trades(server: Server, seller: Trader, buyer: Trader) -> None:
    seller.order("sell", "1", "100")
    buyer.order("buy", "1", "100")
    with server.client() as client:
        volumes = set()
        for interval in ("1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"):
            query = {"market": "BTC/USD", "interval": interval, "limit": 1000}
            candles = client.get("/public/candles", params=query).json()["items"]
            assert all(later[0] > earlier[0] for earlier, later in itertools.pairwise(candles))
            volumes.add(sum(Decimal(candle[5]) for candle in candles))
        assert len(volumes) == 1


def test_markets_and_assets_are_enough_to_form_a_valid_order(server: Server, buyer: Trader) -> None:
    with server.client() as client:
        for market in client.get("/public/markets").json()["items"]:
            assert {
                "tick_size",
                "lot_size",
                "minimum_quantity",
                "minimum_notional",
                "maker_fee",
                "taker_fee",
            } <= market.keys()
        assert {asset["asset"] for asset in client.get("/public/assets").json()["items"]} == {"BTC", "ETH", "USD"}
    market = "ETH/USD"
    (shape,) = [m for m in httpx.get(f"{server.url}/public/markets").json()["items"] if m["market"] == market]
    price = Decimal(shape["tick_size"]) * 60000
    quantity = max(Decimal(shape["minimum_quantity"]), Decimal(shape["minimum_notional"]) / price)
    quantity = quantity.quantize(Decimal(shape["lot_size"])) + Decimal(shape["lot_size"])
    assert buyer.order("buy", str(quantity), str(price), market=market).status_code == 201


def test_f25_a_client_order_id_is_an_idempotency_key(seller: Trader) -> None:
    first = seller.order("sell", "1", "64000", client_order_id="k1")
    again = seller.order("sell", "1.0", "64000.00", client_order_id="k1")
    other = seller.order("sell", "2", "64000", client_order_id="k1")
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json() == first.json()
    assert other.json()["code"] == "idempotency_conflict"
    assert seller.balance("BTC")["held"] == "1.00000000"


def test_a_refused_order_is_refused_again_with_the_same_answer(buyer: Trader) -> None:
    first = buyer.order("buy", "1000", "64000", client_order_id="poor")
    again = buyer.order("buy", "1000", "64000", client_order_id="poor")
    assert (first.status_code, first.json()["code"]) == (422, "insufficient_funds")
    assert {**first.json(), "request_id": ""} == {**again.json(), "request_id": ""}


def test_fifty_clients_with_one_client_order_id_place_one_order(server: Server, seller: Trader) -> None:
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: seller.order("sell", "1", "64000", client_order_id="race"), range(50)))
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert sum(answer.status_code == 201 for answer in answers) == 1
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(seller.get("/trade/orders")["items"]) == 1


def test_cancelling(seller: Trader, buyer: Trader) -> None:
    order = seller.order("sell", "1", "64000").json()
    for price in ("64001", "64002"):
        seller.order("sell", "1", price)
    assert buyer.http.delete(f"/trade/orders/{order['id']}").json()["code"] == "unknown_order"
    cancelled = seller.http.delete(f"/trade/orders/{order['id']}").json()
    assert (cancelled["status"], cancelled["reason"]) == ("cancelled", "user_cancelled")
    again = seller.http.delete(f"/trade/orders/{order['id']}")
    assert (again.status_code, again.json()["code"]) == (422, "order_closed")
    assert seller.http.delete("/trade/orders", params={"side": "buy"}).json() == {"cancelled": 0}
    assert seller.http.delete("/trade/orders", params={"market": "BTC/USD"}).json() == {"cancelled": 2}
    assert seller.balance("BTC")["available"] == "10.00000000"


def test_times_in_force_and_market_orders(seller: Trader, buyer: Trader) -> None:
    seller.order("sell", "1", "100")
    assert buyer.order("buy", "2", "100", time_in_force="FOK").json()["code"] == "not_filled_whole"
    assert buyer.order("buy", "1", "100", post_only="reject").json()["code"] == "would_take"
    ioc = buyer.order("buy", "0.4", "100", time_in_force="IOC").json()
    assert (ioc["status"], ioc["filled_quantity"]) == ("filled", "0.40000")
    budget = buyer.post(
        "/trade/orders", {"market": "BTC/USD", "side": "buy", "type": "market", "quote_quantity": "10.02"}
    )
    assert (budget.json()["filled_quantity"], budget.json()["status"]) == ("0.10000", "filled")
    capped = {"market": "BTC/USD", "side": "buy", "type": "market", "quantity": "1", "slippage_price": "99"}
    assert buyer.post("/trade/orders", capped).json()["reason"] in ("slippage_cap", "no_liquidity")
    rest = buyer.post("/trade/orders", {"market": "BTC/USD", "side": "buy", "type": "market", "quantity": "1"}).json()
    assert (rest["status"], rest["reason"], rest["filled_quantity"]) == ("cancelled", "no_liquidity", "0.50000")


def test_pages_neither_repeat_nor_miss(seller: Trader) -> None:
    placed = [seller.order("sell", "0.001", str(70000 + n)).json()["id"] for n in range(7)]
    for status in ("open", "closed"):
        seen, cursor = [], None
        while True:
            query = {"status": status, "limit": 3} | ({"cursor": cursor} if cursor else {})
            page = seller.get("/trade/orders", **query)
            seen += [order["id"] for order in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == placed[::-1]
        seller.http.delete("/trade/orders")


GOOD = {"market": "BTC/USD", "side": "buy", "type": "limit", "quantity": "1", "price": "100"}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"price": "NaN"}, 400, "invalid_parameter"),
        ({"price": "Infinity"}, 400, "invalid_parameter"),
        ({"price": "-1"}, 400, "invalid_parameter"),
        ({"price": "+1"}, 400, "invalid_parameter"),
        ({"price": "1e3"}, 400, "invalid_parameter"),
        ({"price": "1_0"}, 400, "invalid_parameter"),
        ({"price": " 1"}, 400, "invalid_parameter"),
        ({"price": "1\n"}, 400, "invalid_parameter"),
        ({"price": "١٢"}, 400, "invalid_parameter"),
        ({"price": ""}, 400, "invalid_parameter"),
        ({"price": "1."}, 400, "invalid_parameter"),
        ({"price": ".5"}, 400, "invalid_parameter"),
        ({"price": 100}, 400, "invalid_parameter"),
        ({"price": None}, 400, "invalid_parameter"),
        ({"price": "9" * 200}, 400, "invalid_parameter"),
        ({"price": "9" * 30}, 422, "above_maximum"),
        ({"price": "100.001"}, 422, "off_tick"),
        ({"price": "0"}, 422, "invalid_order"),
        ({"quantity": "0"}, 422, "invalid_order"),
        ({"quantity": "0.000001"}, 422, "off_lot"),
        ({"quantity": "0.00001"}, 422, "below_minimum"),
        ({"quantity": "0.00005", "price": "0.01"}, 422, "below_minimum"),
        ({"quantity": "99999"}, 422, "insufficient_funds"),
        ({"quantity": None}, 400, "invalid_parameter"),
        ({"quote_quantity": "5"}, 400, "invalid_parameter"),
        ({"market": "DOGE/USD"}, 404, "unknown_market"),
        ({"market": ""}, 404, "unknown_market"),
        ({"market": 5}, 400, "invalid_parameter"),
        ({"side": "long"}, 400, "invalid_parameter"),
        ({"type": "magic"}, 400, "invalid_parameter"),
        ({"type": "stop", "price": None}, 400, "invalid_parameter"),
        ({"type": "stop", "trigger_price": "5"}, 400, "invalid_parameter"),
        ({"type": "stop_limit", "trigger_price": "100.001"}, 422, "off_tick"),
        ({"type": "stop_limit", "trigger_price": "0"}, 422, "invalid_order"),
        ({"type": "stop_limit", "trigger_price": "9" * 30}, 422, "above_maximum"),
        ({"trigger_price": "5"}, 400, "invalid_parameter"),
        ({"trailing_offset": "5"}, 400, "invalid_parameter"),
        ({"type": "trailing_stop", "price": None}, 400, "invalid_parameter"),
        ({"type": "market"}, 400, "invalid_parameter"),
        ({"type": "market", "price": None, "time_in_force": "GTC"}, 422, "invalid_order"),
        (
            {"type": "market", "side": "sell", "price": None, "quantity": None, "quote_quantity": "5"},
            400,
            "invalid_parameter",
        ),
        ({"time_in_force": "GTD"}, 400, "invalid_parameter"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, 400, "invalid_parameter"),
        ({"time_in_force": "GTD", "expires_at": "2099-01-01T00:00:00"}, 400, "invalid_parameter"),
        ({"time_in_force": "GTD", "expires_at": "tomorrow"}, 400, "invalid_parameter"),
        ({"time_in_force": "GTD", "expires_at": "2020-01-01T00:00:00Z"}, 422, "expired"),
        ({"time_in_force": "GTD", "expires_at": "0001-01-01T00:00:00Z"}, 422, "invalid_order"),
        ({"deadline_at": "2020-01-01T00:00:00Z"}, 422, "deadline_passed"),
        ({"time_in_force": "gtc"}, 400, "invalid_parameter"),
        ({"time_in_force": "IOC", "post_only": "reject"}, 422, "invalid_order"),
        ({"post_only": True}, 400, "invalid_parameter"),
        ({"display_quantity": "2"}, 422, "invalid_order"),
        ({"display_quantity": "0.000001"}, 422, "off_lot"),
        ({"validate_only": True, "quantity": "99999"}, 422, "insufficient_funds"),
        ({"validate_only": 1}, 400, "invalid_parameter"),
        ({"self_trade_prevention": "off"}, 400, "invalid_parameter"),
        ({"client_order_id": "a b"}, 400, "invalid_parameter"),
        ({"client_order_id": "x" * 65}, 400, "invalid_parameter"),
        ({"client_order_id": "a\u0000"}, 400, "invalid_parameter"),
        ({"pots_only": "reject"}, 400, "invalid_parameter"),
    ],
)
def test_a_bad_order_is_refused_with_its_code_and_changes_nothing(
    server: Server, bad_trader: Trader, change: dict[str, Any], status: int, code: str
) -> None:
    before = bad_trader.balance("USD")
    body = {key: value for key, value in {**GOOD, **change}.items() if value is not None or key in ("price",)}
    body = {key: value for key, value in body.items() if not (value is None and change.get("type") == "market")}
    answer = bad_trader.post("/trade/orders", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert bad_trader.balance("USD") == before
    assert bad_trader.get("/trade/orders")["items"] == []


@pytest.fixture(scope="module")
def bad_trader(server: Server) -> Trader:
    return server.trader(USD="1000")


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", {}, 400, "malformed"),
        (b"{", {}, 400, "malformed"),
        (b"[]", {}, 400, "invalid_parameter"),
        (b"null", {}, 400, "invalid_parameter"),
        (b"\xff\xfe", {}, 400, "malformed"),
        (b"{}" + b" " * 70_000, {}, 413, "too_large"),
        (b"[" * 30_000, {}, 400, "invalid_parameter"),
        (b"a=1", {"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        (b"\xc1", {"content-type": "application/msgpack"}, 400, "malformed"),
    ],
)
def test_a_body_that_cannot_be_read(
    bad_trader: Trader, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = bad_trader.http.post(
        "/trade/orders", content=content, headers={"content-type": "application/json", **headers}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/public/nothing", 404, "not_found"),
        ("/public/orderbook", 400, "invalid_parameter"),
        ("/public/orderbook?market=X/Y", 404, "unknown_market"),
        ("/public/orderbook?market=BTC/USD&depth=0", 400, "invalid_parameter"),
        ("/public/orderbook?market=BTC/USD&depth=1001", 400, "invalid_parameter"),
        ("/public/orderbook?market=BTC/USD&depth=x", 400, "invalid_parameter"),
        ("/public/orderbook?market=BTC/USD&depth=1e2", 400, "invalid_parameter"),
        ("/public/trades?market=BTC/USD&limit=5.0", 400, "invalid_parameter"),
        ("/public/orderbook?market=BTC/USD&group=0", 400, "invalid_parameter"),
        ("/public/orderbook?market=BTC/USD&group=0.001", 400, "invalid_parameter"),
        ("/public/orderbook?market=BTC/USD&market=ETH/USD", 400, "malformed"),
        ("/public/orderbook?market=BTC/USD&colour=red", 400, "invalid_parameter"),
        ("/public/trades?market=BTC/USD&limit=1001", 400, "invalid_parameter"),
        ("/public/trades?market=BTC/USD&since=-1", 400, "invalid_parameter"),
        ("/public/trades?market=BTC/USD&cursor=abc", 400, "invalid_parameter"),
        ("/public/trades?market=BTC/USD&cursor=9999999999999999999", 400, "invalid_parameter"),
        ("/public/candles?market=BTC/USD&interval=2m", 400, "invalid_parameter"),
        ("/public/candles?market=BTC/USD&start=yesterday", 400, "invalid_parameter"),
        ("/public/candles?market=BTC/USD&start=2026-01-01", 400, "invalid_parameter"),
        ("/trade/orders", 401, "not_signed_in"),
        ("/account/balances", 401, "not_signed_in"),
        ("/account/ledger", 401, "not_signed_in"),
        ("/account", 401, "not_signed_in"),
        ("/account/nothing", 404, "not_found"),
        ("/deposit/addresses", 401, "not_signed_in"),
        ("/operator/status", 401, "not_signed_in"),
        ("/operator/nothing", 404, "not_found"),
        ("/session", 401, "not_signed_in"),
    ],
)
def test_a_bad_path_or_query(server: Server, path: str, status: int, code: str) -> None:
    answer = httpx.get(server.url + path)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


@pytest.mark.parametrize("path", ["/user", "/session", "/trade/orders", "/sign-in"])
def test_a_body_beyond_64_kib_is_refused_everywhere(server: Server, path: str) -> None:
    def chunks() -> Any:
        for _ in range(70):
            yield b" " * 1024

    for content in (b" " * 70_000, chunks()):
        answer = httpx.post(server.url + path, content=content, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_session_id_that_is_none_is_unknown(buyer: Trader) -> None:
    answer = buyer.http.delete("/session/nonsense")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_session")


def test_wrong_methods_say_which_are_allowed(server: Server) -> None:
    answer = httpx.post(f"{server.url}/public/time")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert httpx.head(f"{server.url}/public/time").status_code == 200


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Basic abc", "nonsense", "Bearer " + "x" * 5000])
def test_a_bad_token_is_not_signed_in(server: Server, header: str) -> None:
    for path in ("/account/balances", "/session"):
        answer = httpx.get(server.url + path, headers={"Authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_nobody_sees_or_touches_another_ones_orders(seller: Trader, buyer: Trader) -> None:
    order = seller.order("sell", "1", "64000", client_order_id="mine").json()
    for reference in (order["id"], order["id"].upper(), "client:mine", "nonsense", "../x", "%00"):
        assert buyer.http.get(f"/trade/orders/{reference}").status_code == 404
        assert buyer.http.delete(f"/trade/orders/{reference}").status_code == 404
    assert buyer.http.get("/trade/fills", params={"order_id": order["id"]}).json()["code"] == "unknown_order"
    assert seller.get(f"/trade/orders/{order['id']}")["status"] == "open"


def test_sessions_are_listed_and_an_ended_one_fails_at_once(server: Server, buyer: Trader) -> None:
    password = {"email": buyer.email, "password": "a quiet long password"}
    other = httpx.post(f"{server.url}/session", json=password).json()["token"]
    mine = {"Authorization": f"Bearer {other}"}
    assert httpx.get(f"{server.url}/account/balances", headers=mine).status_code == 200
    newest = buyer.get("/session")["items"][0]["id"]
    assert buyer.http.delete(f"/session/{newest}").status_code == 204
    assert httpx.get(f"{server.url}/account/balances", headers=mine).json()["code"] == "not_signed_in"
    assert buyer.http.delete(f"/session/{newest}").json()["code"] == "unknown_session"
    assert buyer.http.delete("/session").status_code == 204
    assert buyer.http.get("/account/balances").status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "malformed"),
        ({"email": "x@example.com"}, 400, "malformed"),
        ({"email": "nonsense", "password": "a quiet long password"}, 400, "malformed"),
        ({"email": 5, "password": "a quiet long password"}, 400, "malformed"),
        ({"email": "x@example.com", "password": 5}, 400, "malformed"),
        ({"email": "x@example.com", "password": "short"}, 422, "invalid_field"),
        ({"email": "x@example.com", "password": "password1"}, 422, "invalid_field"),
        ({"email": "x@example.com", "password": "x" * 5000}, 400, "malformed"),
        ({"email": "x" * 250 + "@example.com", "password": "a quiet long password"}, 400, "malformed"),
        ({"email": "x\u0000@example.com", "password": "a quiet long password"}, 400, "malformed"),
        ([], 400, "malformed"),
    ],
)
def test_bad_registrations(server: Server, body: Any, status: int, code: str) -> None:
    answer = httpx.post(f"{server.url}/user", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_registering_a_known_address_tells_nothing(server: Server, buyer: Trader) -> None:
    known = httpx.post(f"{server.url}/user", json={"email": buyer.email, "password": "another long password"})
    assert (known.status_code, known.json()["email"]) == (201, buyer.email)
    wrong = httpx.post(f"{server.url}/session", json={"email": buyer.email, "password": "another long password"})
    unknown = httpx.post(
        f"{server.url}/session", json={"email": "nobody@example.com", "password": "another long password"}
    )
    assert wrong.status_code == unknown.status_code == 401
    assert {**wrong.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


def test_the_faucet_gives_what_it_gives_in_a_day_and_no_more(server: Server) -> None:
    trader = server.trader(BTC="60")
    refused = trader.post("/account/faucet", {"asset": "BTC", "quantity": "40.00000001"})
    assert (refused.status_code, refused.json()["code"]) == (422, "faucet_limit")
    assert trader.post("/account/faucet", {"asset": "BTC", "quantity": "40"}).status_code == 201
    for body, status in [
        ({"asset": "DOGE", "quantity": "1"}, 404),
        ({"asset": "BTC", "quantity": "0"}, 400),
        ({"asset": "BTC", "quantity": "-1"}, 400),
        ({"asset": "BTC", "quantity": "0.000000001"}, 422),
        ({"asset": "BTC"}, 400),
    ]:
        assert trader.post("/account/faucet", body).status_code == status, body
    assert trader.balance("BTC")["total"] == "100.00000000"


def test_parallel_draws_never_exceed_the_faucets_limit(server: Server) -> None:
    trader = server.trader()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        draw = {"asset": "BTC", "quantity": "30"}
        answers = list(pool.map(lambda _: trader.post("/account/faucet", draw).status_code, range(12)))
    assert sorted(answers) == [201] * 3 + [422] * 9
    assert trader.balance("BTC")["total"] == "90.00000000"


def test_a_faucet_draw_with_an_idempotency_key_is_one(server: Server) -> None:
    trader = server.trader()
    draw = {"asset": "ETH", "quantity": "600"}
    answers = [trader.http.post("/account/faucet", json=draw, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    other = trader.http.post("/account/faucet", json={**draw, "quantity": "1"}, headers={"Idempotency-Key": "one"})
    assert other.status_code == 409
    assert trader.balance("ETH")["total"] == "600.00000000"


def test_a_key_granted_for_little_cannot_draw_much(server: Server) -> None:
    """A process may die between the grant and the credit; the same key must then give what was granted, no more."""
    trader = server.trader()
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT a.id FROM accounts_account a JOIN accounts_user u ON u.id = a.owner_id WHERE u.email = %s",
            (trader.email,),
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO faucet_grant (command_id, account_id, asset, day, amount_atoms)"
            " VALUES (%s, %s, 'BTC', current_date, 100000000)",
            (derived_command_id("faucet", row[0], "half-done"), row[0]),
        )
    key = {"Idempotency-Key": "half-done"}
    for much in ({"asset": "BTC", "quantity": "5000"}, {"asset": "USD", "quantity": "1"}):
        refused = trader.http.post("/account/faucet", json=much, headers=key)
        assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_conflict")
    assert trader.balance("BTC")["total"] == "0.00000000"
    assert trader.http.post("/account/faucet", json={"asset": "BTC", "quantity": "1"}, headers=key).status_code == 201
    assert trader.balance("BTC")["total"] == "1.00000000"


def test_messagepack_says_what_json_says(server: Server, seller: Trader) -> None:
    order = {"market": "BTC/USD", "side": "sell", "type": "limit", "quantity": "1", "price": "64000"}
    headers = {"content-type": "application/msgpack", "accept": "application/msgpack"}
    answer = seller.http.post("/trade/orders", content=msgspec.msgpack.encode(order), headers=headers)
    assert answer.headers["content-type"] == "application/msgpack"
    placed = msgspec.msgpack.decode(answer.content)
    assert seller.get(f"/trade/orders/{placed['id']}") == placed


def test_request_ids_are_ours_or_the_clients(server: Server) -> None:
    assert (
        httpx.get(f"{server.url}/public/time", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    )
    for path in ("/public/time", "/session", "/api/schema"):
        made = httpx.get(server.url + path, headers={"X-Request-Id": "not ok!"}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", made)


def test_a_browsers_cookie_needs_its_csrf_token(server: Server, buyer: Trader) -> None:
    with httpx.Client(base_url=server.url, follow_redirects=True) as browser:
        page = browser.get("/sign-in")
        (token,) = set(re.findall('name="csrfmiddlewaretoken" value="([^"]+)"', page.text))
        form = {"email": buyer.email, "password": "a quiet long password", "csrfmiddlewaretoken": token}
        assert browser.post("/sign-in", data=form).status_code == 200
        assert browser.get("/account/balances").status_code == 200
        order = {**GOOD, "quantity": "0.01"}
        assert browser.post("/trade/orders", json=order).json()["code"] == "csrf_failed"
        header = {"X-CSRFToken": browser.cookies["csrftoken"]}
        stranger = {**header, "Origin": "https://evil.example"}
        assert browser.post("/trade/orders", json=order, headers=stranger).json()["code"] == "csrf_failed"
        assert browser.post("/trade/orders", json=order, headers={**header, "Origin": server.url}).status_code == 201


def test_health_and_status(server: Server) -> None:
    ready = httpx.get(f"{server.url}/health/ready").json()
    assert (ready["status"], ready["parts"]) == ("ok", {"engine": "ok", "projector": "ok"})
    assert httpx.get(f"{server.url}/health/live").status_code == 200
    status = httpx.get(f"{server.url}/public/status").json()
    assert (status["engine"], set(status["markets"])) == ("open", {"BTC/USD", "ETH/USD", "ETH/BTC"})


def test_the_openapi_document_names_every_code_and_every_raw_call(server: Server) -> None:
    schema = httpx.get(f"{server.url}/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    assert {trading.problems.UNKNOWN_ORDER.code, funding.problems.UNKNOWN_DEPOSIT.code} <= REGISTRY.keys()
    assert set(schema["components"]["schemas"]["ProblemBody"]["properties"]["code"]["enum"]) == set(REGISTRY)
    assert {"post", "get", "delete"} <= schema["paths"]["/trade/orders"].keys()
    assert {"/user", "/session", "/public/candles", "/account/faucet"} <= schema["paths"].keys()
    assert schema["openapi"].startswith("3.1")
    page = httpx.get(f"{server.url}/api/docs")
    assert page.status_code == 200 and "http" not in re.sub(r"http://127[^\"']*", "", page.text.split("</head>")[0])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"side": "buy", "type": "limit"}, "market"),
        ({"market": "BTC/USD", "side": "buy", "type": "limit", "stop": "1"}, "stop"),
        ({"market": "BTC/USD", "side": "buy", "type": "limit", "oco": {"price": "1"}}, "oco.type"),
        ({"market": "BTC/USD", "side": "buy", "type": "limit", "quantity": 1}, "quantity"),
    ],
)
def test_a_problem_names_the_field_that_is_missing_unknown_or_wrong(
    buyer: Trader, body: dict[str, Any], field: str
) -> None:
    answer = buyer.post("/trade/orders", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize("path", ["/trade/orders", "/trade/orders/batch", "/account/transfers", "/account/faucet"])
def test_an_empty_idempotency_key_is_none(buyer: Trader, path: str) -> None:
    """Under it a second, different order would be taken for the first."""
    order = {"market": "BTC/USD", "side": "buy", "type": "limit", "quantity": "1", "price": "1"}
    body = {
        "/trade/orders": order,
        "/trade/orders/batch": {"orders": [order]},
        "/account/transfers": {"asset": "USD", "quantity": "1", "to_account": 1},
        "/account/faucet": {"asset": "USD", "quantity": "1"},
    }[path]
    answer = buyer.http.post(path, json=body, headers={"Idempotency-Key": ""})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")


@pytest.mark.parametrize("path", ["/account/balances", "/session"])
def test_accept_is_weighed_alike_in_all_realms(buyer: Trader, path: str) -> None:
    for accept, kind in (
        ("application/json, application/msgpack;q=0.1", "application/json"),
        ("application/msgpack, application/json;q=0.5", "application/msgpack"),
    ):
        assert buyer.http.get(path, headers={"Accept": accept}).headers["content-type"] == kind
