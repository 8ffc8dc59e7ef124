"""Balances put right by hand, over the wire: with a reason, once for each key, beyond a limit by two people, never one's own."""

import uuid
from typing import Any

import httpx
import psycopg
import pytest

from tests.fixtures import manage
from tests.server import Server, Trader

from .people import log_of, make_admin


@pytest.fixture
def admin(server: Server) -> Trader:
    return make_admin(server)


@pytest.fixture
def other(server: Server) -> Trader:
    return make_admin(server)


def account_of(person: Trader) -> int:
    return int(person.get("/account")["id"])


def ask(admin: Trader, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return admin.http.post("/staff/adjustments", json={"reason": "a lost deposit", **body}, headers=headers)


def credit(admin: Trader, person: Trader, quantity: str, key: str | None = None, asset: str = "BTC") -> httpx.Response:
    return ask(admin, key, kind="credit", account=account_of(person), asset=asset, quantity=quantity)


def decide(admin: Trader, act: str, number: int) -> httpx.Response:
    return admin.post(f"/staff/adjustments/{number}/{act}", {})


def test_a_small_credit_is_done_at_once_and_once_for_its_key(server: Server, admin: Trader) -> None:
    person = server.trader()
    told = credit(admin, person, "0.05", "one")
    again = credit(admin, person, "0.05", "one")
    assert (told.status_code, again.status_code, told.json()["state"]) == (201, 200, "done")
    assert again.json() == told.json()
    assert person.balance("BTC")["available"] == "0.05000000"
    (line,) = person.get("/account/ledger")["items"]
    assert (line["kind"], line["sequence"]) == ("adjustment", told.json()["sequence"])
    with psycopg.connect(server.database_url) as connection:
        query = "SELECT kind, body->>'reference' FROM order_event WHERE seq = %s"
        assert connection.execute(query, (told.json()["sequence"],)).fetchone() == (
            "Credit",
            f"adjustment {told.json()['id']}: a lost deposit",
        )
    conflict = credit(admin, person, "0.06", "one")
    assert (conflict.status_code, conflict.json()["code"]) == (409, "idempotency_conflict")
    assert f"asked for adjustment {told.json()['id']}: a lost deposit" in log_of(admin)


def test_beyond_the_limit_another_approves_and_nothing_moves_before(
    server: Server, admin: Trader, other: Trader
) -> None:
    person = server.trader()
    asked = credit(admin, person, "3").json()
    assert (asked["state"], asked["sequence"], person.balance("BTC")["total"]) == ("waiting", None, "0.00000000")
    assert asked["id"] in [one["id"] for one in other.get("/staff/adjustments")["items"]]
    for refused in (decide(admin, "approve", asked["id"]), decide(admin, "reject", asked["id"])):
        assert (refused.status_code, refused.json()["code"]) == (403, "own_adjustment")
    done = decide(other, "approve", asked["id"]).raise_for_status().json()
    assert (done["state"], done["decided_by"], person.balance("BTC")["total"]) == ("done", other.email, "3.00000000")
    assert decide(other, "approve", asked["id"]).json() == done
    assert person.balance("BTC")["total"] == "3.00000000"
    late = decide(other, "reject", asked["id"])
    assert (late.status_code, late.json()["code"]) == (422, "adjustment_decided")


def test_what_is_rejected_never_happens(server: Server, admin: Trader, other: Trader) -> None:
    person = server.trader()
    asked = credit(admin, person, "3", "refused").json()
    assert decide(other, "reject", asked["id"]).raise_for_status().json()["state"] == "rejected"
    assert credit(admin, person, "3", "refused").json()["state"] == "rejected"
    assert decide(other, "approve", asked["id"]).json()["code"] == "adjustment_decided"
    assert person.balance("BTC")["total"] == "0.00000000"


def test_many_small_ones_within_a_day_take_two_as_a_large_one_does(server: Server, admin: Trader) -> None:
    person = server.trader()
    assert [credit(admin, person, "0.05").json()["state"] for _ in range(3)] == ["done", "done", "waiting"]


def test_nobody_credits_himself_nor_approves_what_he_is_given(server: Server, admin: Trader, other: Trader) -> None:
    own = credit(admin, admin, "0.01")
    assert (own.status_code, own.json()["code"]) == (403, "own_adjustment")
    asked = credit(admin, other, "3").json()
    refused = decide(other, "approve", asked["id"])
    assert (refused.status_code, refused.json()["code"]) == (403, "own_adjustment")


def test_a_debit_takes_a_credit_by_hand_back_once(server: Server, admin: Trader, other: Trader) -> None:
    person = server.trader(BTC="1")
    (given,) = person.get("/account/ledger")["items"]
    gift = credit(admin, person, "0.04").json()
    for sequence in (given["sequence"], 1, 10**17):
        refused = ask(admin, kind="debit", sequence=sequence)
        assert (refused.status_code, refused.json()["code"]) == (422, "not_reversible"), (
            "the faucet's is no such credit"
        )
    done = ask(admin, "back", kind="debit", sequence=gift["sequence"]).raise_for_status().json()
    assert (done["state"], done["quantity"], done["credit_sequence"]) == ("done", "0.04000000", gift["sequence"])
    assert person.balance("BTC")["total"] == "1.00000000"
    assert ask(admin, "back", kind="debit", sequence=gift["sequence"]).json() == done
    twice = ask(other, kind="debit", sequence=gift["sequence"])
    assert (twice.status_code, twice.json()["code"]) == (422, "not_reversible")
    manage("verify", url=server.database_url)


def test_a_debit_of_what_is_not_there_any_more_is_refused_and_can_be_asked_for_again(
    server: Server, admin: Trader
) -> None:
    person = server.trader()
    gift = credit(admin, person, "0.04").json()
    order = person.order("sell", "0.04", "99000").raise_for_status().json()
    refused = ask(admin, "back", kind="debit", sequence=gift["sequence"])
    assert (refused.status_code, refused.json()["code"]) == (422, "insufficient_funds")
    person.http.delete(f"/trade/orders/{order['id']}").raise_for_status()
    assert ask(admin, "back", kind="debit", sequence=gift["sequence"]).json()["state"] == "done"
    assert person.balance("BTC")["total"] == "0.00000000"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "credit", "asset": "BTC", "quantity": "1"}, 400, "invalid_parameter"),
        ({"kind": "credit", "account": 10**17, "asset": "BTC", "quantity": "1"}, 404, "unknown_account"),
        ({"kind": "credit", "account": 1, "asset": "NONE", "quantity": "1"}, 404, "unknown_asset"),
        ({"kind": "credit", "account": 1, "asset": "BTC", "quantity": "0"}, 400, "invalid_parameter"),
        ({"kind": "credit", "account": 1, "asset": "BTC", "quantity": "-1"}, 400, "invalid_parameter"),
        ({"kind": "credit", "account": 1, "asset": "BTC", "quantity": "9" * 30}, 422, "above_maximum"),
        ({"kind": "credit", "account": 1, "asset": "BTC", "quantity": "1", "reason": " "}, 422, "invalid_field"),
        ({"kind": "debit", "sequence": 1, "account": 1}, 400, "invalid_parameter"),
        ({"kind": "gift"}, 400, "invalid_parameter"),
    ],
)
def test_what_makes_no_sense_is_refused(admin: Trader, body: dict[str, Any], status: int, code: str) -> None:
    answer = ask(admin, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_database_holds_that_it_takes_two_and_keeps_every_row(server: Server, admin: Trader) -> None:
    asked = credit(admin, server.trader(), "3", "k" * 300).json()
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        for change in (
            "event_seq = 1",
            "approved = true, decided_at = now()",
            "approved = true, decided_at = now(), decided_by_id = asked_by_id",
            "amount_atoms = 0",
        ):
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(f"UPDATE adjustment SET {change} WHERE id = %s", (asked["id"],))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM adjustment WHERE id = %s", (asked["id"],))


def test_the_database_holds_that_an_adjustment_stays_as_it_was_asked_for_decided_and_carried_out(
    server: Server, admin: Trader, other: Trader
) -> None:
    asked = credit(admin, server.trader(), "3").json()
    done = decide(other, "approve", asked["id"]).raise_for_status().json()
    waiting = credit(admin, server.trader(), "3").json()
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        for number, change in (
            (waiting["id"], "amount_atoms = amount_atoms + 1"),
            (waiting["id"], "reason = 'another'"),
            (waiting["id"], "takes_two = false"),
            (waiting["id"], "asset = 'ETH'"),
            (waiting["id"], "idempotency_key = gen_random_uuid()"),
            (done["id"], "decided_at = now()"),
            (done["id"], "event_seq = event_seq + 1"),
        ):
            with pytest.raises(psycopg.errors.CheckViolation, match="once"):
                connection.execute(f"UPDATE adjustment SET {change} WHERE id = %s", (number,))


def test_without_a_key_nothing_is_carried_out(server: Server, admin: Trader) -> None:
    body = {"kind": "credit", "account": account_of(server.trader()), "asset": "BTC", "quantity": "0.01", "reason": "x"}
    assert admin.post("/staff/adjustments", body).status_code == 400
