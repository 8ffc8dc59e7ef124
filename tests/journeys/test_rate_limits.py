"""Rate limits as clients meet them: over REST and the stream, in one process and in two, with Redis and without."""

import concurrent.futures
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.chaos.redis import Redis
from tests.fixtures import Cluster
from tests.kraken import KrakenClient, Refused
from tests.server import Server, Trader, wait_until
from tests.signing import hmac_key, make_key, program
from trading.stream.methods import METHODS
from trading.stream.weights import WEIGHTS

from .stream_client import Stream

LONG_S = str(86_400)
ORDER = {"market": "BTC/USD", "side": "sell", "type": "limit", "quantity": "0.01", "price": "64000"}


@contextmanager
def limited(cluster: Cluster, count: int = 1, **environment: str) -> Iterator[list[Server]]:
    """Servers on one database, in whose one long window nothing comes back by itself."""
    database = cluster.copy("template_demo")
    settings = {"RATE_LIMIT_WINDOW_S": LONG_S, **environment}
    servers = [Server(database.url, rate_limits=True, **settings) for _ in range(count)]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.kill()
        cluster.drop(database)


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[Server]:
    """One with small quotas of accounts."""
    with limited(cluster, RATE_LIMIT_ACCOUNT="30", RATE_LIMIT_ORDERS="8", RATE_LIMIT_ADDRESS="5000") as (one,):
        yield one


def left(answer: httpx.Response, policy: str) -> int:
    found = re.search(rf'"{policy}";r=([0-9]+);t=[0-9]+', answer.headers["ratelimit"])
    assert found is not None, answer.headers
    return int(found[1])


def test_a_key_counts_for_its_account_in_djangos_realms_too(server: Server) -> None:
    with program(server, hmac_key(server.trader(), "read")) as client:
        weights = {one["call"]: one for one in client.get("/public/limits?limit=1000").json()["items"]}
        assert weights["* /deposit signed by a key"]["account"] == 2
        before = left(client.get("/account/balances"), "account")
        answer = client.get("/deposit")
        assert left(answer, "account") == before - 2
        while answer.status_code == 200:
            answer = client.get("/deposit")
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) > 0


def test_headers_tell_the_real_counters_and_the_end_is_429(server: Server) -> None:
    trader = server.trader(BTC="1")
    first = trader.http.get("/account/balances")
    assert first.headers["ratelimit-policy"] == f'"account";q=30;w={LONG_S}'
    remaining = left(first, "account")
    for expected in range(remaining - 1, -1, -1):
        assert left(trader.http.get("/account/balances"), "account") == expected
    refused = trader.http.get("/account/balances")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) == refused.json()["retry_after_s"] <= int(LONG_S)
    assert left(refused, "account") == 0
    assert server.trader().http.get("/account/balances").status_code == 200


