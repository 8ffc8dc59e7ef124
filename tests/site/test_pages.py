"""The pages as pages: what a browser without scripts sees, and what they never say."""

import datetime as dt
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.api_keys import create_key
from accounts.mails import write_mail
from accounts.models import Account, ApiKey, Mail, User
from accounts.security_log import Caller
from accounts.users import create_operator, register
from funding.addresses import new_address
from funding.models import DepositWallet
from tests.custody.stage import public_descriptor
from tests.fixtures import Database
from trading.models import Asset, Market

PASSWORD = "a quiet long password"


@pytest.fixture
def browser(demo_database: Database) -> Client:
    _list_markets()
    return Client(headers={"accept": "text/html"})


def _list_markets() -> None:
    """What the projector writes once the exchange has started."""
    for name in ("BTC", "ETH", "USD"):
        Asset.objects.create(asset=name, name=name, kind="crypto", decimals=8, trading_decimals=2)
    for name in ("BTC/USD", "ETH/USD", "ETH/BTC"):
        base, quote = name.split("/")
        Market.objects.create(
            market=name,
            base_id=base,
            quote_id=quote,
            state="open",
            tick_atoms=100,
            lot_atoms=1000,
            minimum_lots=10,
            minimum_notional_atoms=100,
            maximum_open_orders=100,
            fee_tiers=[],
        )


def sign_up(browser: Client, **more: str) -> Any:
    return browser.post("/sign-up", {"email": "ada@example.com", "password": PASSWORD, **more})


def test_front_page_lists_the_markets_without_scripts(browser: Client) -> None:
    page = browser.get("/").content.decode()
    assert "/markets/BTC-USD" in page
    assert "/markets/ETH-BTC" in page


@pytest.mark.parametrize("path", ["/", "/markets/BTC-USD", "/sign-up", "/sign-in", "/status"])
def test_only_scripts_with_a_nonce_may_run(browser: Client, path: str) -> None:
    answer = browser.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    nonces = set(re.findall(r'nonce="([^"]+)"', answer.content.decode()))
    assert len(nonces) == 1
    assert f"'nonce-{nonces.pop()}'" in policy


@pytest.mark.parametrize("path", ["/markets/XXX-USD", "/markets/btc-usd", "/markets/BTC-USD-ETH", "/nowhere"])
def test_unknown_pages_are_404_in_words(browser: Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert b"Nothing here" in answer.content


def test_signing_up_signs_in_and_goes_where_one_came_from(browser: Client) -> None:
    answer = sign_up(browser, next="/markets/ETH-USD")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/markets/ETH-USD"
    assert 'data-signed-in="yes"' in browser.get("/markets/ETH-USD").content.decode()
    assert "ada@example.com" in browser.get("/settings").content.decode()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "evil"])
def test_nobody_is_sent_away_from_the_site(browser: Client, target: str) -> None:
    assert sign_up(browser, next=target).headers["Location"] == "/markets/BTC-USD"


def test_a_weak_password_is_refused_beside_its_field(browser: Client) -> None:
    answer = browser.post("/sign-up", {"email": "ada@example.com", "password": "12345678"})
    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()
    assert not User.objects.filter(email="ada@example.com").exists()


def test_a_known_address_is_not_revealed(browser: Client) -> None:
    register(email="ada@example.com", password="somebody else's password")
    answer = sign_up(browser)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "No account could be opened with this address and password" in page
    assert 'data-signed-in="yes"' not in browser.get("/markets/BTC-USD").content.decode()


def test_signing_in_and_out(browser: Client) -> None:
    register(email="ada@example.com", password=PASSWORD)
    wrong = browser.post("/sign-in", {"email": "ada@example.com", "password": "not it at all"})
    assert wrong.status_code == 422
    assert "The address or the password is wrong." in wrong.content.decode()
    assert browser.post("/sign-in", {"email": "ada@example.com", "password": PASSWORD}).status_code == 302
    assert browser.get("/settings").status_code == 200
    assert browser.get("/sign-out").status_code == 405
    assert browser.post("/sign-out").headers["Location"] == "/"
    assert browser.get("/settings").headers["Location"].startswith("/sign-in?next=")


