"""The site as people use it: Chromium, the server as a process, real clicks and keys."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.core.management import call_command
from playwright.sync_api import Browser, expect

from tests.fixtures import Cluster
from tests.journeys.browser import CHROMIUM, DESK, MARKET_PATH, PHONE, Window, cells, open_browser
from tests.journeys.people import make_admin
from tests.server import PASSWORD, Server, Trader

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package chromium")


@pytest.fixture(scope="module", autouse=True)
def site_files(cluster: Cluster) -> None:
    """The files of the site, where a server looks for them when it starts."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def browser(site_files: None) -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def window(browser: Browser, server: Server) -> Iterator[Window]:
    window = Window(browser, server)
    yield window
    window.close()


@pytest.fixture
def people(server: Server) -> Iterator[Callable[..., Trader]]:
    """Makes traders, and takes their orders out of the book afterwards."""
    made: list[Trader] = []

    def make(**funds: str) -> Trader:
        made.append(server.trader(**funds))
        return made[-1]

    yield make
    for trader in made:
        trader.http.delete("/trade/orders").raise_for_status()


def test_a_newcomer_signs_up_and_is_told_the_next_step_everywhere(window: Window) -> None:
    page = window.page
    window.open("/")
    page.get_by_role("link", name="Start trading").click()
    page.wait_for_url(f"**{MARKET_PATH}")
    window.wait_for_live()
    expect(window.panel("Your orders")).to_contain_text("Sign up or sign in to start")
    window.panel("Order form").get_by_role("link", name="Sign up to trade").click()
    page.get_by_label("E-mail").fill("newcomer@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open an account").click()
    page.wait_for_url(f"**{MARKET_PATH}")
    window.wait_for_live()
    for tab, words in [
        ("Open orders", "No open orders. Click a price in the book to start one."),
        ("Order history", "No finished orders yet."),
        ("Fills", "No fills yet."),
        ("Balances", "Take some demo money to start trading."),
    ]:
        window.tab(tab).click()
        expect(window.panel("Your orders")).to_contain_text(words)
    expect(window.panel("Chart")).to_contain_text("No trades yet. The first one draws the first candle.")
    expect(window.panel("Trades")).to_contain_text("No trades yet.")
    expect(window.panel("Order book")).to_contain_text("No orders yet.")


def test_the_faucet_fills_the_wallet(window: Window, people: Callable[..., Trader]) -> None:
    trader = people()
    window.trade_as(trader)
    window.tab("Balances").click()
    window.panel("Your orders").get_by_role("button", name="Get 50,000 USD").click()
    expect(window.order_rows.filter(has_text="US dollar")).to_contain_text("50,000.00")
    expect(window.page.get_by_text("50,000 USD added to your balance.")).to_be_visible()
    assert trader.balance("USD")["available"] == "50000.00"


def test_a_typed_order_rests_in_the_book_and_holds_its_funds(window: Window, people: Callable[..., Trader]) -> None:
    trader = people(USD="50000")
    window.trade_as(trader)
    window.enter_order(price="41000.5", quantity="0.25")
    expect(window.field("Total")).to_have_value("10,250.125")
    expect(window.send_button).to_have_text("Buy 0.25 BTC for at most 10,270.63 USD")
    expect(window.panel("Order form")).to_contain_text("Held while it waits10,260.375125 USD")
    window.send_button.click()
    expect(window.result).to_contain_text("Open Buy 0.25 BTC at 41,000.5")
    expect(window.book_row("buy", "41,000.50")).to_have_attribute("data-own", "yes")
    expect(window.tab("Open orders")).to_have_text("Open orders 1")
    (order,) = trader.get("/trade/orders")["items"]
    row = cells(window.order_rows.first)
    assert (row["Price"], row["Quantity"], row["Filled"]) == (
        order["price"],
        order["quantity"],
        order["filled_quantity"],
    )
    window.tab("Balances").click()
    held = trader.balance("USD")["held"]
    assert held == "10260.375125"
    assert cells(window.order_rows.filter(has_text="US dollar"))["Held in orders"] == held


