"""What operators do to the markets, over the wire."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import expect

from tests.fixtures import manage
from tests.server import PASSWORD, Server, Trader

from .browser import Window, needs_browser

pytestmark = pytest.mark.usefixtures("site_files")

MARKET = "ETH/BTC"


@pytest.fixture
def operator(server: Server) -> Iterator[Trader]:
    email = f"operator.{uuid.uuid4().hex}@example.com"
    manage("createoperator", email, url=server.database_url, KONTOR_PASSWORD=PASSWORD)
    with server.client() as client:
        token = client.post("/session", json={"email": email, "password": PASSWORD}).raise_for_status().json()["token"]
    person = Trader(server, email, token)
    yield person
    put(person, "open").raise_for_status()


def put(person: Trader, state: str, **more: Any) -> httpx.Response:
    return person.post("/operator/market", {"market": MARKET, "state": state, "reason": "a test", **more})


@pytest.mark.parametrize(
    ("state", "taken"),
    [("halted", "market_closed"), ("cancel_only", "market_closed"), ("post_only", "market_closed"), ("open", "")],
)
def test_f29_an_operator_says_what_a_market_takes(server: Server, operator: Trader, state: str, taken: str) -> None:
    seller, buyer = server.trader(ETH="5"), server.trader(BTC="5")
    seller.order("sell", "1", "0.05", MARKET).raise_for_status()
    told = put(operator, state).raise_for_status().json()
    assert {**told, "sequence": 0} == {"market": MARKET, "state": state, "reason": "a test", "sequence": 0}
    assert httpx.get(f"{server.url}/public/status").json()["markets"][MARKET] == state
    refused = buyer.order("buy", "1", "0.05", MARKET)
    assert (refused.status_code, refused.json().get("code", "")) == (422 if taken else 201, taken)
    seller.http.delete("/trade/orders")


def test_the_journal_keeps_the_reason_and_who_it_was(server: Server, operator: Trader) -> None:
    sequence = put(operator, "halted", reason=" the node of ETH is away ").raise_for_status().json()["sequence"]
    with psycopg.connect(server.database_url) as connection:
        query = "SELECT kind, body->>'reason' FROM order_event WHERE seq = %s"
        assert connection.execute(query, (sequence,)).fetchone() == (
            "SetMarketState",
            f"the node of ETH is away (by {operator.get('/account')['user_id']})",
        )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"market": MARKET, "state": "halted"}, 400, "invalid_parameter"),
        ({"market": MARKET, "state": "halted", "reason": ""}, 400, "invalid_parameter"),
        ({"market": MARKET, "state": "halted", "reason": "  "}, 422, "invalid_field"),
        ({"market": MARKET, "state": "halted", "reason": "two\nlines"}, 422, "invalid_field"),
        ({"market": MARKET, "state": "closed", "reason": "x"}, 400, "invalid_parameter"),
        ({"market": "X/Y", "state": "halted", "reason": "x"}, 404, "unknown_market"),
    ],
)
def test_what_makes_no_sense_changes_no_market(
    server: Server, operator: Trader, body: dict[str, str], status: int, code: str
) -> None:
    answer = operator.post("/operator/market", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert httpx.get(f"{server.url}/public/status").json()["markets"][MARKET] == "open"


def test_nobody_else_halts_a_market(server: Server) -> None:
    answer = put(server.trader(), "halted")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert httpx.get(f"{server.url}/public/status").json()["markets"][MARKET] == "open"


@pytest.fixture
def resumed(operator: Trader) -> Iterator[None]:
    yield
    operator.post("/operator/engine", {"action": "resume"}).raise_for_status()


def test_f149_a_suspended_engine_takes_cancellations_alone_and_says_so(
    server: Server, operator: Trader, resumed: None
) -> None:
    seller, buyer = server.trader(ETH="5"), server.trader(BTC="5")
    order = seller.order("sell", "1", "0.05", MARKET).raise_for_status().json()
    told = operator.post("/operator/engine", {"action": "suspend", "reason": "a rehearsal"}).raise_for_status().json()
    assert told["engine"] == "suspended"
    status = httpx.get(f"{server.url}/public/status").json()
    assert (status["engine"], set(status["markets"].values()), len(status["notices"])) == (
        "suspended",
        {"cancel_only"},
        1,
    )
    email = {"asset": "BTC", "quantity": "1", "to_email": seller.email}
    for refused in (
        buyer.order("buy", "1", "0.05", MARKET),
        seller.http.patch(f"/trade/orders/{order['id']}", json={"quantity": "0.5"}),
        buyer.post("/account/faucet", {"asset": "BTC", "quantity": "1"}),
        buyer.http.post("/account/transfers", json=email, headers={"Idempotency-Key": "one"}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (422, "engine_suspended")
    assert seller.http.delete(f"/trade/orders/{order['id']}").json()["status"] == "cancelled"
    again = operator.post("/operator/engine", {"action": "suspend"}).raise_for_status().json()
    assert again["engine"] == "suspended"
    opened = operator.post("/operator/engine", {"action": "resume"}).raise_for_status().json()
    assert opened["engine"] == httpx.get(f"{server.url}/public/status").json()["engine"] == "open"
    assert buyer.order("buy", "1", "0.05", MARKET).raise_for_status().status_code == 201
    buyer.http.delete("/trade/orders")


def test_a_suspension_is_in_the_operators_log(server: Server, operator: Trader, resumed: None) -> None:
    operator.post("/operator/engine", {"action": "suspend", "reason": "a rehearsal"}).raise_for_status()
    acts = [one for one in operator.get("/account/security/events")["items"] if one["kind"] == "acted"]
    assert [one["detail"] for one in acts] == ["suspend the engine: a rehearsal"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"action": "stop"}, 400),
        ({"action": "suspend", "reason": " "}, 422),
        ({"action": "suspend", "x": 1}, 400),
    ],
)
def test_what_makes_no_sense_suspends_nothing(
    server: Server, operator: Trader, body: dict[str, str], status: int
) -> None:
    assert operator.post("/operator/engine", body).status_code == status
    assert httpx.get(f"{server.url}/public/status").json()["engine"] == "open"


def test_nobody_else_suspends_the_engine(server: Server) -> None:
    answer = server.trader().post("/operator/engine", {"action": "suspend"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_an_operator_with_a_second_factor_proves_it(server: Server, operator: Trader) -> None:
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO mfa_authenticator (user_id, type, data, created_at)"
            " SELECT id, 'totp', '{}', now() FROM accounts_user WHERE email = %s",
            (operator.email,),
        )
    answer = operator.post("/operator/engine", {"action": "suspend"})
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        connection.execute(
            "DELETE FROM mfa_authenticator USING accounts_user u WHERE u.id = user_id AND email = %s", (operator.email,)
        )
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
    assert httpx.get(f"{server.url}/public/status").json()["engine"] == "open"


@needs_browser
def test_f149_the_trading_page_says_that_the_exchange_is_suspended(
    window: Window, operator: Trader, resumed: None
) -> None:
    window.open_market()
    bar = window.page.locator(".freshness-bar")
    expect(bar).to_have_count(0)
    operator.post("/operator/engine", {"action": "suspend"}).raise_for_status()
    expect(bar).to_contain_text("The exchange is suspended")
    operator.post("/operator/engine", {"action": "resume"}).raise_for_status()
    expect(bar).to_have_count(0)
