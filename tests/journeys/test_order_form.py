"""Every kind of order from the trading page's form, and what the page tells of it; Chromium, the server as a process."""

import pytest
from playwright.sync_api import expect

from tests.journeys.browser import Window, cells, needs_browser
from tests.server import Server, Trader

pytestmark = [needs_browser, pytest.mark.usefixtures("browser", "silent_market")]


def trade_at(seller: Trader, buyer: Trader, price: str) -> None:
    """Makes this the last price of the market, and leaves nothing in the book."""
    assert seller.order("sell", "0.1", price).status_code == 201
    assert buyer.order("buy", "0.1", price).json()["status"] == "filled"


def choose(window: Window, kind: str, side: str = "Sell") -> None:
    """Chooses side and kind once the page knows the last price, which kinds that wait are compared with."""
    window.side(side).click()
    window.panel("Order form").get_by_role("tab", name=kind).click()


def test_a_stop_waits_where_it_can_be_seen_and_its_history_tells_how_it_ended(
    window: Window, server: Server, seller: Trader, buyer: Trader
) -> None:
    trade_at(seller, buyer, "64000")
    holder = server.trader(BTC="1")
    window.trade_as(holder)
    expect(window.page.get_by_label("Last price")).to_contain_text("64,000.00")
    choose(window, "Stop")
    window.field("Trigger price").fill("64500")
    window.field("Quantity").fill("0.5")
    window.send_button.click()
    expect(window.field("Trigger price")).to_have_accessible_description(
        "A stop to sell waits below the last price, 64,000.00."
    )
    window.field("Trigger price").fill("63000")
    expect(window.send_button).to_have_text("Sell 0.5 BTC at 63,000 or below")
    window.send_button.click()
    expect(window.result).to_contain_text("Waiting Sell 0.5 BTC, stop")
    row = window.order_rows.first
    expect(row).to_contain_text("stop")
    assert cells(row)["Price"] == "≤ 63000.00"
    assert window.panel("Order book").locator("[data-own=yes]").count() == 0
    (stop,) = holder.get("/trade/orders")["items"]
    assert (stop["status"], stop["type"], stop["slippage_price"]) == ("waiting", "stop", "62370.00")
    buyer.order("buy", "0.5", "62900").raise_for_status()
    trade_at(seller, buyer, "63000")
    expect(window.result).to_contain_text("Filled")
    window.tab("Order history").click()
    window.order_rows.first.get_by_role("button", name="history of sell BTC/USD").click()
    sheet = window.page.get_by_role("dialog", name="Sell 0.5 BTC/USD")
    steps = sheet.get_by_role("listitem")
    expect(steps).to_have_count(len(holder.get(f"/trade/orders/{stop['id']}/history")["items"]))
    for place, words in enumerate(("Placed", "Waits for its trigger", "Triggered", "Filled a part")):
        expect(steps.nth(place)).to_contain_text(words)
    expect(steps.nth(3)).to_contain_text("0.5 at 62,900")
    window.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_the_other_kinds_that_wait_come_to_what_was_asked(window: Window, seller: Trader, buyer: Trader) -> None:
    trade_at(seller, buyer, "64000")
    window.trade_as(seller)
    expect(window.page.get_by_label("Last price")).to_contain_text("64,000.00")
    choose(window, "Take profit")
    window.field("Trigger price").fill("70000")
    window.field("Limit price").fill("70100")
    window.field("Quantity").fill("0.2")
    window.send_button.click()
    expect(window.tab("Open orders")).to_have_text("Open orders 1")
    assert cells(window.order_rows.first)["Price"] == "≥ 70000.00 → 70100.00"
    choose(window, "Trailing")
    expect(window.field("Trails from")).to_have_value("")
    window.field("Distance").fill("500")
    window.field("Quantity").fill("0.3")
    window.send_button.click()
    expect(window.tab("Open orders")).to_have_text("Open orders 2")
    trailing, profit = seller.get("/trade/orders")["items"]
    assert (profit["type"], profit["trigger_price"], profit["price"]) == ("take_profit_limit", "70000.00", "70100.00")
    assert (trailing["type"], trailing["trailing_offset"]) == ("trailing_stop", "500.00")
    window.panel("Your orders").get_by_role("button", name="Cancel sell at 70100").click()
    expect(window.tab("Open orders")).to_have_text("Open orders 1")


def test_an_oco_pair_goes_together(window: Window, seller: Trader, buyer: Trader) -> None:
    trade_at(seller, buyer, "64000")
    window.trade_as(seller)
    window.enter_order(side="Sell", price="70000", quantity="1")
    window.page.get_by_label("Attached orders").select_option("oco")
    window.field("Or stop at").fill("60000")
    window.send_button.click()
    expect(window.tab("Open orders")).to_have_text("Open orders 2")
    assert {order["type"] for order in seller.get("/trade/orders")["items"]} == {"limit", "stop"}
    assert seller.balance("BTC")["held"] == "1.00000000"
    window.panel("Your orders").get_by_role("button", name="Cancel sell at 70000").click()
    expect(window.panel("Your orders")).to_contain_text("No open orders.")
    window.tab("Order history").click()
    expect(window.order_rows.filter(has_text="the other one acted")).to_have_count(1)


def test_a_bracket_follows_what_was_bought(window: Window, seller: Trader, buyer: Trader) -> None:
    trade_at(seller, buyer, "64000")
    window.trade_as(buyer)
    window.enter_order(side="Buy", price="63000", quantity="0.4")
    window.page.get_by_label("Attached orders").select_option("bracket")
    window.field("Take profit at").fill("62000")
    window.field("Stop at").fill("60000")
    window.send_button.click()
    expect(window.field("Take profit at")).to_be_focused()
    window.field("Take profit at").fill("70000")
    window.send_button.click()
    expect(window.tab("Open orders")).to_have_text("Open orders 1")
    seller.order("sell", "0.4", "63000").raise_for_status()
    expect(window.tab("Open orders")).to_have_text("Open orders 2")
    shown = {cells(row)["Price"]: cells(row)["Quantity"] for row in window.order_rows.all()}
    assert shown == {"70000.00": "0.40000", "≤ 60000.00": "0.40000"}


def test_an_iceberg_that_ends_by_itself_and_steps_back(window: Window, seller: Trader) -> None:
    window.trade_as(seller)
    window.enter_order(side="Sell", price="64000", quantity="1")
    window.page.get_by_label("Time in force").select_option("GTD")
    window.page.get_by_label("Until").fill("2100-01-01T00:00")
    window.page.get_by_label("Post-only").check()
    window.page.get_by_label("Step back a tick").check()
    window.field("Shown at a time").fill("0.25")
    window.send_button.click()
    expect(window.book_row("sell", "64,000.00")).to_contain_text("0.25000")
    (order,) = seller.get("/trade/orders")["items"]
    assert (order["time_in_force"], order["post_only"], order["display_quantity"]) == ("GTD", "reprice", "0.25000")
    assert order["expires_at"].startswith(("2099-12-31", "2100-01-01"))
