"""Transfers between one's own trading accounts and to other people: whole or not at all, once for each key."""

import concurrent.futures
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.fixtures import Cluster, manage
from tests.server import Server, Trader

from .test_subaccounts import opened

pytestmark = pytest.mark.usefixtures("silent_market")


def give(trader: Trader, asset: str, quantity: str, *, key: str | None = None, **to: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return trader.http.post("/account/transfers", json={"asset": asset, "quantity": quantity, **to}, headers=headers)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_between_ones_own_accounts_nothing_is_lost(server: Server, seller: Trader) -> None:
    desk = opened(server, seller, "grid")
    sent = give(seller, "BTC", "4.00000001", to_account=desk.id)
    assert sent.status_code == 201, sent.text
    assert sent.json()["quantity"] == "4.00000001"
    assert (desk.balance("BTC"), seller.balance("BTC")["total"]) == ("4.00000001", "5.99999999")
    (line,) = desk.http.get("/account/ledger").json()["items"]
    assert (line["kind"], line["amount"], line["sequence"]) == ("transfer", "4.00000001", sent.json()["sequence"])
    body = {"asset": "BTC", "quantity": "1", "to_account": seller.get("/account/subaccounts")["items"][0]["id"]}
    assert desk.http.post("/account/transfers", json=body, headers={"Idempotency-Key": "back"}).status_code == 201
    assert (desk.balance("BTC"), seller.balance("BTC")["total"]) == ("3.00000001", "6.99999999")


def test_to_another_person_by_email(seller: Trader, buyer: Trader) -> None:
    sent = give(seller, "BTC", "2", to_email=f" {buyer.email.upper()}")
    assert sent.status_code == 201, sent.text
    assert (sent.json()["to_account"], buyer.balance("BTC")["total"]) == (None, "2.00000000")
    assert seller.balance("BTC")["total"] == "8.00000000"


def test_what_orders_hold_cannot_be_given(seller: Trader, buyer: Trader) -> None:
    seller.order("sell", "9", "64000")
    assert code(give(seller, "BTC", "1.00000001", to_email=buyer.email)) == (422, "insufficient_funds")
    assert give(seller, "BTC", "1", to_email=buyer.email).status_code == 201
    assert seller.balance("BTC") == {
        "asset": "BTC",
        "total": "9.00000000",
        "available": "0.00000000",
        "held": "9.00000000",
    }


def test_a_key_gives_once_also_from_many_threads(seller: Trader, buyer: Trader) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda _: give(seller, "BTC", "1", key="once", to_email=buyer.email), range(16)))
    assert sorted(answer.status_code for answer in sent) == [200] * 15 + [201]
    assert len({answer.json()["sequence"] for answer in sent}) == 1
    assert buyer.balance("BTC")["total"] == "1.00000000"
    for other in ({"quantity": "2", "to_email": buyer.email}, {"quantity": "1", "to_email": "nobody@example.com"}):
        again = give(seller, "BTC", key="once", **other)
        assert code(again) == (409, "idempotency_conflict")


def test_a_refused_transfer_is_refused_again(server: Server, seller: Trader) -> None:
    desk = opened(server, seller, "grid")
    for _ in range(2):
        assert code(give(seller, "BTC", "11", key="much", to_account=desk.id)) == (422, "insufficient_funds")
    assert desk.balance("BTC") == "0.00000000"


def test_whom_nothing_can_be_given_is_told_the_same_for_all(seller: Trader) -> None:
    answers = [give(seller, "BTC", "1", to_email=email) for email in ("nobody@example.com", seller.email, "nonsense")]
    assert {code(answer) for answer in answers} == {(422, "unknown_recipient")}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert code(give(seller, "BTC", "11", to_email="nobody@example.com")) == (422, "insufficient_funds")


def test_addresses_cannot_be_tried_out(cluster: Cluster) -> None:
    database = cluster.copy("template_demo")
    with Server(database.url, rate_limits=True) as server:
        seller = server.trader(BTC="1")
        answers = [give(seller, "BTC", "0.1", to_email=f"n{n}@example.com") for n in range(21)]
        assert [answer.status_code for answer in answers] == [422] * 20 + [429]
    cluster.drop(database)


def test_to_other_people_there_is_a_limit_a_day(server: Server, buyer: Trader) -> None:
    seller = server.trader(BTC="11")
    assert give(seller, "BTC", "6", to_email=buyer.email).status_code == 201
    assert code(give(seller, "BTC", "4.00000001", to_email=buyer.email)) == (422, "transfer_limit")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        sent = list(pool.map(lambda _: give(seller, "BTC", "2", to_email=buyer.email).status_code, range(6)))
    assert sorted(sent) == [201] * 2 + [422] * 4
    desk = opened(server, seller, "grid")
    assert give(seller, "BTC", "1", to_account=desk.id).status_code == 201
    assert Decimal(buyer.balance("BTC")["total"]) == 10


@pytest.mark.parametrize(
    ("body", "status", "wanted"),
    [
        ({}, 400, "invalid_parameter"),
        ({"to_account": 1, "to_email": "a@example.com"}, 400, "invalid_parameter"),
        ({"to_account": 0}, 400, "invalid_parameter"),
        ({"to_account": 999999999}, 404, "unknown_account"),
        ({"to_account": 1}, 404, "unknown_account"),
        ({"to_email": "a@example.com", "quantity": "0"}, 400, "invalid_parameter"),
        ({"to_email": "a@example.com", "quantity": "-1"}, 400, "invalid_parameter"),
        ({"to_email": "a@example.com", "quantity": "0.000000001"}, 422, "too_precise"),
        ({"to_email": "a@example.com", "asset": "DOGE"}, 404, "unknown_asset"),
        ({"to_email": "a@example.com", "why": "a gift"}, 400, "invalid_parameter"),
        ({"to_email": "a\u0000@example.com"}, 422, "unknown_recipient"),
    ],
)
def test_a_transfer_that_makes_no_sense_moves_nothing(
    seller: Trader, body: dict[str, Any], status: int, wanted: str
) -> None:
    answer = give(seller, **{"asset": "BTC", "quantity": "1", **body})
    assert code(answer) == (status, wanted), answer.text
    assert seller.balance("BTC")["total"] == "10.00000000"


def test_without_a_key_nothing_is_done(seller: Trader, buyer: Trader) -> None:
    answer = seller.post("/account/transfers", {"asset": "BTC", "quantity": "1", "to_email": buyer.email})
    assert code(answer) == (400, "invalid_parameter")


@pytest.fixture
def moved(cluster: Cluster) -> Iterator[Server]:
    database = cluster.copy("template_demo")
    with Server(database.url) as server:
        yield server
    cluster.drop(database)


def test_the_books_are_right_and_a_restart_knows_it(moved: Server) -> None:
    seller, buyer = moved.trader(BTC="10"), moved.trader()
    give(seller, "BTC", "3", to_email=buyer.email)
    give(seller, "BTC", "0.5", to_account=opened(moved, seller, "grid").id)
    moved.kill()
    moved.start()
    assert (seller.balance("BTC")["total"], buyer.balance("BTC")["total"]) == ("6.50000000", "3.00000000")
    verified = manage("verify", url=moved.database_url)
    assert verified.returncode == 0, verified.stdout
