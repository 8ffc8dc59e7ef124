"""The pages as pages: what a browser without scripts sees, and what they never say."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.users import register
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
