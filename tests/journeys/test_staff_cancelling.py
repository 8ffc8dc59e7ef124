"""One of the staff cancels a user's order, or all of them: who it was and why is in the journal, everybody is told by whom."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from tests.fixtures import Cluster, manage
from tests.server import Server, Trader, wait_until

from .people import log_of, make_admin, newest_mail
from .stream_client import Stream


@pytest.fixture(scope="module")
def admin(server: Server) -> Trader:
    return make_admin(server)


@pytest.fixture
def second(cluster: Cluster, server: Server) -> Iterator[Server]:
    """Another process on the same journal."""
    with Server(server.database_url) as other:
        yield other


def id_of(person: Trader) -> str:
    return str(person.get("/account")["user_id"])


def cancel(admin: Trader, person: Trader, reason: str = "an inquiry", **what: Any) -> httpx.Response:
    return admin.post(f"/staff/users/{id_of(person)}/cancel", {"reason": reason, **what})


def rest(person: Trader, side: str = "sell", market: str = "BTC/USD", price: str = "95000") -> str:
    return str(person.order(side, "0.01", price, market=market).raise_for_status().json()["id"])


def events(server: Server, kind: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.database_url) as connection:
        return connection.execute(
            "SELECT account_id, request_id FROM order_event WHERE kind = %s ORDER BY seq", (kind,)
        ).fetchall()


def test_f141_an_order_is_cancelled_once_and_everybody_is_told_by_whom(server: Server, admin: Trader) -> None:
    person = server.trader(BTC="5")
    order, other = rest(person), rest(person)
    with Stream(server, person) as stream:
        stream.private("subscribe", channel="executions", snap_orders=True)
        answer = cancel(admin, person, "a court's order", order=order).raise_for_status().json()
        assert (answer["cancelled"], answer["order"]["status"]) == (1, "cancelled")
        assert answer["order"]["reason"] == "operator_cancelled"
        told = stream.first(
            lambda m: m.get("channel") == "executions" and m["data"][0].get("exec_type") == "canceled",
            what="it is told",
        )
        assert (told["data"][0]["order_id"], told["data"][0]["reason"]) == (order, "operator_cancelled")
    assert person.get(f"/trade/orders/{order}")["reason"] == "operator_cancelled"
    (closed,) = person.get("/trade/orders", status="closed")["items"]
    assert (closed["id"], closed["reason"]) == (order, "operator_cancelled")
    life = person.get(f"/trade/orders/{order}/history")["items"]
    assert (life[-1]["kind"], life[-1]["details"]) == ("cancelled", {"reason": "operator_cancelled"})
    assert person.get(f"/trade/orders/{other}")["status"] == "open"
    again = cancel(admin, person, "a court's order", order=order).raise_for_status().json()
    assert (again["cancelled"], again["order"]["reason"]) == (0, "operator_cancelled")
    (one,) = [row for row in events(server, "CancelOrder") if row[0] == person.get("/account")["id"]]
    assert one[1].startswith(f"staff {id_of(admin)}, request ") and one[1].endswith(": a court's order")
    assert log_of(person, "orders_cancelled") == ["a court's order"]
    assert "Orders were cancelled by the exchange: a court's order." in newest_mail(server, person.email)
    mine = [line for line in log_of(admin) if id_of(person) in line]
    assert mine == [f"cancelled {count} of {id_of(person)}: a court's order" for count in ("0 orders", "1 order")]
    assert person.http.delete("/trade/orders").json() == {"cancelled": 1}
    assert person.get(f"/trade/orders/{other}")["reason"] == "user_cancelled"


def test_f141_all_orders_of_a_user_or_of_a_market_side_or_account_are_cancelled(server: Server, admin: Trader) -> None:
    person, other = server.trader(BTC="5", ETH="50", USD="100000"), server.trader(BTC="5")
    spare = person.post("/account/subaccounts", {"name": "grid"}).raise_for_status().json()["id"]
    gift = {"asset": "BTC", "quantity": "1", "to_account": spare}
    person.http.post("/account/transfers", json=gift, headers={"Idempotency-Key": "1"}).raise_for_status()

    def fill() -> None:
        for _ in range(2):
            rest(person), rest(person, "buy", price="30000"), rest(person, market="ETH/USD", price="9000")
        body = {"market": "BTC/USD", "side": "sell", "type": "limit", "quantity": "0.01", "price": "95000"}
        person.http.post("/trade/orders", json=body, headers={"X-Account": str(spare)}).raise_for_status()

    rest(other)
    for what, count in (
        ({"market": "ETH/USD"}, 2),
        ({"side": "sell"}, 5),
        ({"market": "BTC/USD", "side": "buy"}, 2),
        ({"account": spare}, 1),
        ({}, 7),
    ):
        fill()
        assert cancel(admin, person, **what).raise_for_status().json() == {"cancelled": count, "order": None}
        cancel(admin, person).raise_for_status()
    before = len(events(server, "CancelAll"))
    assert cancel(admin, person).raise_for_status().json() == {"cancelled": 0, "order": None}
    assert len(events(server, "CancelAll")) == before, "nothing is written where nothing is open"
    assert {one["reason"] for one in person.get("/trade/orders", status="closed")["items"]} == {"operator_cancelled"}
    assert other.http.delete("/trade/orders").json() == {"cancelled": 1}


def test_an_order_of_somebody_else_is_unknown_and_stays(server: Server, admin: Trader) -> None:
    person, other = server.trader(), server.trader(BTC="5")
    order = rest(other)
    for wrong in (order, str(uuid.uuid4()), "client:mine", "x"):
        answer = cancel(admin, person, order=wrong)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_order")
    answer = cancel(admin, person, account=other.get("/account")["id"])
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_account")
    assert other.get(f"/trade/orders/{order}")["status"] == "open"
    assert log_of(person, "orders_cancelled") == log_of(other, "orders_cancelled") == []
    other.http.delete("/trade/orders")


def test_what_is_not_said_well_does_nothing(server: Server, admin: Trader) -> None:
    person = server.trader(BTC="5")
    order = rest(person)
    path = f"/staff/users/{id_of(person)}/cancel"
    for body, status in (
        ({}, 400),
        ({"reason": ""}, 400),
        ({"reason": " "}, 422),
        ({"reason": "two\nlines"}, 422),
        ({"reason": "x" * 101}, 400),
        ({"reason": "x", "order": order, "side": "sell"}, 400),
        ({"reason": "x", "side": "both"}, 400),
        ({"reason": "x", "market": "BTC/DOGE"}, 404),
    ):
        assert admin.post(path, body).status_code == status, body
    assert person.get(f"/trade/orders/{order}")["status"] == "open"
    person.http.delete("/trade/orders")


def test_another_process_tells_the_same_and_the_read_models_are_what_the_journal_comes_to(
    server: Server, second: Server, admin: Trader
) -> None:
    person = server.trader(BTC="5")
    there = Trader(second, person.email, person.token)
    order = rest(there)
    assert cancel(admin, person).raise_for_status().json()["cancelled"] == 1
    wait_until(lambda: there.get(f"/trade/orders/{order}")["reason"] == "operator_cancelled", what="it is told there")
    owner = server.database_url.replace("kontor_app", "kontor_owner", 1)
    assert (
        "would be the same" in manage("rebuild", "--compare", url=server.database_url, DATABASE_OWNER_URL=owner).stdout
    )
    assert "The journal is whole" in manage("verify", url=server.database_url).stdout


def test_nobody_passes_a_cancellation_off_as_the_staffs(server: Server) -> None:
    """What a client calls its request is a word: it cannot say what the staff's own says."""
    person = server.trader(BTC="5")
    order = rest(person)
    headers = {"X-Request-Id": f"staff {id_of(person)}, request 1: mine"}
    person.http.delete(f"/trade/orders/{order}", headers=headers).raise_for_status()
    assert person.get(f"/trade/orders/{order}")["reason"] == "user_cancelled"