def test_a_click_in_the_book_takes_the_price(window: Window, people: Callable[..., Trader]) -> None:
    people(BTC="1").order("sell", "0.4", "52000.07").raise_for_status()
    trader = people(USD="50000")
    window.trade_as(trader)
    window.book_row("sell", "52,000.07").click()
    expect(window.field("Price")).to_have_value("52,000.07")
    window.book_row("sell", "52,000.07").click(modifiers=["Shift"])
    expect(window.field("Quantity")).to_have_value("0.4")
    window.send_button.click()
    expect(window.result).to_contain_text("Filled Buy 0.4 BTC at 52,000.07")
    assert trader.balance("BTC")["total"] == "0.40000000"


def test_a_trade_shows_everywhere_without_a_reload(window: Window, people: Callable[..., Trader]) -> None:
    trader = people(BTC="2")
    window.trade_as(trader)
    window.remember_load()
    window.enter_order(side="Sell", price="53210.98", quantity="1.23456")
    window.send_button.click()
    expect(window.tab("Open orders")).to_have_text("Open orders 1")
    assert people(USD="100000").order("buy", "0.23456", "54000").json()["status"] == "filled"
    expect(window.page.get_by_label("Last price")).to_contain_text("53,210.98")
    expect(window.panel("Trades").locator("tbody tr").first).to_contain_text("0.23456")
    expect(window.panel("Chart").locator(".legend")).to_contain_text("C53,210.98")
    expect(window.page).to_have_title(re.compile(r"^53210\.98 BTC/USD"))
    expect(window.order_rows.first).to_contain_text("0.23456")
    expect(window.result).to_contain_text("0.23456 BTC filled, average 53,210.98")
    (fill,) = trader.get("/trade/fills")["items"]
    window.tab("Fills").click()
    expect(window.order_rows).to_have_count(1)
    row = cells(window.order_rows.first)
    assert (row["Price"], row["Quantity"], row["Role"]) == (fill["price"], fill["quantity"], fill["liquidity"])
    assert row["Fee"] == f"{fill['fee'].rstrip('0').rstrip('.')} {fill['fee_asset']}"
    window.tab("Balances").click()
    expect(window.order_rows.filter(has_text="Bitcoin")).to_contain_text("1.00000000")
    for name, asset in (("Bitcoin", "BTC"), ("Ether", "ETH"), ("US dollar", "USD")):
        row, balance = cells(window.order_rows.filter(has_text=name)), trader.balance(asset)
        shown = {"total": row["Total"], "available": row["Available"], "held": row["Held in orders"]}
        assert {"asset": asset, **shown} == balance
    assert window.is_same_load()


def test_the_book_and_the_trades_say_what_the_api_says(window: Window, people: Callable[..., Trader]) -> None:
    seller, buyer = people(BTC="20"), people(USD="2000000")
    for at in range(8):
        seller.order("sell", f"0.{at + 1}0203", f"6{at}001.0{at}").raise_for_status()
        buyer.order("buy", f"0.0{at + 1}507", f"5{at}999.{at}7").raise_for_status()
    buyer.order("buy", "0.1", "60001").raise_for_status()
    window.open_market()
    expect(window.book_row("sell", "60,001.00")).to_contain_text("0.00203")
    book = buyer.get("/public/orderbook", market="BTC/USD", depth=8)
    for side, levels in (("Asks", book["asks"]), ("Bids", book["bids"])):
        rows = window.panel("Order book").get_by_role("group", name=side).get_by_role("button")
        expect(rows).to_have_count(8)
        shown = rows.evaluate_all(
            "all => all.map(row => [...row.children].slice(0, 2).map(cell => cell.textContent.trim()))"
        )
        assert [[price.replace(",", ""), size] for price, size in shown] == levels
    trade = buyer.get("/public/trades", market="BTC/USD", limit=1)["items"][0]
    newest = window.panel("Trades").locator("tbody tr").first.locator("td")
    assert newest.nth(0).inner_text().removeprefix("▲").strip().replace(",", "") == trade["price"]
    assert newest.nth(1).inner_text() == trade["quantity"]