def test_forms_need_the_token() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/sign-up", {"email": "ada@example.com", "password": PASSWORD}).status_code == 403


def test_the_trading_page_sets_the_token_that_its_calls_send(browser: Client) -> None:
    browser.get("/markets/BTC-USD")
    assert "csrftoken" in browser.cookies


def write_to(*users: User) -> None:
    for user in users:
        write_mail(to=user.email, user=user, subject="Hello", text=f"for {user.id}", now=dt.datetime.now(dt.UTC))


def test_a_demos_mail_is_read_by_its_owner_and_at_the_machine_but_the_staffs_by_itself_alone(browser: Client) -> None:
    operator = create_operator(email="op@example.com", password=PASSWORD)
    sign_up(browser)
    ada = User.objects.get(email="ada@example.com")
    write_to(operator, ada)
    at_machine, remote = {"HTTP_HOST": "localhost:8000"}, {"REMOTE_ADDR": "192.0.2.1", "HTTP_HOST": "localhost"}
    assert f"for {ada.id}" in Client().get("/demo/mail", **at_machine).content.decode()
    for seen in (Client().get("/demo/mail", **at_machine), browser.get("/demo/mail", **remote)):
        assert f"for {operator.id}" not in seen.content.decode()
    assert f"for {ada.id}" in browser.get("/demo/mail", **remote).content.decode()
    staff = Client()
    staff.post("/sign-in", {"email": operator.email, "password": PASSWORD})
    assert f"for {operator.id}" in staff.get("/demo/mail", **remote).content.decode()
    for other in (
        remote,
        {"HTTP_HOST": "rebound.example"},
        {"HTTP_HOST": "localhost", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_HOST": "localhost", "REMOTE_ADDR": ""},
    ):
        assert f"for {ada.id}" not in Client().get("/demo/mail", **other).content.decode(), other
    found = Client().get("/demo/mail?to=%00ADA@example.com", HTTP_ACCEPT="application/json", **at_machine).json()
    assert {item["to"] for item in found["items"]} == {"ada@example.com"}


def test_elsewhere_than_in_demo_mode_nobody_reads_mail(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_up(browser)
    assert Mail.objects.count() == 1
    monkeypatch.setattr(settings, "DEMO", False)
    assert browser.get("/demo/mail", HTTP_HOST="localhost").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/settings",
        "/settings/password",
        "/settings/app",
        "/settings/sessions",
        "/settings/log",
        "/settings/confirm",
        "/settings/accounts",
        "/settings/api-keys",
        "/settings/api-keys/new",
    ],
)
def test_the_settings_are_for_those_who_are_signed_in(browser: Client, path: str) -> None:
    assert browser.get(path).headers["Location"] == f"/sign-in?next={path}"


