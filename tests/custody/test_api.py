"""The realm /deposit as a program sees it, beside a simulated chain."""

from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from accounts.models import Account, User
from funding.models import DepositAddress, DepositWallet
from funding.stops import lift, stop
from funding.terms import load_terms
from trading.models import Asset

from .stage import MIDDLE, RULES, Stage

PASSWORD = "a quiet long password"


@pytest.fixture
def ada(simulated_stage: Stage) -> Client:
    """Signed in; the stage's account is hers."""
    cache.clear()
    body = {"email": "ada@example.com", "password": PASSWORD}
    assert send(Client(), "post", "/user", body).status_code == 201
    token = send(Client(), "post", "/session", body).json()["token"]
    simulated_stage.account = Account.objects.get(owner=User.objects.get(email=body["email"]))
    Asset.objects.create(asset="BTC", name="Bitcoin", kind="crypto", decimals=8, trading_decimals=8)
    return Client(headers={"authorization": f"Bearer {token}"})


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(path, body, content_type="application/json")


def test_from_an_address_to_a_credit_every_answer_says_where_it_stands(simulated_stage: Stage, ada: Client) -> None:
    answer = send(ada, "post", "/deposit/addresses", {"asset": "BTC"})
    assert answer.status_code == 201, answer.json()
    address = answer.json()["address"]
    assert address.startswith("bcrt1q")
    assert [one["address"] for one in ada.get("/deposit/addresses?asset=BTC").json()["items"]] == [address]

    txid = simulated_stage.world.pay((address, MIDDLE))
    simulated_stage.settle()
    (seen,) = ada.get("/deposit").json()["items"]
    assert (seen["state"], seen["confirmations"], seen["confirmations_needed"]) == ("seen", 0, 3)
    assert (seen["amount"], seen["txid"], seen["asset"]) == ("0.50000000", txid, "BTC")

    simulated_stage.world.mine(2)
    simulated_stage.settle()
    one = ada.get(f"/deposit/{seen['id']}").json()
    assert (one["state"], one["confirmations"], one["why"]) == ("confirming", 2, "2 of 3 confirmations.")

    simulated_stage.world.mine()
    simulated_stage.settle()
    one = ada.get(f"/deposit/{seen['id']}").json()
    assert (one["state"], one["confirmations"], one["why"]) == ("credited", 3, "It is credited.")
    assert [step["state"] for step in one["steps"]] == ["seen", "confirming", "crediting", "crediting", "credited"]
    assert one["sequence"] == simulated_stage.deposits()[0].credit_seq


def test_in_a_demo_the_miner_pays_my_address_and_blocks_come_when_i_say(
    simulated_stage: Stage, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = send(ada, "post", "/deposit/addresses", {"asset": "BTC"}).json()["address"]
    theirs = simulated_stage.address(simulated_stage.new_account()).address
    for path, body in (("/deposit/test-coins", {"address": mine, "amount": "1"}), ("/deposit/test-blocks", None)):
        answer = send(ada, "post", path, body)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_test_coins")
    world = simulated_stage.world
    monkeypatch.setattr(settings, "DEMO", True)
    monkeypatch.setattr(settings, "DEMO_CHAIN", "simulated")
    monkeypatch.setattr(settings, "FUNDING_NODES", {world.chain: world.target})
    monkeypatch.setattr(settings, "RATE_LIMITS", True)
    for address, amount, status, code in (
        (theirs, "1", 404, "unknown_address"),
        (mine, "0", 422, "test_coins_refused"),
        (mine, "20.00000001", 422, "test_coins_refused"),
        (mine, "1e3", 422, "invalid_field"),
    ):
        answer = send(ada, "post", "/deposit/test-coins", {"address": address, "amount": amount})
        assert (answer.status_code, answer.json()["code"]) == (status, code), amount

    paid = send(ada, "post", "/deposit/test-coins", {"address": mine, "amount": "0.5"})
    assert paid.status_code == 201, paid.json()
    simulated_stage.settle()
    (seen,) = ada.get("/deposit").json()["items"]
    assert (seen["txid"], seen["state"], seen["amount"]) == (paid.json()["txid"], "seen", "0.50000000")
    heights = [send(ada, "post", "/deposit/test-blocks").json()["height"] for _ in range(3)]
    assert heights == [heights[0], heights[0] + 1, heights[0] + 2]
    simulated_stage.settle()
    assert ada.get(f"/deposit/{seen['id']}").json()["state"] == "credited"
    answers = [send(ada, "post", "/deposit/test-blocks") for _ in range(60)]
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "rate_limited")

    monkeypatch.setattr(settings, "FUNDING_NODES", {world.chain: "unix:/nonexistent.sock"})
    answer = send(ada, "post", "/deposit/test-coins", {"address": mine, "amount": "0.5"})
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")


