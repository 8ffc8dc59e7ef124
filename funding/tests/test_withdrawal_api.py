"""The realm /withdrawal as people see it: addresses first, then withdrawals within all limits; the staff approve the large ones."""

import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from embit import bech32

from accounts.freeze import freeze_withdrawals
from accounts.mails import mails_to
from accounts.models import Account, SecurityEvent, User
from accounts.sessions import open_session
from accounts.tests.people import mailed_code
from accounts.throttling import Limit
from bitcoind_proxy.proto.node_pb2 import Tip
from funding import stops, withdrawing
from funding.addresses import add_wallet, new_address
from funding.models import Withdrawal
from funding.states import WithdrawalState
from tests.custody.stage import public_descriptor
from tests.fixtures import Database
from trading.closures import Closure, Mark
from trading.models import Asset, Candle, Market

from .till import CHAIN, Till

COIN = 10**8
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def till(shared_database: Database) -> Iterator[Till]:
    with Till(shared_database) as till:
        tip = Tip(height=100, block_hash="00" * 32)
        add_wallet(asset="BTC", chain=CHAIN, descriptor=public_descriptor(CHAIN, 7), tip=tip, now=till.now())
        yield till


def new_text() -> str:
    """An address on regtest that nobody had before."""
    return str(bech32.encode("bcrt", 0, list(next(_numbers).to_bytes(20, "big"))))