def test_passkeys_need_the_token_a_beginning_and_an_answer_that_fits(browser: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/sign-in/passkey/begin", {}, content_type="application/json").status_code == 403
    sign_up(browser)
    User.objects.update(email_verified_at=dt.datetime.now(dt.UTC))
    for path, body, status, code in [
        ("/settings/passkeys/begin", {"password": "wrong"}, 401, "wrong_credentials"),
        ("/settings/passkeys/add", {"name": "x", "credential": {}}, 401, "wrong_second_factor"),
        ("/settings/passkeys/add", {"name": "x"}, 400, "malformed"),
        ("/settings/passkeys/add", {"name": "\0", "credential": {}}, 400, "malformed"),
        ("/settings/passkeys/add", [], 400, "malformed"),
        ("/sign-in/passkey", {"credential": {"response": {"userHandle": "AAAA"}}}, 401, "wrong_second_factor"),
        ("/settings/confirm/passkey", {"credential": {"id": 5}}, 401, "wrong_second_factor"),
    ]:
        answer = browser.post(path, body, content_type="application/json", HTTP_HOST="localhost")
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


def test_a_challenge_for_signing_in_registers_nothing(browser: Client) -> None:
    sign_up(browser)
    User.objects.update(email_verified_at=dt.datetime.now(dt.UTC))
    begun = browser.post("/sign-in/passkey/begin", {}, content_type="application/json", HTTP_HOST="localhost")
    assert begun.status_code == 200 and begun.json()["publicKey"]["challenge"]
    answer = browser.post(
        "/settings/passkeys/add", {"credential": {"id": "x"}}, content_type="application/json", HTTP_HOST="localhost"
    )
    assert answer.json()["code"] == "wrong_second_factor"
    assert "mfa.webauthn.state" not in browser.session


def test_nobody_chooses_or_changes_what_is_anothers(browser: Client) -> None:
    sign_up(browser)
    bob = register(email="bob@example.com", password=PASSWORD)
    theirs = Account.objects.get(owner=bob)
    now = dt.datetime.now(dt.UTC)
    made = create_key(
        account_id=theirs.id,
        name="bob's",
        scopes=["read"],
        addresses=[],
        expires_at=None,
        public_key=None,
        caller=Caller(ip=None, user_agent="", session_id=None),
        now=now,
    )
    mine = Account.objects.get(owner__email="ada@example.com")
    browser.post("/settings/accounts/choose", {"account": str(theirs.id)})
    assert f'data-account="{mine.id}"' in browser.get("/markets/BTC-USD").content.decode()
    form = {"name": "x", "account": str(theirs.id), "scopes": ["read"]}
    assert browser.post("/settings/api-keys/new", form).status_code == 422
    assert browser.get(f"/settings/api-keys/{made.key.id}").status_code == 404
    assert browser.post(f"/settings/api-keys/{made.key.id}", {"name": "mine"}).status_code == 404
    assert browser.post(f"/settings/api-keys/{made.key.id}/end").status_code == 404
    assert [(key.name, key.revoked_at) for key in ApiKey.objects.all()] == [("bob's", None)]
    assert "bob" not in browser.get("/settings/api-keys").content.decode()
    assert browser.post("/settings/accounts/choose", {"account": "1", "next": "//evil.example/"})["Location"] == (
        "/markets/BTC-USD"
    )


def test_a_strangers_link_fills_in_no_key(browser: Client) -> None:
    sign_up(browser)
    page = browser.get("/settings/api-keys/new", {"name": "theirs", "public_key": "their half", "scopes": "withdraw"})
    assert page.status_code == 200
    assert b"their" not in page.content
    assert b"checked" not in page.content


def test_the_wallet_is_for_who_is_signed_in_and_a_qr_code_for_the_addresss_owner(browser: Client) -> None:
    for path in ("/wallet", "/wallet/deposit", "/wallet/qr/1.svg"):
        assert browser.get(path).headers["Location"].startswith("/sign-in?next=")
    sign_up(browser)
    assert 'data-view="deposit"' in browser.get("/wallet/deposit").content.decode()
    descriptor = public_descriptor("bitcoin:regtest", 1)
    now = dt.datetime.now(dt.UTC)
    DepositWallet.objects.create(asset="BTC", chain="bitcoin:regtest", descriptor=descriptor, created_at=now)
    for owner in ("ada@example.com", "bob@example.com"):
        if not User.objects.filter(email=owner).exists():
            register(email=owner, password=PASSWORD)
    mine, theirs = (
        new_address(account=Account.objects.get(owner__email=owner), asset="BTC", now=now)
        for owner in ("ada@example.com", "bob@example.com")
    )
    code = browser.get(f"/wallet/qr/{mine.id}.svg")
    assert (code.status_code, code.headers["Content-Type"]) == (200, "image/svg+xml")
    assert code.content.startswith(b"<?xml") and b"<script" not in code.content
    assert browser.get(f"/wallet/qr/{theirs.id}.svg").status_code == 404