def test_the_terms_of_an_asset_are_those_of_its_rules_once_it_has_a_wallet(simulated_stage: Stage) -> None:
    terms = load_terms()
    assert terms["BTC"].is_deposited
    assert (terms["BTC"].minimum_deposit_atoms, terms["BTC"].confirmations) == (
        RULES["minimum_atoms"],
        RULES["confirmations"],
    )
    withdrawn = settings.WITHDRAWAL_RULES["BTC"]
    assert terms["BTC"].is_withdrawn
    assert terms["BTC"].minimum_withdrawal_atoms == withdrawn["minimum_atoms"]
    assert terms["BTC"].withdrawal_fee_atoms == withdrawn["fee_atoms"]
    stop("BTC", "books and coins differ", now=simulated_stage.now())
    assert not load_terms()["BTC"].is_withdrawn
    lift("BTC", because="somebody looked", now=simulated_stage.now())
    assert load_terms()["BTC"].is_withdrawn
    DepositWallet.objects.update(is_active=False)
    assert "BTC" not in load_terms()


def test_addresses_are_fresh_and_bounded(ada: Client) -> None:
    answers = [send(ada, "post", "/deposit/addresses", {"asset": "BTC"}) for _ in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {201}
    assert len({answer.json()["address"] for answer in answers[:20]}) == 20
    assert (answers[20].status_code, answers[20].json()["code"]) == (422, "too_many_addresses")
    page = ada.get("/deposit/addresses?limit=15").json()
    rest = ada.get(f"/deposit/addresses?limit=15&cursor={page['next_cursor']}").json()
    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (15, 5, None)


def test_each_trading_account_has_addresses_of_its_own(ada: Client) -> None:
    main = Account.objects.get(owner__email="ada@example.com")
    other = Account.objects.create(owner=main.owner, name="second", is_linked=True)
    for account, asked in ((main, None), (other, str(other.id))):
        headers = {} if asked is None else {"X-Account": asked}
        made = ada.post("/deposit/addresses", {"asset": "BTC"}, content_type="application/json", headers=headers)
        assert made.status_code == 201, made.json()
        assert DepositAddress.objects.get(address=made.json()["address"]).account == account
        listed = ada.get("/deposit/addresses", headers=headers).json()["items"]
        assert [one["address"] for one in listed] == [made.json()["address"]]
    for asked, status, code in (("x", 400, "invalid_parameter"), ("999999999", 404, "unknown_account")):
        answer = ada.get("/deposit/addresses", headers={"X-Account": asked})
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_cannot_be_is_a_clear_problem(simulated_stage: Stage, ada: Client) -> None:
    simulated_stage.pay((simulated_stage.address(simulated_stage.new_account()), MIDDLE))
    simulated_stage.settle()
    (theirs,) = simulated_stage.deposits()
    for method, path, body, status, code in (
        ("post", "/deposit/addresses", {"asset": "USD"}, 422, "no_deposits"),
        ("post", "/deposit/addresses", {}, 400, "malformed"),
        ("get", f"/deposit/{theirs.id}", None, 404, "unknown_deposit"),
        ("get", "/deposit/none", None, 404, "unknown_deposit"),
        ("get", "/deposit?limit=0", None, 400, "invalid_parameter"),
    ):
        answer = send(ada, method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
    assert Client().get("/deposit").status_code == 401
