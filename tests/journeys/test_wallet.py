"""The wallet at a browser, beside a simulated chain and who watches it: deposit, register an address, withdraw, cancel."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.custody.stage import public_descriptor
from tests.custody.worlds import SimulatedWorld, world
from tests.fixtures import Cluster, manage
from tests.journeys.browser import PHONE, Window, needs_browser
from tests.journeys.people import mailed_code
from tests.server import ROOT, Server

pytestmark = needs_browser

CREDIT_LIMIT_MS = 60_000
SOMEWHERE = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[Server]:
    """With a chain of its own, as in `make run`, and no signer: what is approved waits."""
    database = cluster.copy("template_demo")
    with contextlib.ExitStack() as stack:
        chain = stack.enter_context(world("simulated"))
        assert isinstance(chain, SimulatedWorld)
        nodes = {"FUNDING_NODES": f"{chain.chain}={chain.target}"}
        manage("add_deposit_wallet", "BTC", chain.chain, public_descriptor(chain.chain, 77), url=database.url, **nodes)
        environment = {**os.environ, "DATABASE_URL": database.url, **nodes}
        process = subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "watch_custody"], env=environment)
        stack.callback(process.wait)
        stack.callback(process.kill)
        yield stack.enter_context(Server(database.url, KONTOR_CHAIN="simulated", **nodes))
    cluster.drop(database)


@pytest.fixture
def phone(browser: Browser, server: Server) -> Iterator[Window]:
    window = Window(browser, server, size=PHONE, scheme="light")
    yield window
    window.close()


def test_coins_come_and_go(window: Window, server: Server) -> None:
    page, person = window.page, server.trader()
    person.post("/account/security/email", {"code": mailed_code(server, person.email)}).raise_for_status()
    window.sign_in(person.email, then="/wallet")
    page.get_by_role("link", name="Deposit BTC").click()
    page.get_by_role("button", name="Get an address").click()
    code = page.get_by_role("img", name="QR code")
    expect(code).to_be_visible()
    expect(code).to_have_js_property("complete", True)
    assert code.evaluate("image => image.naturalWidth") > 100
    expect(page.locator("#deposit-address")).to_contain_text("bcrt1q")
    expect(page.get_by_text("simulated Bitcoin chain")).to_be_visible()
    page.get_by_label("Test BTC").fill("0.5")
    page.get_by_role("button", name="Send me test coins").click()
    state = page.locator(".movement-state")
    expect(state).to_have_text("Waiting for a block", timeout=CREDIT_LIMIT_MS)
    page.get_by_role("button", name="Mine a block").click()
    expect(page.get_by_text("1 of 3 confirmations.")).to_be_visible(timeout=CREDIT_LIMIT_MS)
    for _ in range(2):
        page.get_by_role("button", name="Mine a block").click()
        expect(page.get_by_role("button", name="Mine a block")).to_be_enabled()
    expect(state).to_have_text("Credited", timeout=CREDIT_LIMIT_MS)

    window.expect_complaint("403")  # it has to be proven who is there
    page.get_by_role("link", name="Withdraw", exact=True).click()
    page.get_by_role("link", name="Register an address").click()
    page.get_by_label("BTC address").fill(SOMEWHERE)
    page.get_by_label("Label").fill("vault")
    page.get_by_role("button", name="Register it").click()
    page.get_by_role("button", name="Send a code").click()
    expect(page.get_by_text("The code is on its way.")).to_be_visible()
    page.get_by_label("Code").fill(mailed_code(server, person.email))
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_label("BTC address")).to_have_value(SOMEWHERE)
    page.get_by_role("button", name="Register it").click()
    expect(page.get_by_role("row").filter(has_text="vault")).to_contain_text("Now")

    page.get_by_role("link", name="Withdraw", exact=True).click()
    quantity = page.get_by_label("Quantity")
    quantity.fill("0.50000001")
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.get_by_text("Only 0.5 BTC is available.")).to_be_visible()
    expect(quantity).to_be_focused()
    quantity.fill("0.03")
    quantity.press("Enter")
    expect(page.get_by_text("0.02990000 BTC will go to vault.")).to_be_visible()
    expect(state).to_have_text("Waiting for a payout", timeout=CREDIT_LIMIT_MS)
    page.locator(".movements summary").press("Enter")
    expect(page.get_by_text("Its amount and the fee are held.")).to_be_visible()
    page.get_by_role("button", name="Cancel this withdrawal").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(state).to_have_text("Cancelled", timeout=CREDIT_LIMIT_MS)
    expect(page.get_by_text("You cancelled it. What was held is available again.")).to_be_visible()
    assert person.balance("BTC") == {
        "asset": "BTC",
        "total": "0.50000000",
        "available": "0.50000000",
        "held": "0.00000000",
    }


def test_a_lost_answer_is_asked_for_again_under_the_same_key(window: Window, server: Server) -> None:
    page, person = window.page, server.trader(BTC="1")
    person.post("/account/security/email", {"code": mailed_code(server, person.email)}).raise_for_status()
    person.post("/account/security/step-up/code", {}).raise_for_status()
    proof = {"asset": "BTC", "address": SOMEWHERE, "label": "vault", "totp": mailed_code(server, person.email)}
    person.post("/withdrawal/addresses", proof).raise_for_status()
    window.sign_in(person.email, then="/wallet/withdraw")
    keys: list[str] = []

    def lose_first(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.abort()
        else:
            route.fulfill(status=503, json={"code": "not_ready", "detail": "Not ready."})

    window.expect_complaint("no answer|ERR_FAILED|503")
    page.route("**/withdrawal", lose_first)
    page.get_by_label("Quantity").fill("0.03")
    for _ in range(2):
        page.get_by_role("button", name="Withdraw 0.0299 BTC").click()
        expect(page.get_by_text("Sending again is safe")).to_be_visible()
    expect(page.get_by_text("Not ready.")).to_be_visible()
    assert len(keys) == 2
    assert len(set(keys)) == 1


@pytest.mark.parametrize("path", ["/wallet", "/wallet/deposit", "/wallet/withdraw", "/wallet/addresses"])
def test_it_fits_a_phone(phone: Window, server: Server, path: str) -> None:
    person = server.trader(BTC="1")
    phone.sign_in(person.email, then=path)
    expect(phone.page.get_by_text("Loading your wallet.")).to_have_count(0)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
