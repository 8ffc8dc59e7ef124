"""The pages of API keys and trading accounts under /settings, at a browser; the server as a process."""

import re

import httpx
from playwright.sync_api import Browser, Route, expect

from tests.journeys.browser import MARKET_PATH, PHONE, Window, needs_browser
from tests.journeys.people import app_code, protect
from tests.server import Server, Trader
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
    window.open("/settings/api-keys/new")
    expect(page.get_by_label("Name")).to_have_value("")


def has(server: Server, trader: Trader, account: int, asset: str) -> str:
    """What one of the trader's accounts has of an asset."""
    with server.client(Authorization=f"Bearer {trader.token}", **{"X-Account": str(account)}) as client:
        items = client.get("/account/balances").raise_for_status().json()["items"]
    return next(str(item["total"]) for item in items if item["asset"] == asset)


def test_an_account_is_opened_filled_and_traded_for(window: Window, server: Server) -> None:
    page, trader = window.page, server.trader(BTC="2", USD="1000")
    window.sign_in(trader.email, then="/settings/accounts")
    page.get_by_label("Name").fill("grid")
    page.get_by_role("button", name="Open the account").click()
    expect(page.get_by_text("The account grid is open.")).to_be_visible()
    page.get_by_label("Quantity").fill("2.5")
    page.get_by_role("button", name="Transfer").click()
    expect(page.get_by_label("Quantity")).to_be_focused()
    expect(page.get_by_label("Quantity")).to_have_accessible_description("Only 2 BTC is available there.")
    page.get_by_label("Quantity").fill("0.75")
    page.get_by_role("button", name="Transfer").click()
    expect(page.get_by_text("0.75 BTC went from main to grid.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="grid")).to_contain_text("0.75")
    grid = trader.get("/account/subaccounts")["items"][1]["id"]
    assert has(server, trader, grid, "BTC") == "0.75000000"
    page.get_by_role("button", name="Trade for grid").click()
    page.wait_for_url(f"**{MARKET_PATH}")
    window.wait_for_live()
    choice = page.get_by_label("Trading account")
    expect(choice).to_have_value(str(grid))
    window.enter_order(side="Sell", price="99000", quantity="0.5")
    window.send_button.click()
    expect(window.tab("Open orders")).to_have_text("Open orders 1")
    expect(window.panel("Order form")).to_contain_text("0.25000 BTC")
    assert trader.get("/trade/orders")["items"] == []
    window.panel("Your orders").get_by_role("button", name="Cancel sell at 99000").click()
    expect(window.order_rows).to_have_count(0)
    choice.select_option("main")
    expect(page.locator("main")).not_to_have_attribute("data-account", str(grid))
    window.wait_for_live()
    expect(window.panel("Order form").get_by_text("Available")).to_have_count(1)
    window.side("Sell").click()
    expect(window.panel("Order form")).to_contain_text("1.25000 BTC")


def test_a_transfer_whose_answer_is_lost_counts_once_when_sent_again(window: Window, server: Server) -> None:
    page, trader = window.page, server.trader(BTC="2")
    grid = trader.post("/account/subaccounts", {"name": "grid"}).json()["id"]
    window.expect_complaint("/account/transfers")
    lost: list[int] = []

    def lose_the_answer(route: Route) -> None:
        lost.append(route.fetch().status)
        route.abort("connectionreset")

    window.sign_in(trader.email, then="/settings/accounts")
    page.route("**/account/transfers", lose_the_answer, times=1)
    page.get_by_label("Quantity").fill("0.5")
    page.get_by_role("button", name="Transfer").click()
    expect(page.get_by_text("Sending again is safe")).to_be_visible()
    assert (lost, has(server, trader, grid, "BTC")) == ([201], "0.50000000")
    page.get_by_role("button", name="Transfer").click()
    expect(page.get_by_text("0.5 BTC went from main to grid.")).to_be_visible()
    assert has(server, trader, grid, "BTC") == "0.50000000"


def test_funds_go_to_another_person_after_a_proof(window: Window, server: Server) -> None:
    page, giver, taker = window.page, server.trader(BTC="2"), server.trader()
    window.sign_in(giver.email, then="/settings/accounts")
    app = protect(server, giver)
    window.expect_complaint("/account/transfers|status of 4")
    page.get_by_label("E-mail").fill("nobody")
    page.get_by_label("Quantity").fill("0,5")
    page.get_by_role("button", name="Transfer").click()
    expect(page.get_by_label("E-mail")).to_have_accessible_description("Enter the e-mail address of the other person.")
    page.get_by_label("E-mail").fill(taker.email)
    page.get_by_role("button", name="Transfer").click()
    page.wait_for_url(re.compile("/settings/confirm"))
    page.get_by_label("Code").fill(app_code(app))
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_label("E-mail")).to_have_value(taker.email)
    page.get_by_role("button", name="Transfer").click()
    expect(page.get_by_text(f"0.5 BTC went from main to {taker.email}.")).to_be_visible()
    assert taker.balance("BTC")["total"] == "0.50000000"
    page.get_by_label("E-mail").fill("nobody@example.com")
    page.get_by_label("Quantity").fill("0.1")
    page.get_by_role("button", name="Transfer").click()
    expect(page.get_by_text("Not transferred: Nobody but you can be given anything")).to_be_visible()
    expect(page.get_by_label("Quantity")).to_have_value("0.1")


def test_files_are_of_the_account_that_was_chosen(window: Window, server: Server) -> None:
    page, trader = window.page, server.trader(BTC="2")
    trader.post("/account/subaccounts", {"name": "grid"}).raise_for_status()
    window.sign_in(trader.email, then="/settings/accounts")
    lines = {}
    for account in ("main", "grid"):
        page.get_by_label("History of").select_option(account)
        for button in ("Trades", "Ledger", "Tax year"):
            with page.expect_download() as saved:
                page.get_by_role("button", name=re.compile(f"^{button}")).click()
            name = saved.value.suggested_filename
            lines[name] = saved.value.path().read_text().splitlines()
            expect(page.get_by_role("button", name="Loading…")).to_have_count(0)
    assert {name.split("-")[1].removesuffix(".csv") for name in lines} == {"trades", "ledger", "tax"}
    assert (len(lines["main-ledger.csv"]), len(lines["grid-ledger.csv"])) == (2, 1)


def test_the_accounts_fit_a_phone(browser: Browser, server: Server) -> None:
    trader = server.trader(BTC="2", USD="1000000", ETH="12")
    trader.post("/account/subaccounts", {"name": "an account with quite a long name"}).raise_for_status()
    phone = Window(browser, server, size=PHONE, scheme="light")
    phone.sign_in(trader.email, then="/settings/accounts")
    expect(phone.page.get_by_role("heading", name="Downloads")).to_be_visible()
    assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    phone.open_market()
    assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    expect(phone.page.get_by_label("Trading account")).to_be_in_viewport(ratio=1)
    phone.close()