def test_one_order_is_cancelled_by_its_button(window: Window, people: Callable[..., Trader]) -> None:
    trader = people(USD="50000")
    for price in ("40000", "40001"):
        trader.order("buy", "0.1", price).raise_for_status()
    window.trade_as(trader)
    window.panel("Your orders").get_by_role("button", name="Cancel buy at 40001").click()
    expect(window.order_rows).to_have_count(1)
    expect(window.book_row("buy", "40,001.00")).to_have_count(0)
    (left,) = trader.get("/trade/orders")["items"]
    assert left["price"] == "40000.00"
    window.tab("Order history").click()
    expect(window.order_rows.first).to_contain_text("cancelled")


def test_alt_x_cancels_all_after_a_question(window: Window, people: Callable[..., Trader]) -> None:
    trader = people(USD="50000")
    for price in ("40000", "40001", "40002"):
        trader.order("buy", "0.1", price).raise_for_status()
    window.trade_as(trader)
    expect(window.order_rows).to_have_count(3)
    question = window.page.get_by_role("dialog", name="Cancel all 3 open orders?")
    window.page.keyboard.press("Alt+x")
    question.get_by_role("button", name="Keep them").click()
    expect(question).to_be_hidden()
    assert len(trader.get("/trade/orders")["items"]) == 3
    window.page.keyboard.press("Alt+x")
    question.get_by_role("button", name="Cancel all 3").click()
    expect(window.page.get_by_text("Cancelled 3 orders.")).to_be_visible()
    expect(window.panel("Your orders")).to_contain_text("No open orders.")
    assert trader.balance("USD")["held"] == "0.00"


WRONG_ORDERS = [
    ("64000.001", "1", "Price", "Use steps of 0.01: 64,000 or 64,000.01."),
    ("64000", "0.000001", "Quantity", "Use steps of 0.00001: 0.00001."),
    ("64000", "0.00002", "Quantity", "The smallest order is 0.00005 BTC."),
    ("64000", "5", "Quantity", "You have 1,000 USD available."),
    ("a lot", "1", "Price", "“a lot” is not a number."),
]


def test_a_wrong_order_says_so_beside_its_field_and_keeps_what_was_typed(
    window: Window, people: Callable[..., Trader]
) -> None:
    trader = people(USD="1000")
    window.trade_as(trader)
    for price, quantity, field, words in WRONG_ORDERS:
        window.enter_order(price=price, quantity=quantity)
        window.send_button.click()
        expect(window.field(field)).to_be_focused()
        expect(window.field(field)).to_have_accessible_description(re.compile(f"^{re.escape(words)}"))
        typed = [window.field(name).input_value().replace(",", "") for name in ("Price", "Quantity")]
        assert [text.removesuffix(".00") for text in typed] == [price, quantity]
        window.page.keyboard.press("Escape")
    assert trader.get("/trade/orders")["items"] == []


def test_an_order_that_the_exchange_refuses_keeps_what_was_typed(window: Window, people: Callable[..., Trader]) -> None:
    trader = people(BTC="1")
    window.trade_as(trader)
    window.expect_complaint("422")
    window.enter_order(side="Sell", price="9" * 25, quantity="0.1")
    window.send_button.click()
    expect(window.result).to_contain_text("Not placed")
    assert window.field("Price").input_value().replace(",", "") == "9" * 25 + ".00"
    expect(window.field("Quantity")).to_have_value("0.1")
    assert trader.get("/trade/orders")["items"] == []


