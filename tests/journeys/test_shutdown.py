"""An operator shuts the exchange down, over the wire: every server ends with exit code 0, and the next start is open."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import psycopg
import pytest

from tests.fixtures import Cluster, manage
from tests.server import PASSWORD, Server, Trader, wait_until

from .stream_client import Stream


@pytest.fixture
def servers(cluster: Cluster) -> Iterator[list[Server]]:
    """Two on one journal."""
    database = cluster.copy("template_demo")
    with ExitStack() as stack:
        yield [stack.enter_context(Server(database.url)) for _ in range(2)]
    cluster.drop(database)


def operator_of(server: Server) -> Trader:
    email = f"operator.{uuid.uuid4().hex}@example.com"
    manage("createoperator", email, url=server.database_url, KONTOR_PASSWORD=PASSWORD)
    with server.client() as client:
        token = client.post("/session", json={"email": email, "password": PASSWORD}).raise_for_status().json()["token"]
    return Trader(server, email, token)


def engine(server: Server) -> str:
    return str(httpx.get(f"{server.url}/public/status").json()["engine"])


def test_f148_wind_down_ends_every_server_when_no_order_is_open(servers: list[Server]) -> None:
    first, second = servers
    operator, seller = operator_of(first), second.trader(BTC="5")
    order = seller.order("sell", "1", "90000").raise_for_status().json()
    body = {"mode": "wind_down", "timeout_s": 3600, "reason": "a new version"}
    answer = operator.post("/operator/shutdown", body)
    assert (answer.status_code, answer.json()["engine"], answer.json()["mode"]) == (202, "winding_down", "wind_down")
    wait_until(lambda: engine(second) == "winding_down", what="the other server knows")
    refused = seller.order("sell", "1", "90000")
    assert (refused.status_code, refused.json()["code"]) == (422, "engine_suspended")
    with Stream(second) as stream:
        stream.call("subscribe", channel="status")
        told = stream.first(lambda message: message.get("channel") == "status", what="a status")["data"][0]
        assert (told["engine"], told["shutdown_at"]) == ("winding_down", answer.json()["ends_at"])
        assert seller.http.delete(f"/trade/orders/{order['id']}").json()["status"] == "cancelled"
        assert stream.close_code() == 1001
    assert [server.wait() for server in servers] == [0, 0]
    second.start()
    wait_until(lambda: engine(second) == "open", what="it is open again")
    seller.order("sell", "1", "90000").raise_for_status()


def test_f148_immediate_leaves_orders_open_and_all_that_was_answered_is_there(servers: list[Server]) -> None:
    first, second = servers
    operator, seller = operator_of(first), second.trader(BTC="5")
    kept = [seller.order("sell", "0.1", str(90_000 + number)).raise_for_status().json()["id"] for number in range(30)]
    answer = operator.post("/operator/shutdown", {"mode": "immediate"})
    assert (answer.status_code, answer.json()["mode"]) == (202, "immediate")
    assert [server.wait() for server in servers] == [0, 0]
    with psycopg.connect(first.database_url) as connection:
        query = "SELECT (SELECT seq FROM journal_head), (SELECT seq FROM projection_checkpoint)"
        head, projected = connection.execute(query).fetchone() or (0, -1)
        assert head == projected, "the projector has written all"
    second.start()
    wait_until(lambda: engine(second) == "open", what="it is open again")
    assert {one["id"] for one in seller.get("/trade/orders", status="open")["items"]} == set(kept)
    manage("verify", url=second.database_url)
