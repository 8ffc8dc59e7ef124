"""What the staff see of users and take from them, over the wire; every look is in the log of who looked."""

import re
from collections.abc import Iterator

import pytest

from tests.fixtures import Cluster
from tests.server import Server, Trader, wait_until

from .people import log_of, make_admin
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


def say(admin: Trader, act: str, person: Trader, what: str, reason: str = "an inquiry") -> dict[str, str]:
    body = {"what": what, "reason": reason}
    answer = admin.post(f"/staff/users/{id_of(person)}/{act}", body)
    return dict(answer.raise_for_status().json())


def test_f139_users_are_found_by_a_part_of_their_address_page_by_page(server: Server, admin: Trader) -> None:
    people = [server.trader() for _ in range(3)]
    name = people[0].email.upper()[:-4]
    (found,) = admin.get("/staff/users", email=name)["items"]
    assert (found["email"], found["level"]) == (people[0].email, 0)
    assert (found["trading_suspended_at"], found["withdrawing_suspended_at"]) == (None, None)
    first = admin.get("/staff/users", limit=2)
    then = admin.get("/staff/users", limit=2, cursor=first["next_cursor"])
    assert [one["email"] for one in first["items"]] == [people[2].email, people[1].email]
    assert then["items"][0]["email"] == people[0].email
    assert admin.get("/staff/users", email="nobody at all")["items"] == []
    assert admin.http.get("/staff/users", params={"email": "\x00"}).status_code == 400
    one = admin.get(f"/staff/users/{id_of(people[0])}")
    assert [account["name"] for account in one["accounts"]] == ["main"]


def test_f140_balances_orders_and_trades_are_those_that_the_user_sees(server: Server, admin: Trader) -> None:
    seller, buyer = server.trader(BTC="5"), server.trader(USD="100000")
    seller.order("sell", "1", "95000").raise_for_status()
    seller.order("sell", "0.1", "61000").raise_for_status()
    buyer.order("buy", "0.1", "61000").raise_for_status()
    path = f"/staff/users/{id_of(seller)}"
    assert admin.get(f"{path}/balances")["items"] == seller.get("/account/balances")["items"]
    for status in ("open", "closed"):
        theirs = seller.get("/trade/orders", status=status)
        assert len(theirs["items"]) == 1
        assert admin.get(f"{path}/orders", status=status) == theirs
    fills = seller.get("/trade/fills")
    assert len(fills["items"]) == 1 and admin.get(f"{path}/trades") == fills
    spare = seller.post("/account/subaccounts", {"name": "grid"}).raise_for_status().json()["id"]
    assert {one["total"] for one in admin.get(f"{path}/balances", account=spare)["items"]} <= {
        "0",
        "0.00",
        "0.00000000",
    }
    other = buyer.get("/account/subaccounts")["items"][0]["id"]
    refused = admin.http.get(f"{path}/balances", params={"account": other})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_account")
    looks = [line for line in log_of(admin) if id_of(seller) in line]
    assert {re.sub(" of .*", "", line) for line in looks} >= {
        "looked at the balances",
        "looked at the open orders",
        "looked at the closed orders",
        "looked at the trades",
    }
    seller.http.delete("/trade/orders")


