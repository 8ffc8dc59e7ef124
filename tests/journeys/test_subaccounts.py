"""Trading accounts of one user: apart from each other, and never trading with each other."""

import concurrent.futures
from typing import Any

import httpx
import pytest

from tests.server import Server, Trader
from tests.signing import hmac_auth, hmac_key, program

from .stream_client import Stream

pytestmark = pytest.mark.usefixtures("silent_market")


class Desk:
    """A trader acting for one of its accounts."""

    def __init__(self, server: Server, trader: Trader, account: int) -> None:
        self.id = account
        self.http = server.client(Authorization=f"Bearer {trader.token}", **{"X-Account": str(account)})

    def balance(self, asset: str) -> str:
        (one,) = [one for one in self.http.get("/account/balances").json()["items"] if one["asset"] == asset]
        return str(one["total"])

    def order(self, side: str, price: str, **more: Any) -> httpx.Response:
        body = {"market": "BTC/USD", "side": side, "type": "limit", "quantity": "0.1", "price": price, **more}
        return self.http.post("/trade/orders", json=body)


def opened(server: Server, trader: Trader, name: str) -> Desk:
    return Desk(server, trader, trader.post("/account/subaccounts", {"name": name}).raise_for_status().json()["id"])


def test_subaccounts_have_balances_orders_and_ledgers_of_their_own(server: Server, seller: Trader) -> None:
    desk = opened(server, seller, "grid")
    assert [one["name"] for one in seller.get("/account/subaccounts")["items"]] == ["main", "grid"]
    assert desk.balance("BTC") == "0.00000000"
    assert desk.http.post("/account/faucet", json={"asset": "BTC", "quantity": "1"}).status_code == 201
    assert (desk.balance("BTC"), seller.balance("BTC")["total"]) == ("1.00000000", "10.00000000")
    placed = desk.order("sell", "64000", client_order_id="mine").json()
    assert seller.get("/trade/orders")["items"] == []
    assert seller.http.get(f"/trade/orders/{placed['id']}").json()["code"] == "unknown_order"
    assert [line["kind"] for line in desk.http.get("/account/ledger").json()["items"]] == ["faucet"]
    assert desk.http.delete("/trade/orders").json() == {"cancelled": 1}


def test_an_account_says_which_it_is_and_whose(server: Server, seller: Trader) -> None:
    desk = opened(server, seller, "which")
    main, other = seller.get("/account"), desk.http.get("/account").json()
    assert (main["name"], other["name"], other["id"]) == ("main", "which", desk.id)
    assert main["user_id"] == other["user_id"] != server.trader().get("/account")["user_id"]
    assert (main["level"], main["withdrawals_frozen_until"]) == (0, None)
    with program(server, hmac_key(seller, "read")) as client:
        assert client.get("/account").json() == main


def test_accounts_of_one_owner_never_trade_with_each_other(server: Server, seller: Trader) -> None:
    desk = opened(server, seller, "other side")
    desk.http.post("/account/faucet", json={"asset": "USD", "quantity": "100000"})
    assert seller.order("sell", "0.1", "64000").json()["status"] == "open"
    taken = desk.order("buy", "64000").json()
    assert (taken["status"], taken["reason"], taken["fills"]) == ("cancelled", "self_trade", [])


def test_the_name_is_the_idempotency_key_also_of_many_at_once(server: Server, seller: Trader) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: seller.post("/account/subaccounts", {"name": " one "}), range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert opened(server, seller, "one").balance("BTC") == "0.00000000"


@pytest.mark.parametrize("header", ["0", "999999999", "x", "", "-1", "1e3", "9" * 30, "²"])
def test_an_account_that_is_not_ones_own_cannot_be_chosen(server: Server, seller: Trader, header: str) -> None:
    answer = seller.http.get("/account/balances", headers={"X-Account": header.encode()})
    assert (answer.status_code, answer.json()["code"]) in ((404, "unknown_account"), (400, "invalid_parameter"))


def test_another_users_account_cannot_be_chosen(server: Server, seller: Trader, buyer: Trader) -> None:
    desk = opened(server, seller, "mine")
    for path in ("/account/balances", "/trade/orders", "/account/api-keys"):
        answer = buyer.http.get(path, headers={"X-Account": str(desk.id)})
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_account")


def test_keys_and_stream_tokens_are_bound_to_the_account_they_were_made_for(server: Server, seller: Trader) -> None:
    desk = opened(server, seller, "programs")
    desk.http.post("/account/faucet", json={"asset": "BTC", "quantity": "2"})
    body = {"name": "a program", "scopes": ["read", "trade"]}
    key = desk.http.post("/account/api-keys", json=body).raise_for_status().json()
    assert key["account"] == desk.id
    assert seller.get("/account/api-keys")["items"] == []
    with program(server, hmac_auth(key)) as client:
        assert client.get("/account/balances").json()["items"][0]["total"] == "2.00000000"
        main = str(seller.get("/account/subaccounts")["items"][0]["id"])
        assert client.get("/account/balances", headers={"X-Account": main}).json()["code"] == "unknown_account"
        assert client.get("/account/balances", headers={"X-Account": str(desk.id)}).status_code == 200
    token = desk.http.get("/session/stream-token").json()["token"]
    with Stream(server) as stream:
        stream.call("subscribe", channel="balances", token=token)
        (snapshot,) = stream.listen()
        assert {one["asset"]: one["balance"] for one in snapshot["data"]}["BTC"] == "2.00000000"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\u0000"])
def test_a_name_that_cannot_be_seen_is_refused(seller: Trader, name: str) -> None:
    answer = seller.post("/account/subaccounts", {"name": name})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


def test_a_user_has_at_most_twenty(seller: Trader) -> None:
    answers = [seller.post("/account/subaccounts", {"name": f"n{n}"}) for n in range(21)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [422]
    assert answers[-1].json()["code"] == "too_many"