def test_an_order_by_keyboard_alone(window: Window, people: Callable[..., Trader]) -> None:
    trader = people(BTC="1")
    window.trade_as(trader)
    keys = window.page.keyboard
    keys.press("s")
    expect(window.field("Price")).to_be_focused()
    expect(window.side("Sell")).to_be_checked()
    keys.type("70000.05")
    keys.press("ArrowUp")
    expect(window.field("Price")).to_have_value("70,000.06")
    for _ in range(10):
        keys.press("Tab")
        if window.field("Quantity").evaluate("field => field === document.activeElement"):
            break
    keys.type("0.5")
    keys.press("Enter")
    expect(window.result).to_contain_text("Open Sell 0.5 BTC at 70,000.06")
    keys.press("Escape")
    expect(window.field("Price")).to_have_value("")
    keys.press("?")
    expect(window.page.get_by_role("dialog", name="Keys")).to_be_visible()
    keys.press("Escape")
    keys.press("/")
    expect(window.page.get_by_role("searchbox", name="Search markets")).to_be_focused()
    keys.type("ethusd")
    keys.press("Enter")
    window.page.wait_for_url("**/markets/ETH-USD")
    expect(window.order_rows.first).to_contain_text("BTC/USD")


def test_a_market_order_with_the_thumb(browser: Browser, server: Server, people: Callable[..., Trader]) -> None:
    people(BTC="1").order("sell", "0.5", "48000").raise_for_status()
    trader = people(USD="10000")
    phone = Window(browser, server, size=PHONE)
    phone.sign_in(trader.email)
    phone.wait_for_live()
    assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    parts = phone.page.get_by_role("tablist", name="Parts of the page")
    for tab, panel in [
        ("Chart", "Chart"),
        ("Book", "Order book"),
        ("Trade", "Order form"),
        ("Orders", "Your orders"),
        ("Wallet", "Wallet"),
    ]:
        parts.get_by_role("tab", name=tab).tap()
        expect(phone.panel(panel)).to_be_visible()
        assert phone.page.locator(".trading > .panel:visible, .trading > .book-column:visible").count() == 1
    phone.page.locator(".quick-sides").get_by_role("button", name="Buy").tap()
    phone.panel("Order form").get_by_role("tab", name="Market").tap()
    phone.field("Quantity").tap()
    phone.field("Quantity").fill("0.125")
    box = phone.send_button.bounding_box()
    assert box is not None and box["height"] >= 44 and box["width"] > 300
    phone.send_button.tap()
    expect(phone.result).to_contain_text("Filled Buy 0.125 BTC")
    assert trader.balance("BTC")["total"] == "0.12500000"
    phone.close()


def test_a_killed_server_dims_the_page_and_its_return_brings_it_up_to_date(
    browser: Browser, own_server: Server
) -> None:
    trader = own_server.trader(USD="50000")
    trader.order("buy", "0.1", "40000").raise_for_status()
    window = Window(browser, own_server)
    window.expect_complaint("WebSocket connection to|/session/stream-token")
    window.trade_as(trader)
    window.remember_load()
    book = window.panel("Order book").locator(".book")
    expect(book).to_have_css("opacity", "1")
    own_server.kill()
    expect(window.page.get_by_text(re.compile(r"^Reconnecting, prices are from \d\d:\d\d:\d\d$"))).to_be_visible()
    expect(book).to_have_css("opacity", "0.45")
    expect(window.book_row("buy", "40,000.00")).to_be_visible()
    own_server.start()
    trader.order("buy", "0.2", "40001").raise_for_status()
    window.wait_for_live()
    expect(window.book_row("buy", "40,001.00")).to_be_visible()
    expect(window.book_row("buy", "40,000.00")).to_be_visible()
    expect(window.tab("Open orders")).to_have_text("Open orders 2")
    expect(window.page.get_by_text("Reconnecting, prices")).to_have_count(0)
    expect(book).to_have_css("opacity", "1")
    assert window.is_same_load()
    window.close()


def test_signing_out_ends_the_session_of_the_page(window: Window, people: Callable[..., Trader]) -> None:
    trader = people()
    window.trade_as(trader)
    window.page.get_by_role("link", name="Account").click()
    expect(window.page.get_by_text(trader.email)).to_be_visible()
    window.page.get_by_role("button", name="Sign out").click()
    expect(window.page.get_by_role("link", name="Sign in")).to_be_visible()
    window.open_market()
    expect(window.panel("Your orders")).to_contain_text("Your orders and balances will be here.")