@pytest.mark.parametrize("thing", ["00000000-0000-4000-8000-000000000000", "x", "1"])
def test_who_is_not_there_is_unknown(admin: Trader, thing: str) -> None:
    for path in ("", "/balances", "/orders", "/trades"):
        answer = admin.http.get(f"/staff/users/{thing}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_user")
    answer = admin.post(f"/staff/users/{thing}/suspend", {"what": "trading", "reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_user")


def test_f139_who_may_not_trade_places_nothing_by_any_way_and_can_still_cancel(server: Server, admin: Trader) -> None:
    person = server.trader(BTC="5")
    order = person.order("sell", "1", "95000", client_order_id="first").raise_for_status().json()
    body = {"market": "BTC/USD", "side": "sell", "type": "limit", "quantity": "1", "price": "95000"}
    with Stream(server, person) as stream:
        params = {"symbol": "BTC/USD", "side": "sell", "order_type": "limit", "order_qty": 1, "limit_price": 95000}
        assert stream.private("add_order", **params)["success"]
        told = say(admin, "suspend", person, "trading")
        assert told["trading_suspended_at"] is not None and told["withdrawing_suspended_at"] is None
        assert stream.private("add_order", **params)["code"] == "trading_suspended"
    for refused in (
        person.post("/trade/orders", body),
        person.post("/trade/orders", {**body, "validate_only": True}),
        person.http.patch(f"/trade/orders/{order['id']}", json={"quantity": "0.5"}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (422, "trading_suspended")
    (item,) = person.post("/trade/orders/batch", {"orders": [body]}).raise_for_status().json()["items"]
    assert item["code"] == "trading_suspended"
    again = person.order("sell", "1", "95000", client_order_id="first")
    assert (again.status_code, again.json()["id"]) == (200, order["id"])
    assert person.http.delete("/trade/orders").json() == {"cancelled": 2}
    assert say(admin, "resume", person, "trading")["trading_suspended_at"] is None
    person.order("sell", "1", "95000").raise_for_status()
    person.http.delete("/trade/orders")


def test_f139_a_suspension_reaches_the_other_processes_within_a_moment(
    server: Server, second: Server, admin: Trader
) -> None:
    person = server.trader(BTC="5")
    there = Trader(second, person.email, person.token)

    def refusal() -> str:
        return str(there.order("sell", "0.001", "95000").json().get("code", ""))

    say(admin, "suspend", person, "trading")
    wait_until(lambda: refusal() == "trading_suspended", what="it is known there")
    say(admin, "resume", person, "trading")
    wait_until(lambda: not refusal(), what="it is over there")
    person.http.delete("/trade/orders")


def test_f139_who_may_not_withdraw_gives_nothing_to_others_and_can_still_trade(server: Server, admin: Trader) -> None:
    person, other = server.trader(BTC="5"), server.trader()
    say(admin, "suspend", person, "withdrawal")
    gift = {"asset": "BTC", "quantity": "1", "to_email": other.email}
    for number in range(2):
        answer = person.http.post("/account/transfers", json=gift, headers={"Idempotency-Key": f"gift {number}"})
        assert (answer.status_code, answer.json()["code"]) == (422, "withdrawing_suspended")
    person.order("sell", "1", "95000").raise_for_status()
    person.http.delete("/trade/orders")
    say(admin, "resume", person, "withdrawal")
    answer = person.http.post("/account/transfers", json=gift, headers={"Idempotency-Key": "gift 1"})
    assert answer.status_code == 201


def test_f145_the_user_reads_why_and_the_staff_have_it_in_their_log(server: Server, admin: Trader) -> None:
    person = server.trader()
    for act in ("suspend", "suspend", "resume"):
        say(admin, act, person, "trading", "a court's order")
    assert log_of(person, "trading_suspended") == log_of(person, "trading_resumed") == ["a court's order"]
    mine = [line for line in log_of(admin) if id_of(person) in line]
    assert sorted(mine) == [
        f"resumed trading of {id_of(person)}: a court's order",
        f"suspended trading of {id_of(person)}: a court's order",
    ]


def test_nobody_suspends_himself_nor_without_a_reason(server: Server, admin: Trader) -> None:
    path = f"/staff/users/{id_of(admin)}/suspend"
    assert admin.post(path, {"what": "trading", "reason": "x"}).status_code == 403
    assert admin.post(path, {"what": "trading"}).status_code == 400
    assert admin.post(path, {"what": "trading", "reason": " "}).status_code == 422
    assert admin.post(path, {"what": "everything", "reason": "x"}).status_code == 400
