"""The pages of API keys and trading accounts under /settings, at a browser; the server as a process."""

import re

import httpx
from playwright.sync_api import expect

from tests.journeys.browser import Window, needs_browser
from tests.journeys.people import app_code, protect
from tests.server import Server
from tests.signing import hmac_auth

pytestmark = needs_browser


def make_key(window: Window, name: str, *scopes: str) -> None:
    """Fills in the form of a new key and sends it."""
    page = window.page
    page.get_by_label("Name").fill(name)
    for scope in scopes:
        page.get_by_label(scope).check()
    page.get_by_role("button", name="Make the key").click()


def test_a_key_is_made_used_changed_and_ended(window: Window, server: Server) -> None:
    page, trader = window.page, server.trader(BTC="1")
    window.sign_in(trader.email, then="/settings/api-keys")
    expect(page.get_by_text("No keys yet.")).to_be_visible()
    page.get_by_role("link", name="Make a key").click()
    window.expect_complaint("422")
    make_key(window, "desk")
    expect(page.get_by_text("This field is required.")).to_be_visible()
    page.get_by_label("Addresses").fill("not an address")
    make_key(window, "desk", "Read")
    expect(page.get_by_text("Not an address or a network")).to_be_visible()
    page.get_by_label("Addresses").fill("127.0.0.1 10.0.0.0/8")
    page.get_by_label("Last day").fill("2100-01-31")
    page.get_by_role("button", name="Make the key").click()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the secret").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    secret, key_id = page.locator("#key-secret").inner_text(), page.locator("#key-id").inner_text()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    with httpx.Client(base_url=server.url, auth=hmac_auth({"id": key_id, "secret": secret})) as program:
        assert program.get("/account/balances").status_code == 200
        assert program.delete("/trade/orders").status_code == 403
        page.get_by_role("link", name="I have kept it").click()
        assert secret not in page.content()
        row = page.get_by_role("row").filter(has_text="desk")
        for words in ("HMAC-SHA256", "read", "127.0.0.1/32, 10.0.0.0/8", "1 Feb 2100"):
            expect(row).to_contain_text(words)
        page.get_by_role("link", name="Change desk").click()
        page.get_by_label("Name").fill("night desk")
        page.get_by_label("Addresses").fill("10.0.0.0/8")
        page.get_by_role("button", name="Change the key").click()
        expect(page.get_by_role("status")).to_have_text("The key night desk is changed.")
        assert program.get("/account/balances").status_code == 403
        page.get_by_role("link", name="Change night desk").click()
        page.get_by_role("button", name="End the key").click()
        expect(page.get_by_text("No keys yet.")).to_be_visible()
        assert program.get("/account/balances").status_code == 401


def test_a_public_key_is_taken_and_no_secret_shown(window: Window, server: Server) -> None:
    page, trader = window.page, server.trader()
    window.sign_in(trader.email, then="/settings/api-keys/new")
    window.expect_complaint("422")
    page.get_by_label("Ed25519 public key").fill("half a key")
    make_key(window, "pair", "Trade")
    expect(page.get_by_text("Not base64 of 32 bytes, and not PEM.")).to_be_visible()
    page.get_by_label("Ed25519 public key").fill("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text("Sign with the private half")).to_be_visible()
    expect(page.locator("#key-secret")).to_have_count(0)
    page.get_by_role("link", name="To the keys").click()
    expect(page.get_by_role("row").filter(has_text="pair")).to_contain_text("Ed25519")


def test_a_key_takes_a_proof_of_who_has_a_second_factor_and_what_was_typed_stays(
    window: Window, server: Server
) -> None:
    page, trader = window.page, server.trader()
    window.sign_in(trader.email, then="/settings/api-keys/new")
    app = protect(server, trader)
    make_key(window, "desk & co", "Read", "Trade")
    page.wait_for_url(re.compile("/settings/confirm"))
    page.get_by_label("Code").fill(app_code(app))
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_label("Name")).to_have_value("desk & co")
    expect(page.get_by_label("Trade")).to_be_checked()
    expect(page.get_by_label("Withdraw")).not_to_be_checked()
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("#key-secret")).to_be_visible()
    assert [key["name"] for key in trader.get("/account/api-keys")["items"]] == ["desk & co"]