def test_weights_and_quotas_are_published_and_are_what_is_charged(server: Server) -> None:
    published = httpx.get(f"{server.url}/public/limits?limit=1000").json()
    assert {one["policy"]: one["quota"] for one in published["policies"]} == {
        "account": 30,
        "orders": 8,
        "address": 5000,
    }
    weights = {item["call"]: item for item in published["items"]}
    trader = server.trader()
    before = left(trader.http.get("/account/balances"), "account")
    after = left(trader.http.get("/trade/fills"), "account")
    assert before - after == weights["GET /trade/fills"]["account"] == 5
    with server.client() as client:
        query = {"market": "BTC/USD"}
        before = left(client.get("/public/ticker", params=query), "address")
        after = left(client.get("/public/candles", params=query), "address")
        assert before - after == weights["GET /public/candles"]["address"] == 5
        assert before - after == after - left(client.get("/session"), "address")
        assert "ratelimit" not in client.get("/health/ready").headers
    schema = httpx.get(f"{server.url}/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    assert schema["paths"]["/trade/fills"]["get"]["x-weight"] == {"account": 5, "orders": 0}


def test_orders_have_a_limit_of_their_own_and_filled_ones_give_their_cost_back(server: Server) -> None:
    seller, buyer = server.trader(BTC="1"), server.trader(USD="10000")
    for expected in (7, 6, 5):
        assert left(seller.order("sell", "0.01", "64000"), "orders") == expected
    taken = buyer.order("buy", "0.02", "64000")
    assert (taken.json()["status"], left(taken, "orders")) == ("filled", 8)
    assert left(seller.order("sell", "0.01", "65000"), "orders") == 6
    batch = seller.post("/trade/orders/batch", {"orders": [ORDER] * 7})
    assert (batch.status_code, left(batch, "orders")) == (429, 6)
    assert left(seller.post("/trade/orders/batch", {"orders": [ORDER] * 6}), "orders") == 0
    refused = seller.order("sell", "0.01", "64000")
    assert (refused.status_code, "orders" in refused.json()["detail"]) == (429, True)
    assert seller.http.delete("/trade/orders").status_code == 200


def test_the_kraken_dialect_counts_as_rest_does(server: Server) -> None:
    trader = server.trader(BTC="1")
    client = KrakenClient(server, make_key(trader, "read", "trade"))
    weights = {one["call"]: one for one in client.http.get("/public/limits?limit=1000").json()["items"]}
    assert weights["* /0/private/TradesHistory"]["account"] == weights["GET /trade/fills"]["account"] == 5
    assert weights["* /0/private/AddOrder"]["orders"] == 1
    before = left(trader.http.get("/account/balances"), "account")
    client.private("TradesHistory")
    assert before - left(trader.http.get("/account/balances"), "account") == 5 + 1
    order = {"pair": "BTCUSD", "type": "sell", "ordertype": "limit", "volume": "0.01", "price": "64000"}
    for _ in range(8):
        client.private("AddOrder", **order)
    with pytest.raises(Refused, match="EOrder:Rate limit exceeded"):
        client.private("AddOrder", **order)
    with pytest.raises(Refused, match="EAPI:Rate limit exceeded"):
        for _ in range(30):
            client.private("Balance")
    assert int(client.send("Balance", f"nonce={time.time_ns()}").headers["retry-after"]) > 0


def test_every_method_of_the_stream_has_its_weight() -> None:
    assert METHODS.keys() == WEIGHTS.keys()
    for_nobody = {"ping", "subscribe", "unsubscribe"}
    assert all(WEIGHTS[method].account >= 1 for method in METHODS.keys() - for_nobody)


def test_a_batch_over_the_stream_counts_each_of_its_orders(cluster: Cluster) -> None:
    with limited(cluster, RATE_LIMIT_ORDERS="5") as (server,):
        trader = server.trader(BTC="1")
        order = {"side": "sell", "order_type": "limit", "order_qty": 0.01, "limit_price": 64000}
        with Stream(server, trader) as stream:
            batch = {"symbol": "BTC/USD", "orders": [order] * 3}
            assert stream.private("batch_add", **batch)["success"]
            assert stream.private("batch_add", **batch)["code"] == "rate_limited"


def test_rest_stream_and_keys_draw_on_one_account(server: Server) -> None:
    trader = server.trader(BTC="1")
    order = {"symbol": "BTC/USD", "side": "sell", "order_type": "limit", "order_qty": 0.01, "limit_price": 64000}
    with Stream(server, trader) as stream:
        for _ in range(4):
            assert stream.private("add_order", **order)["success"]
        assert left(trader.order("sell", "0.01", "64000"), "orders") == 3
        with program(server, hmac_key(trader, "trade")) as client:
            assert left(client.post("/trade/orders", json=ORDER), "orders") == 2
        for _ in range(2):
            assert stream.private("add_order", **order)["success"]
        refused = stream.private("add_order", **order)
        assert (refused["success"], refused["code"], refused["retry_after_s"] > 0) == (False, "rate_limited", True)
        assert trader.order("sell", "0.01", "64000").status_code == 429
        assert stream.private("cancel_all")["result"] == {"count": 8}


def test_an_address_is_limited_by_itself(cluster: Cluster) -> None:
    with limited(cluster, RATE_LIMIT_ADDRESS="40") as (server,), server.client() as client:
        here, there = {"X-Forwarded-For": "203.0.113.1"}, {"X-Forwarded-For": "203.0.113.2"}
        for expected in range(39, -1, -1):
            assert left(client.get("/public/time", headers=here), "address") == expected
        for path in ("/public/time", "/session", "/account/balances"):
            guess = here | {"Authorization": "Bearer guessed"}
            assert client.get(path, headers=guess).status_code == 429, path
        with pytest.raises(InvalidStatus) as refused, Stream(server, additional_headers=here):
            pass
        assert refused.value.response.status_code == 429
        assert client.get("/public/time", headers=there).status_code == 200
        assert client.get("/health/ready", headers=here).status_code == 200


def test_after_the_time_that_was_told_the_client_is_served_again(cluster: Cluster) -> None:
    with limited(cluster, RATE_LIMIT_WINDOW_S="2", RATE_LIMIT_ADDRESS="5") as (server,), server.client() as client:

        def refused() -> httpx.Response | None:
            answer = client.get("/public/time")
            return answer if answer.status_code == 429 else None

        wait_s = int(wait_until(refused, what="a refusal").headers["retry-after"])
        assert 1 <= wait_s <= 2
        time.sleep(wait_s)
        assert client.get("/public/time").status_code == 200


def test_who_asks_too_much_is_refused_and_others_go_on(server: Server) -> None:
    loud, quiet = server.trader(), server.trader()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        flood = [pool.submit(loud.http.get, "/account/balances") for _ in range(400)]
        for _ in range(10):
            assert quiet.http.get("/account/balances").status_code == 200
        assert sum(one.result().status_code == 429 for one in flood) >= 370


def statuses(trader: Trader, servers: list[Server], rounds: int) -> list[int]:
    headers = {"Authorization": f"Bearer {trader.token}"}
    return [
        httpx.get(f"{server.url}/account/balances", headers=headers).status_code
        for _ in range(rounds)
        for server in servers
    ]


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_two_processes_count_together_through_redis_and_alone_without(cluster: Cluster) -> None:
    with Redis() as redis, limited(cluster, 2, REDIS_URL=redis.url, RATE_LIMIT_ACCOUNT="40") as servers:
        first, second = servers
        trader = first.trader()
        headers = {"Authorization": f"Bearer {trader.token}"}

        def remaining(server: Server) -> int:
            return left(httpx.get(f"{server.url}/account/balances", headers=headers), "account")

        for _ in range(15):
            remaining(first)
        remaining(second)
        wait_until(lambda: remaining(second) < 40 - 15, what="the second process knows of the first one's requests")
        wait_until(lambda: 429 in statuses(trader, [second], 1), what="the quota of both is used up")
        wait_until(lambda: 429 in statuses(trader, [first], 1), what="the first process knows it too")
        redis.kill()
        wait_until(lambda: 200 in statuses(trader, servers, 1), what="each counts alone without Redis")


def test_a_redis_that_is_not_there_refuses_nobody(cluster: Cluster) -> None:
    nothing: dict[str, Any] = {"REDIS_URL": "redis://127.0.0.1:1/0", "RATE_LIMIT_ACCOUNT": "20"}
    with limited(cluster, **nothing) as (server,):
        trader = server.trader(BTC="1")
        assert trader.order("sell", "0.01", "64000").status_code == 201
        assert statuses(trader, [server], 30).count(200) <= 20