def test_a_wrong_password_keeps_the_address(window: Window) -> None:
    window.expect_complaint("422")
    window.open("/sign-in")
    window.page.get_by_label("E-mail").fill("nobody@example.com")
    window.page.get_by_label("Password").fill("not the password")
    window.page.get_by_role("button", name="Sign in").click()
    expect(window.page.get_by_role("alert")).to_have_text("The address or the password is wrong.")
    expect(window.page.get_by_label("E-mail")).to_have_value("nobody@example.com")


STRANGERS_PAGES = ("/", MARKET_PATH, "/markets/ETH-BTC", "/sign-in", "/sign-up", "/status", "/docs", "/docs/problems")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_page_complains_or_overflows(browser: Browser, server: Server, scheme: str) -> None:
    operator = next(
        user for user in json.loads((settings.STATE / "demo.json").read_text())["users"] if user["role"] == "operator"
    )
    window = Window(browser, server, scheme=scheme)
    backgrounds = set()
    for path in STRANGERS_PAGES:
        window.open(path)
        backgrounds.add(window.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert window.page.evaluate("document.documentElement.scrollWidth") <= 1440, path
        if path.startswith("/markets/"):
            window.wait_for_live()
    assert backgrounds == {{"dark": "rgb(12, 15, 19)", "light": "rgb(243, 241, 236)"}[scheme]}
    window.open("/api/docs")
    expect(window.page.get_by_text("/account/balances")).to_be_visible()
    window.sign_in(operator["email"], operator["password"], then="/admin/")
    expect(window.page.get_by_role("heading", name="Journal, markets, books and people")).to_be_visible()
    window.open("/settings")
    expect(window.page.get_by_text(operator["email"])).to_be_visible()
    window.close()


def test_no_page_is_wider_than_a_phone(browser: Browser, server: Server) -> None:
    phone = Window(browser, server, size=PHONE)
    for path in (*STRANGERS_PAGES, "/api/docs"):
        phone.open(path)
        if path == "/api/docs":
            expect(phone.page.get_by_text("/account/balances")).to_be_visible()
        assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE[0], path
    phone.close()


def test_a_problems_type_leads_to_its_explanation(window: Window) -> None:
    with window.server.client() as client:
        problem = client.get("/public/ticker", params={"market": "NO/SUCH"}).json()
    window.open(problem["type"])
    expect(window.page.locator(":target")).to_contain_text(problem["title"])
    expect(window.page.locator(":target")).to_be_in_viewport()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_notice_of_the_staff_comes_by_itself_and_can_be_put_away(
    browser: Browser, server: Server, size: tuple[int, int]
) -> None:
    admin = make_admin(server)
    text = "Trading pauses <b>tonight</b>, for as long as an update of the matching engine and of its database takes."
    window = Window(browser, server, size=size)
    page = window.page
    window.open(MARKET_PATH)
    window.wait_for_live()
    admin.post("/staff/notices", {"text": text, "severity": "maintenance"}).raise_for_status()
    bar = page.get_by_role("region", name="Announcements")
    expect(bar).to_contain_text(f"Maintenance: {text}")
    expect(page.locator(".freshness-bar")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    window.open("/status")
    expect(bar).to_contain_text(text)
    bar.get_by_role("button", name="Put away").focus()
    page.keyboard.press("Escape")
    expect(bar.get_by_role("paragraph")).to_have_count(0)
    window.open(MARKET_PATH)
    window.wait_for_live()
    expect(bar.get_by_role("paragraph")).to_have_count(0)
    admin.post("/staff/notices", {"text": "Another.", "severity": "incident"}).raise_for_status()
    expect(bar).to_contain_text("Incident: Another.")
    for one in admin.get("/staff/notices")["items"]:
        admin.http.delete(f"/staff/notices/{one['id']}").raise_for_status()
    expect(bar.get_by_role("paragraph")).to_have_count(0)
    window.close()
