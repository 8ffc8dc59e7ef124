"""How people protect their accounts, at a browser and over two processes: the server as a process, real mails on /demo/mail."""

import concurrent.futures
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.fixtures import Cluster
from tests.journeys.browser import MARKET_PATH, PHONE, Window, needs_browser
from tests.journeys.people import app_code, mailed_code, newest_mail, protect
from tests.journeys.stream_client import Stream
from tests.server import PASSWORD, Server, wait_until

NEW_PASSWORD = "an even longer password"
SIGN_INS = 20


REGISTER_BY_A_CHALLENGE_FOR_SIGNING_IN = """async () => {
  const { post } = await import("/static/site/js/api.js");
  const { publicKey } = await post("/sign-in/passkey/begin", {});
  const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON({
    challenge: publicKey.challenge,
    rp: { id: "localhost", name: "Kontor" },
    user: { id: "AAAA", name: "thief", displayName: "thief" },
    pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -257 }],
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
  }) });
  const added = post("/settings/passkeys/add", { name: "thief", credential: credential.toJSON() });
  return added.then(() => "added", (error) => error.code);
}"""


def sign_up(window: Window, email: str) -> None:
    page = window.page
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open an account").click()
    page.wait_for_url(f"**{MARKET_PATH}")


def verify_address(window: Window, server: Server, email: str) -> None:
    page = window.page
    page.get_by_label("Code from the mail").fill(mailed_code(server, email))
    page.get_by_role("button", name="Verify the address").click()
    expect(page.get_by_text("The e-mail address is verified.")).to_be_visible()


@needs_browser
def test_from_signing_up_to_an_app_and_back_in(window: Window, server: Server) -> None:
    page, email = window.page, "app@example.com"
    window.open("/sign-up")
    sign_up(window, email)
    window.open("/settings")
    page.get_by_role("link", name="Verify it").click()
    verify_address(window, server, email)
    page.get_by_role("link", name="Add an authenticator app").click()
    expect(page.get_by_role("img", name="QR code for the authenticator app")).to_be_visible()
    key = page.locator(".key").inner_text().replace(" ", "")
    window.expect_complaint("422")
    page.get_by_label("Code that the app shows now").fill("000000x")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_text("The code is not the app's.")).to_be_visible()
    assert page.locator(".key").inner_text().replace(" ", "") == key  # what was scanned is still good
    page.get_by_label("Code that the app shows now").fill(app_code(key, -1))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Turn it on").click()
    codes = page.locator(".codes code")
    expect(codes).to_have_count(10)
    recovery_code = codes.first.inner_text()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("Withdrawals are frozen until")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    # The password alone opens nothing.
    window.open("/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/sign-in/second-factor*")
    window.open("/settings")
    page.wait_for_url("**/sign-in?next=/settings")
    window.open("/sign-in/second-factor?next=/settings")
    page.get_by_label("Code").fill(recovery_code)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(f"{server.url}/settings")
    page.get_by_role("link", name="Security log").click()
    for words in ("A second factor was added", "A recovery code was used", "The e-mail address was verified"):
        expect(page.get_by_text(words)).to_be_visible()


@needs_browser
def test_no_page_of_the_settings_is_wider_than_a_phone(browser: Browser, server: Server) -> None:
    phone, trader = Window(browser, server, size=PHONE), server.trader()
    phone.expect_complaint("422")  # a second factor before the address is verified
    phone.sign_in(trader.email, then="/settings")
    places = (
        "",
        "/password",
        "/email",
        "/app",
        "/passkeys",
        "/recovery-codes",
        "/sessions",
        "/log",
        "/confirm",
        "/accounts",
        "/api-keys",
        "/api-keys/new",
    )
    for path in (*(f"/settings{place}" for place in places), "/demo/mail", "/sign-in/code", "/password-reset"):
        phone.open(path)
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], path
    phone.close()


@needs_browser
def test_another_address_takes_a_code_that_is_sent_to_it(window: Window, server: Server) -> None:
    page, before, after = window.page, "before@example.com", "after@example.com"
    window.open("/sign-up")
    sign_up(window, before)
    window.open("/settings/email")
    page.get_by_role("link", name="Use another address").click()
    page.get_by_label("E-mail").fill(after)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Send a code to it").click()
    page.get_by_label("Code from the mail").fill(mailed_code(server, after))
    page.get_by_role("button", name="Make it my address").click()
    expect(page.get_by_text(f"Your address is {after} now.")).to_be_visible()
    expect(page.get_by_text("verified", exact=False).first).to_be_visible()
    assert "The e-mail address was changed" in newest_mail(server, before)


