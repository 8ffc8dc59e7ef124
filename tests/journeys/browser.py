"""A person at a browser: Chromium, one window, and everything that the window complained about.

A window that ends with a complaint nobody expected (console error, uncaught exception, failed request, refused by the
content security policy, answer of 400 or more) fails its test. Amounts are compared as text, without the commas that the
page groups them by.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, Response, expect, sync_playwright

from tests.fixtures import STATE
from tests.server import PASSWORD, Server, Trader

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LIMIT_MS = 60_000
DESK = (1440, 900)
PHONE = (390, 844)
MARKET_PATH = "/markets/BTC-USD"
expect.set_options(timeout=LIMIT_MS)


@contextmanager
def open_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        home = STATE / "browser"  # Chromium keeps crash reports and settings where HOME is
        home.mkdir(exist_ok=True)
        environment: dict[str, str | float | bool] = {**os.environ, "HOME": str(home)}
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            environment.pop(name, None)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, env=environment)
        yield browser
        browser.close()


class Window:
    """One tab with cookies of its own."""

    def __init__(self, browser: Browser, server: Server, *, size: tuple[int, int] = DESK, scheme: str = "dark") -> None:
        self.server = server
        self.complaints: list[str] = []
        self._expected: list[str] = []
        self._context = browser.new_context(
            base_url=server.url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
            has_touch=size == PHONE,
            locale="en-GB",
        )
        self._context.set_default_timeout(LIMIT_MS)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("requestfailed", self._on_failed_request)
        self.page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text} {message.location['url']}")

    def _on_failed_request(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # given up by the page itself, as when it is left
            self.complaints.append(f"no answer: {request.method} {request.url} {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"answer {response.status}: {response.request.method} {response.url}")

    def expect_complaint(self, pattern: str) -> None:
        """Complaints that match are part of this test."""
        self._expected.append(pattern)

    def close(self) -> None:
        """Closes the window; fails with what it complained about."""
        self._context.close()
        surprises = [one for one in self.complaints if not any(re.search(known, one) for known in self._expected)]
        if surprises:
            raise AssertionError("the window complained: " + "; ".join(surprises))

    # Going somewhere

    def open(self, path: str) -> None:
        self.page.goto(path)

    def open_market(self, path: str = MARKET_PATH) -> None:
        """The trading page, live."""
        self.open(path)
        self.wait_for_live()

    def wait_for_live(self) -> None:
        expect(self.page.locator("html")).to_have_attribute("data-connection", "live")

    def sign_in(self, email: str, password: str = PASSWORD, *, then: str = MARKET_PATH) -> None:
        self.open(f"/sign-in?next={then}")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"**{then}")

    def trade_as(self, trader: Trader) -> None:
        """The trading page of a signed-in trader, live and with the balances known."""
        self.sign_in(trader.email)
        self.wait_for_live()
        expect(self.panel("Order form").get_by_text("Available")).to_have_count(1)

    def remember_load(self) -> None:
        """Marks this load of the page; `is_same_load` is false after a reload."""
        self.page.evaluate("window.sameLoad = true")

    def is_same_load(self) -> bool:
        return bool(self.page.evaluate("window.sameLoad === true"))

    # Parts of the trading page

    def panel(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def field(self, name: str) -> Locator:
        return self.panel("Order form").get_by_role("textbox", name=name, exact=True)

    def side(self, name: str) -> Locator:
        return self.panel("Order form").get_by_role("radio", name=name)

    def tab(self, name: str) -> Locator:
        return self.panel("Your orders").get_by_role("tab", name=re.compile(f"^{name}"))

    @property
    def send_button(self) -> Locator:
        return self.panel("Order form").locator("button[type=submit]")

    @property
    def result(self) -> Locator:
        return self.panel("Order form").get_by_role("status")

    @property
    def order_rows(self) -> Locator:
        return self.panel("Your orders").locator("tbody tr")

    def book_row(self, side: str, price: str) -> Locator:
        name = {"buy": "Bid", "sell": "Ask"}[side]
        return self.panel("Order book").get_by_role("button", name=re.compile(f"^{name} {re.escape(price)},"))

    def enter_order(self, *, price: str, quantity: str, side: str = "Buy") -> None:
        """Types a limit order without sending it."""
        self.side(side).click()
        self.field("Price").fill(price)
        self.field("Quantity").fill(quantity)


def cells(row: Locator) -> dict[str, str]:
    """A row's cells by the heading they go by on a phone, without group commas."""
    pairs = row.locator("td[data-label]").evaluate_all(
        "all => all.map(td => [td.dataset.label, td.textContent.trim()])"
    )
    return {label: text.replace(",", "") for label, text in pairs}