class Person:
    """Signed in, with a second factor that was just proven unless it is said otherwise, and bitcoin."""

    def __init__(self, till: Till, coins: int = 0, *, role: str = "user", proven: bool = True) -> None:
        self.till = till
        self.account: Account = till.account(coins * COIN)
        self.user: User = self.account.owner
        self.user.role = role
        self.user.save()
        opened = open_session(user=self.user, now=till.now(), ip="192.0.2.1", user_agent="test", factor_proven=proven)
        self.client = Client(headers={"authorization": f"Bearer {opened.token}"})

    def send(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {} if body is None and method == "delete" else body
        return getattr(self.client, method)(path, body, content_type="application/json", headers=headers)

    def add(self, address: str | None = None, **changes: Any) -> Any:
        text = address or new_text()
        return self.send(
            "post", "/withdrawal/addresses", {"asset": "BTC", "address": text, "label": text[-12:]} | changes
        )

    def withdraw(self, quantity: str, to: str | None = None, key: str | None = None, **changes: Any) -> Any:
        body = {"asset": "BTC", "quantity": quantity, "address": to or self.add().json()["address"]} | changes
        return self.send("post", "/withdrawal", body, key or f"key {next(_numbers)}")

    def one(self, answer: Any) -> Withdrawal:
        return Withdrawal.objects.get(id=answer.json()["id"])


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def told(person: Person, kind: str) -> list[str]:
    return list(
        SecurityEvent.objects.filter(user=person.user, kind=kind).order_by("id").values_list("detail", flat=True)
    )


# Addresses


def test_f123_only_a_registered_address_is_withdrawn_to(till: Till) -> None:
    ada, bob = Person(till, 1), Person(till, 1)
    theirs, text = bob.add().json(), new_text()
    for body in ({"address": text}, {"address": theirs["address"]}, {"address_id": theirs["id"]}, {"address_id": "x"}):
        answer = ada.send("post", "/withdrawal", {"asset": "BTC", "quantity": "0.1"} | body, "first")
        assert refused(answer) == (404, "unknown_withdrawal_address"), body
    mine = ada.add(text, label="my wallet").json()
    assert (mine["address"], mine["chain"], mine["label"]) == (text, CHAIN, "my wallet")
    assert [one["id"] for one in ada.client.get("/withdrawal/addresses?asset=BTC").json()["items"]] == [mine["id"]]
    answer = ada.withdraw("0.1", text)
    assert answer.status_code == 201, answer.json()
    assert ada.send("delete", f"/withdrawal/addresses/{mine['id']}").status_code == 204
    assert refused(ada.withdraw("0.1", text)) == (404, "unknown_withdrawal_address")
    assert refused(ada.send("delete", f"/withdrawal/addresses/{theirs['id']}")) == (404, "unknown_withdrawal_address")
    assert ada.client.get("/withdrawal/addresses").json()["items"] == []
    assert Withdrawal.objects.filter(account=ada.account).count() == 1


def test_f124_a_new_address_cools_down_and_its_owner_gets_a_mail(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "WITHDRAWAL_COOLING_S", 3600)
    ada = Person(till, 1)
    added = ada.add().json()
    answer = ada.withdraw("0.1", added["address"])
    assert refused(answer) == (422, "address_cooling")
    assert answer.json()["usable_from"] == added["usable_from"] > added["created_at"]
    (mail, *_) = mails_to(email=ada.user.email)
    assert mail.subject == "A withdrawal address was added" and added["address"] in mail.text
    monkeypatch.setattr(settings, "WITHDRAWAL_COOLING_S", 0)
    other = ada.add().json()
    assert ada.withdraw("0.1", other["address"]).status_code == 201
    assert refused(ada.withdraw("0.1", added["address"])) == (422, "address_cooling"), "it keeps the time it was told"


def test_f126_an_address_of_another_network_is_no_address_here(till: Till) -> None:
    ada = Person(till)
    for text in (str(bech32.encode("bc", 0, [7] * 20)), "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "nonsense"):
        answer = ada.add(text)
        assert refused(answer) == (422, "address_not_valid"), text
        assert answer.json()["errors"].keys() == {"address"}


def test_a_deposit_address_of_the_exchange_is_refused_and_it_says_why(till: Till) -> None:
    ada, bob = Person(till), Person(till)
    ours = new_address(account=bob.account, asset="BTC", now=till.now())
    answer = ada.add(ours.address)
    assert refused(answer) == (422, "address_is_ours")
    assert "POST /account/transfers" in answer.json()["detail"]


def test_addresses_are_registered_once_bounded_and_by_who_proves_himself(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, text = Person(till), new_text()
    assert ada.add(text).status_code == 201
    assert refused(ada.add(text, label="again")) == (422, "address_registered")
    assert refused(ada.add(label=text[-12:])) == (422, "address_registered")
    assert refused(ada.add(asset="USD")) == (422, "no_withdrawals")
    assert refused(ada.add(label="a\nb")) == (422, "invalid_field")
    monkeypatch.setattr(settings, "WITHDRAWAL_ADDRESSES_LIMIT", 1)
    assert refused(ada.add()) == (422, "too_many")
    thief = Person(till, proven=False)
    assert refused(thief.add()) == (403, "step_up_required")
    thief.send("post", "/account/security/step-up/code")
    assert thief.add(totp=mailed_code(thief.user.email)).status_code == 201


def test_locked_addresses_take_no_new_one_until_long_after_its_owner_asked(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = Person(till)
    assert ada.send("delete", "/withdrawal/addresses/lock").json() == {"locked": False, "opens_at": None}
    assert ada.send("put", "/withdrawal/addresses/lock").json() == {"locked": True, "opens_at": None}
    assert refused(ada.add()) == (422, "addresses_locked")
    assert ada.client.get("/withdrawal/addresses").json()["lock"]["locked"] is True
    asked = ada.send("delete", "/withdrawal/addresses/lock").json()
    assert asked["locked"] is True and asked["opens_at"]
    assert ada.send("delete", "/withdrawal/addresses/lock").json() == asked, (
        "asked again, it comes neither sooner nor later"
    )
    answer = ada.add()
    assert refused(answer) == (422, "addresses_locked") and answer.json()["opens_at"] == asked["opens_at"]
    ada.send("put", "/withdrawal/addresses/lock")
    spare = Account.objects.create(owner=ada.user, name="spare")
    headers = {"X-Account": str(spare.id)}
    body = {"asset": "BTC", "address": new_text(), "label": "another way out"}
    other = ada.client.post("/withdrawal/addresses", body, content_type="application/json", headers=headers)
    assert refused(other) == (422, "addresses_locked"), "another trading account of the user is no way around"
    monkeypatch.setattr(settings, "ADDRESS_UNLOCK_S", 0)
    assert ada.send("delete", "/withdrawal/addresses/lock").json()["locked"] is False
    assert ada.add().status_code == 201
    assert len(told(ada, "withdrawal_addresses_unlocked")) == 2
    (mail, *_) = [mail for mail in mails_to(email=ada.user.email) if "end of the lock" in mail.subject]
    assert "open from" in mail.text


# Requests


def test_a_withdrawal_from_its_request_to_its_payment_as_its_owner_sees_it(till: Till) -> None:
    ada = Person(till, 1)
    answer = ada.withdraw("0.05")
    assert answer.status_code == 201
    one = answer.json()
    assert (one["quantity"], one["fee"], one["amount"]) == ("0.05000000", "0.00010000", "0.04990000")
    assert (one["state"], one["txid"], one["confirmations"], one["sequence"]) == ("requested", None, 0, None)
    till.settle()
    assert till.balance(ada.account) == (COIN * 95 // 100, COIN * 5 // 100)
    till.pay(ada.one(answer))
    till.settle()
    paid = ada.client.get(f"/withdrawal/{one['id']}").json()
    assert (paid["state"], paid["why"], paid["txid"]) == ("settled", "It is paid.", "ab" * 32)
    assert paid["sequence"] == ada.one(answer).settle_seq
    assert [step["state"] for step in paid["steps"]][:3] == ["requested", "requested", "held"]
    assert [line["id"] for line in ada.client.get("/withdrawal?limit=1").json()["items"]] == [one["id"]]
    subjects = [mail.subject for mail in mails_to(email=ada.user.email)]
    assert "A withdrawal was requested" in subjects and "A withdrawal was paid" in subjects
    assert told(ada, "withdrawal_requested") == [f"0.04990000 BTC to {one['address']}"]


def test_f54_a_repeated_request_is_one_withdrawal_and_another_under_its_key_a_conflict(till: Till) -> None:
    ada = Person(till, 1)
    address = ada.add().json()
    first = ada.withdraw("0.02", address["address"], "the key")
    again = ada.withdraw("0.020", address["address"], "the key")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    by_id = {"asset": "BTC", "quantity": "0.02", "address_id": address["id"]}
    assert ada.send("post", "/withdrawal", by_id, "the key").json()["id"] == first.json()["id"]
    for answer in (
        ada.withdraw("0.03", address["address"], "the key"),
        ada.withdraw("0.02", ada.add().json()["address"], "the key"),
    ):
        assert refused(answer) == (409, "idempotency_conflict")
    for key in (None, "", "x" * 65, "ü"):
        answer = ada.send("post", "/withdrawal", by_id, key)
        assert refused(answer) == (400, "invalid_parameter") and "Idempotency-Key" in answer.json()["detail"]
    assert Withdrawal.objects.filter(account=ada.account).count() == 1
    bob = Person(till, 1)
    assert bob.withdraw("0.02", key="the key").status_code == 201, "a key is its account's"


def test_what_the_rules_refuse_is_a_clear_problem_and_asks_for_nothing(till: Till) -> None:
    ada = Person(till, 1)
    address = ada.add().json()["address"]
    for changes, wanted in (
        ({"quantity": "0.1001"}, (422, "withdrawal_limit")),
        ({"quantity": "0.0004"}, (422, "below_minimum_withdrawal")),
        ({"quantity": "0"}, (422, "below_minimum_withdrawal")),
        ({"quantity": "0.123456789"}, (422, "too_precise")),
        ({"quantity": "-1"}, (400, "invalid_parameter")),
        ({"quantity": 1}, (400, "malformed")),
        ({"asset": "USD"}, (422, "no_withdrawals")),
        ({"address_id": "1"}, (400, "invalid_parameter")),
        ({"speed": "fast"}, (400, "invalid_parameter")),
    ):
        answer = ada.withdraw(**({"quantity": "0.1", "to": address} | changes))  # type: ignore[arg-type]
        assert refused(answer) == wanted, changes
    assert not Withdrawal.objects.filter(account=ada.account).exists()
    poor = Person(till)
    answer = poor.withdraw("0.01")
    assert refused(answer) == (422, "insufficient_funds") and "0.00000000 BTC are available" in answer.json()["detail"]
    assert refused(ada.client.get("/withdrawal/none")) == (404, "unknown_withdrawal")
    assert Client().get("/withdrawal").status_code == 401


def test_who_may_withdraw_has_a_verified_address_no_freeze_and_a_fresh_factor(till: Till) -> None:
    stolen = Person(till, 1)
    address = stolen.add().json()["address"]
    opened = open_session(user=stolen.user, now=till.now(), ip=None, user_agent="thief")
    stolen.client = Client(headers={"authorization": f"Bearer {opened.token}"})
    assert refused(stolen.withdraw("0.1", address)) == (403, "step_up_required")

    frozen = Person(till, 1)
    address = frozen.add().json()["address"]
    freeze_withdrawals(user=frozen.user, now=till.now())
    answer = frozen.withdraw("0.1", address)
    assert refused(answer) == (422, "withdrawals_frozen") and answer.json()["frozen_until"]

    suspended = Person(till, 1)
    address = suspended.add().json()["address"]
    User.objects.filter(id=suspended.user.id).update(withdrawing_suspended_at=till.now())
    assert refused(suspended.withdraw("0.1", address)) == (422, "withdrawing_suspended")

    unverified = Person(till, 1)
    address = unverified.add().json()["address"]
    User.objects.filter(id=unverified.user.id).update(email_verified_at=None)
    assert refused(unverified.withdraw("0.1", address)) == (422, "email_unverified")


def test_while_withdrawals_are_stopped_none_is_asked_for(till: Till) -> None:
    ada = Person(till, 1)
    address = ada.add().json()["address"]
    stops.stop("BTC", "the books and the chain differ", now=till.now())
    assert refused(ada.withdraw("0.01", address)) == (503, "withdrawals_stopped")
    stops.lift("BTC", because="they were counted again", now=till.now())
    assert ada.withdraw("0.01", address).status_code == 201


def test_a_level_limits_what_leaves_in_a_day_over_all_accounts_of_a_user(till: Till) -> None:
    """A coin counts 100,000 dollars where nothing was traded; level 1 allows 10,000 a day, level 2 any amount."""
    ada = Person(till, 2)
    first = ada.withdraw("0.06")
    assert first.status_code == 201
    answer = ada.withdraw("0.05")
    assert refused(answer) == (422, "withdrawal_limit")
    assert (answer.json()["limit_usd"], answer.json()["left_usd"]) == (10_000, 4_000)
    spare = till.account(COIN)
    Account.objects.filter(id=spare.id).update(owner=ada.user, name="spare")
    assert ada.withdraw("0.04").status_code == 201
    ada.send("delete", f"/withdrawal/{first.json()['id']}")
    assert ada.withdraw("0.06").status_code == 201, "what was cancelled does not count"
    User.objects.filter(id=ada.user.id).update(identified_at=till.now())
    assert ada.withdraw("1").status_code == 201


def test_an_amount_counts_at_the_highest_price_of_the_day(till: Till) -> None:
    """Whoever trades the price down for a moment withdraws no more by it."""
    usd = Asset.objects.create(asset="USD", name="US dollar", kind="fiat", decimals=2, trading_decimals=2)
    market = Market.objects.create(
        market="BTC/USD", base_id="BTC", quote=usd, state="open", tick_atoms=1, lot_atoms=1000, minimum_lots=1,
        minimum_notional_atoms=1, maximum_open_orders=10, fee_tiers=[],
    )  # fmt: skip
    now_us = int(till.now().timestamp()) * 1_000_000
    for ago_h, high in ((30, 90_000_00), (5, 50_000_00), (0, 10_00)):
        Candle.objects.create(
            market=market.market, interval_s=60, start_us=now_us - ago_h * 3_600_000_000, open_ticks=high, high_ticks=high,
            low_ticks=high // 2, close_ticks=high * 3 // 4, volume_lots=1, quote_atoms=1, trades=1,
        )  # fmt: skip
    try:
        ada = Person(till, 2)
        assert refused(ada.withdraw("0.2001")) == (422, "withdrawal_limit")
        assert ada.one(ada.withdraw("0.2")).value_cents == 10_000_00
    finally:
        market.delete()


def test_so_many_withdrawals_an_hour_and_no_more(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "WITHDRAWALS_AN_HOUR", 2)
    ada = Person(till, 1)
    address = ada.add().json()["address"]
    for _ in range(2):
        assert ada.withdraw("0.01", address).status_code == 201
    answer = ada.withdraw("0.01", address)
    assert refused(answer) == (422, "too_many_withdrawals") and answer.json()["again_at"]
    hour_ago = till.now() - dt.timedelta(hours=1)
    assert Withdrawal.objects.filter(account=ada.account, requested_at__gt=hour_ago).count() == 2


def test_asking_and_cancelling_has_an_end_too(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cancelled counts against no limit of amounts, but each request writes a mail."""
    monkeypatch.setattr(withdrawing, "WITHDRAWAL", Limit(name="test", times=2, window_s=3600))
    ada = Person(till, 1)
    address = ada.add().json()["address"]
    for _ in range(2):
        ada.send("delete", f"/withdrawal/{ada.withdraw('0.01', address).json()['id']}")
    answer = ada.withdraw("0.01", address)
    assert refused(answer) == (429, "rate_limited") and int(answer["Retry-After"]) <= 3600


def test_its_owner_cancels_it_until_it_is_part_of_a_payout(till: Till) -> None:
    ada, bob = Person(till, 1), Person(till)
    answer = ada.withdraw("0.05")
    path = f"/withdrawal/{answer.json()['id']}"
    for method in ("get", "delete"):
        assert refused(bob.send(method, path)) == (404, "unknown_withdrawal")
    till.settle()
    assert ada.send("delete", path).json()["state"] == "releasing"
    assert ada.send("delete", path).status_code == 200
    till.settle()
    done = ada.client.get(path).json()
    assert (done["state"], till.balance(ada.account)) == ("cancelled", (COIN, 0))
    assert len(told(ada, "withdrawal_cancelled")) == 1
    late = ada.withdraw("0.05")
    till.settle()
    till.pay(ada.one(late), until=WithdrawalState.BATCHED)
    refusal = ada.send("delete", f"/withdrawal/{late.json()['id']}")
    assert refused(refusal) == (422, "withdrawal_not_cancellable") and refusal.json()["state"] == "batched"


# The staff


def decide(person: Person, answer: Any, verdict: str, body: dict[str, str]) -> Any:
    return person.send("post", f"/staff/withdrawals/{answer.json()['id']}/{verdict}", body)


@pytest.fixture
def rich(till: Till) -> Person:
    person = Person(till, 30, role="admin")
    User.objects.filter(id=person.user.id).update(identified_at=till.now())
    return person


def test_over_the_limits_one_or_two_others_have_to_approve(till: Till, rich: Person) -> None:
    """Up to one coin within a day nobody, up to ten one, above two."""
    small, middle, large = (rich.withdraw(quantity) for quantity in ("1", "9", "0.1"))
    till.settle()
    assert [rich.one(one).state for one in (small, middle, large)] == ["approved", "reviewing", "reviewing"]
    first, second = Person(till, role="admin"), Person(till, role="admin")
    waiting = [one["id"] for one in first.client.get("/staff/withdrawals").json()["items"]]
    assert waiting[:2] == [large.json()["id"], middle.json()["id"]]
    assert decide(first, middle, "approve", {}).json()["state"] == "approved"
    assert refused(decide(rich, large, "approve", {})) == (403, "own_withdrawal")
    assert decide(first, large, "approve", {"words": "he called"}).json()["state"] == "reviewing"
    assert refused(decide(first, large, "approve", {})) == (422, "decided_already")
    (shown, *_) = second.client.get("/staff/withdrawals").json()["items"]
    assert [(one["by"], one["words"]) for one in shown["approvals"]] == [(first.user.email, "he called")]
    assert (shown["email"], shown["approvals_needed"]) == (rich.user.email, 2)
    assert decide(second, large, "approve", {}).json()["state"] == "approved"
    assert refused(decide(Person(till, role="admin"), large, "approve", {})) == (422, "withdrawal_not_to_be_decided")
    steps = " ".join(step["words"] for step in rich.client.get(f"/withdrawal/{large.json()['id']}").json()["steps"])
    assert first.user.email not in steps, "who decides is nobody's business but the staff's"


def test_what_one_of_the_staff_rejects_is_given_back_with_his_reason(till: Till, rich: Person) -> None:
    asked = rich.withdraw("20")
    till.settle()
    admin = Person(till, role="admin", proven=False)
    assert refused(decide(admin, asked, "approve", {})) == (403, "step_up_required")
    assert refused(decide(admin, asked, "reject", {})) == (400, "malformed")
    assert decide(admin, asked, "reject", {"reason": "The address is of a known thief."}).json()["state"] == "releasing"
    till.settle()
    done = rich.client.get(f"/withdrawal/{asked.json()['id']}").json()
    assert (done["state"], till.balance(rich.account)) == ("rejected", (30 * COIN, 0))
    assert "a known thief" in " ".join(step["words"] for step in done["steps"])
    assert "A withdrawal ended without being paid" in [mail.subject for mail in mails_to(email=rich.user.email)]


def test_only_admins_see_and_decide(till: Till, rich: Person) -> None:
    asked = rich.withdraw("20")
    till.settle()
    nosy = Person(till)
    for answer in (
        nosy.client.get("/staff/withdrawals"),
        decide(nosy, asked, "approve", {}),
        decide(nosy, asked, "reject", {"reason": "envy"}),
    ):
        assert refused(answer) == (403, "forbidden")
    admin = Person(till, role="admin")
    assert refused(admin.client.get("/staff/withdrawals?state=lost")) == (400, "invalid_parameter")
    for number in ("0", "x"):
        path = f"/staff/withdrawals/{number}/reject"
        assert refused(admin.send("post", path, {"reason": "no"})) == (404, "unknown_withdrawal")
    assert rich.one(asked).state == "reviewing"


def test_f149_nothing_is_withdrawn_while_the_engine_is_suspended_but_what_was_asked_for_is_told_again(
    till: Till,
) -> None:
    ada = Person(till, 1)
    address = ada.add().json()["address"]
    first = ada.withdraw("0.1", address, "first").json()["id"]
    mark = Mark(closure=Closure(phase="suspended"), then="open")
    terms = dict.fromkeys(
        ("tick_atoms", "lot_atoms", "minimum_lots", "minimum_notional_atoms", "maximum_open_orders"), 1
    )
    market = Market.objects.create(
        market="BTC/BTC", base_id="BTC", quote_id="BTC", state="cancel_only", fee_tiers=[], **terms
    )
    Market.objects.update(state_reason=mark.reason("a test"))
    assert refused(ada.withdraw("0.1", address, "second")) == (422, "engine_suspended")
    assert ada.withdraw("0.1", address, "first").json()["id"] == first
    assert ada.send("delete", f"/withdrawal/{first}").status_code == 200
    market.delete()
    assert ada.withdraw("0.1", address, "second").status_code == 201