@needs_browser
def test_a_passkey_signs_in_without_a_password(window: Window, server: Server) -> None:
    page, email = window.page, "passkey@example.com"
    authenticator = page.context.new_cdp_session(page)
    authenticator.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    site = f"http://localhost:{server.port}"
    window.open(f"{site}/sign-up")
    sign_up(window, email)
    window.open(f"{site}/settings/email")
    verify_address(window, server, email)
    # A stolen session has no password, and cannot have a challenge for signing in answered by a new key.
    window.expect_complaint("401")
    assert page.evaluate(REGISTER_BY_A_CHALLENGE_FOR_SIGNING_IN) == "wrong_second_factor"
    authenticator.send("WebAuthn.clearCredentials", {"authenticatorId": made["authenticatorId"]})
    page.get_by_role("link", name="Passkeys").click()
    page.get_by_label("Name").fill("My laptop")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.locator(".codes code")).to_have_count(10)
    window.open(f"{site}/settings")
    expect(page.get_by_text("My laptop")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    window.open(f"{site}/sign-in?next=/settings")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{site}/settings")
    # As a second factor after the password, too.
    page.get_by_role("button", name="Sign out").click()
    window.open(f"{site}/sign-in?next=/settings/password")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/sign-in/second-factor*")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{site}/settings/password")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("The password is changed.")).to_be_visible()
    window.open(f"{site}/settings/confirm?next=/settings/log")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{site}/settings/log")
    expect(page.get_by_text("A second factor was proven by a passkey")).to_be_visible()
    window.open(f"{site}/settings")
    page.get_by_role("button", name="Remove My laptop").click()
    expect(page.get_by_text("The second factor is removed.")).to_be_visible()
    expect(page.get_by_text("Add an authenticator app")).to_be_visible()


@needs_browser
def test_a_code_by_mail_and_a_forgotten_password(window: Window, server: Server) -> None:
    page, email = window.page, server.trader().email
    window.open("/sign-in?next=/settings")
    page.get_by_role("link", name="Get a code by mail instead").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Send the code").click()
    page.get_by_label("Code from the mail").fill(mailed_code(server, email))
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(f"{server.url}/settings")
    page.get_by_role("link", name="Sessions").click()
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("button", name="End all others").click()
    expect(page.get_by_role("row")).to_have_count(2)
    window.open("/settings/confirm?next=/settings/log")
    page.get_by_role("button", name=f"Send a code to {email}").click()
    expect(page.get_by_text("The code is on its way.")).to_be_visible()
    page.get_by_label("Code from the mail").fill(mailed_code(server, email))
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(f"{server.url}/settings/log")
    window.open("/password-reset")
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look at your mail")).to_be_visible()
    link = re.search(r"/password-reset/\S+", newest_mail(server, email))
    assert link is not None
    window.open(link[0])
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="The password is set")).to_be_visible()
    window.expect_complaint("422")
    window.open(link[0])
    expect(page.get_by_role("heading", name="This link does not work any more")).to_be_visible()
    window.open("/settings")
    page.wait_for_url("**/sign-in?next=/settings")
    window.sign_in(email, NEW_PASSWORD, then="/settings")


def test_a_session_that_is_ended_in_one_process_ends_in_all(cluster: Cluster) -> None:
    database = cluster.copy("template_demo")
    with Server(database.url) as one, Server(database.url) as other:
        trader = one.trader()
        mine = {"Authorization": f"Bearer {trader.token}"}
        elsewhere = other.client(**mine)
        assert elsewhere.get("/account/balances").status_code == 200
        token = elsewhere.get("/session/stream-token").json()["token"]
        with Stream(other) as stream:
            token = elsewhere.get("/session/stream-token").json()["token"]
            assert stream.call("subscribe", channel="balances", token=token)["success"]
            assert trader.http.delete("/session").status_code == 204
            assert trader.http.get("/account/balances").status_code == 401
            wait_until(lambda: elsewhere.get("/account/balances").status_code == 401, what="it ends there")
            assert stream.close_code() == 4001
    cluster.drop(database)


@pytest.fixture
def demo(cluster: Cluster) -> Iterator[Server]:
    """A server with the settings of the demo, passwords' hash and all."""
    database = cluster.copy("template_demo")
    with Server(database.url, DJANGO_SETTINGS_MODULE="exchange.settings.demo") as server:
        yield server
    cluster.drop(database)


def test_twenty_sign_ins_at_once_hold_up_neither_streams_nor_health(demo: Server) -> None:
    email = demo.trader().email

    def sign_in(_: int) -> int:
        with demo.client() as client:
            return client.post("/session", json={"email": email, "password": PASSWORD}).status_code

    def count_probes() -> int:
        count = 0
        with demo.client() as client:
            while not all(one.done() for one in under_way):
                assert client.get("/health/live").status_code == 200
                count += 1
        return count

    with Stream(demo) as stream, concurrent.futures.ThreadPoolExecutor(SIGN_INS + 1) as pool:
        under_way = [pool.submit(sign_in, number) for number in range(SIGN_INS)]
        probes = pool.submit(count_probes)
        while not all(one.done() for one in under_way):
            stream.first(lambda message: message.get("channel") == "heartbeat", what="a heartbeat")
        assert [one.result() for one in under_way] == [201] * SIGN_INS
    # On the event loop each sign-in would let one or two of these through.
    assert probes.result() > 3 * SIGN_INS


def test_a_key_asks_a_person_with_an_app_for_its_code(server: Server) -> None:
    person = server.trader()
    with server.client() as client:
        credentials = {"email": person.email, "password": PASSWORD}
        other = client.post("/session", json=credentials).raise_for_status().json()["token"]
    secret = protect(server, person)
    key = {"name": "desk", "scopes": ["read"]}
    with server.client(Authorization=f"Bearer {other}") as client:
        refused = client.post("/account/api-keys", json=key)
        assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required")
        gift = {"asset": "BTC", "quantity": "1", "to_email": "nobody@example.com"}
        refused = client.post("/account/transfers", json=gift, headers={"Idempotency-Key": "gift"})
        assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required")
        made = client.post("/account/api-keys", json={**key, "totp": app_code(secret)})
        assert made.status_code == 201
        assert client.patch(f"/account/api-keys/{made.json()['id']}", json={"addresses": ["10.0.0.0/8"]}).is_success
