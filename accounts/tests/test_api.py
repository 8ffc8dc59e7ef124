"""The realms /user, /session and /account/security as a program sees them."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from django.core.cache import cache
from django.test import Client

from accounts.media_types import MESSAGEPACK
from accounts.models import Session, User
from tests.fixtures import Database

from .people import EMAIL, PASSWORD, TOTP_PERIOD_S, mailed_code, mailed_token, totp_code

NEW_PASSWORD = "an even longer password"


@pytest.fixture
def anybody(database: Database) -> Client:
    cache.clear()
    client = Client()
    assert send(client, "post", "/user", {"email": EMAIL, "password": PASSWORD}).status_code == 201
    return client


@pytest.fixture
def ada(anybody: Client) -> Client:
    return signed_in({"email": EMAIL, "password": PASSWORD})


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(path, body, content_type="application/json")


def signed_in(body: dict[str, str]) -> Client:
    answer = send(Client(), "post", "/session", body)
    assert answer.status_code == 201, answer.json()
    return Client(headers={"authorization": f"Bearer {answer.json()['token']}"})


def later(seconds: int) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)


def with_app(client: Client) -> tuple[str, list[str]]:
    """An app in force, from the first mail to the recovery codes."""
    assert send(client, "post", "/account/security/email", {"code": mailed_code()}).status_code == 204
    offer = send(client, "post", "/account/security/totp").json()
    body = {"token": offer["token"], "code": totp_code(offer["secret"], later(-TOTP_PERIOD_S)), "password": PASSWORD}
    answer = send(client, "put", "/account/security/totp", body)
    assert answer.status_code == 200, answer.json()
    return offer["secret"], answer.json()["recovery_codes"]


def test_signing_in_by_password_or_by_a_code_but_not_by_both(anybody: Client) -> None:
    assert send(anybody, "post", "/session/code", {"email": EMAIL}).status_code == 202
    code = mailed_code()
    for body in [{"email": EMAIL}, {"email": EMAIL, "password": PASSWORD, "code": code}]:
        answer = send(anybody, "post", "/session", body)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    client = signed_in({"email": EMAIL, "code": code})
    assert client.get("/session").json()["items"][0]["current"] is True
    again = send(anybody, "post", "/session", {"email": EMAIL, "code": code})
    assert (again.status_code, again.json()["code"]) == (401, "wrong_code")


@pytest.mark.parametrize("path", ["/session/code", "/user/password-reset"])
def test_asking_by_mail_is_answered_the_same_for_everybody(anybody: Client, path: str) -> None:
    answers = [send(anybody, "post", path, {"email": email}) for email in (EMAIL, "nobody@example.com")]
    assert [(one.status_code, one.content) for one in answers] == [(202, b"")] * 2
    assert send(anybody, "post", path, {"email": 5}).status_code == 400


def test_what_protects_the_account_is_shown(ada: Client) -> None:
    shown = ada.get("/account/security").json()
    assert shown["level"] == 0 and shown["limits"] == {"withdrawal_usd_per_day": 0}
    assert shown["step_up_ways"] == ["email_code"] and shown["withdrawals_frozen_until"] is None
    with_app(ada)
    shown = ada.get("/account/security").json()
    assert shown["level"] == 1 and shown["limits"] == {"withdrawal_usd_per_day": 10_000}
    assert [factor["kind"] for factor in shown["second_factors"]] == ["totp"]
    assert shown["recovery_codes_left"] == 10 and shown["step_up_ways"] == ["totp", "recovery_code"]
    assert shown["withdrawals_frozen_until"].endswith("Z")


def test_with_an_app_nobody_signs_in_without_its_code(ada: Client) -> None:
    secret, codes = with_app(ada)
    anybody = Client()
    for body, code in [
        ({"password": PASSWORD}, "second_factor_required"),
        ({"password": PASSWORD, "totp": "000000x"}, "wrong_second_factor"),
        ({"password": "wrong", "totp": codes[0]}, "wrong_credentials"),
    ]:
        answer = send(anybody, "post", "/session", {"email": EMAIL, **body})
        assert (answer.status_code, answer.json()["code"]) == (401, code)
    send(anybody, "post", "/session/code", {"email": EMAIL})
    by_mail = {"email": EMAIL, "code": mailed_code()}
    assert send(anybody, "post", "/session", by_mail).json()["code"] == "second_factor_required"
    signed_in({**by_mail, "totp": codes[1]})  # the code was not spent by the attempt before
    code = totp_code(secret, later(0))
    signed_in({"email": EMAIL, "password": PASSWORD, "totp": code})
    replayed = send(anybody, "post", "/session", {"email": EMAIL, "password": PASSWORD, "totp": code})
    assert replayed.json()["code"] == "wrong_second_factor"


def test_a_stolen_session_cannot_add_or_remove_a_factor(ada: Client) -> None:
    send(ada, "post", "/account/security/email", {"code": mailed_code()})
    offer = send(ada, "post", "/account/security/totp").json()
    body = {"token": offer["token"], "code": totp_code(offer["secret"], later(-TOTP_PERIOD_S))}
    assert send(ada, "put", "/account/security/totp", body).json()["code"] == "step_up_required"
    wrong = send(ada, "put", "/account/security/totp", {**body, "password": "wrong"})
    assert wrong.json()["code"] == "wrong_credentials"
    assert send(ada, "put", "/account/security/totp", {**body, "password": PASSWORD}).status_code == 200
    (factor,) = ada.get("/account/security").json()["second_factors"]
    path = f"/account/security/factors/{factor['id']}"
    assert send(ada, "delete", path, {}).json()["code"] == "step_up_required"
    assert send(ada, "post", "/account/security/recovery-codes", {}).json()["code"] == "step_up_required"
    code = totp_code(offer["secret"], later(0))
    assert send(ada, "post", "/account/security/step-up", {"totp": code}).json()["step_up_until"] is not None
    assert len(send(ada, "post", "/account/security/recovery-codes", {}).json()["recovery_codes"]) == 10
    assert send(ada, "delete", "/account/security/factors/9999", {}).json()["code"] == "unknown_factor"
    assert send(ada, "delete", "/account/security/factors/x", {}).json()["code"] == "unknown_factor"
    assert send(ada, "delete", path, {}).status_code == 204
    assert ada.get("/account/security").json()["recovery_codes_left"] == 0


def test_changing_and_resetting_the_password(ada: Client) -> None:
    weak = send(ada, "post", "/account/security/password", {"password": PASSWORD, "new_password": "12345678"})
    assert (weak.status_code, list(weak.json()["errors"])) == (422, ["new_password"])
    other = signed_in({"email": EMAIL, "password": PASSWORD})
    body = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    assert send(ada, "post", "/account/security/password", body).status_code == 204
    assert other.get("/session").status_code == 401 and ada.get("/session").status_code == 200
    send(Client(), "post", "/user/password-reset", {"email": EMAIL})
    reset = {"token": mailed_token(), "password": PASSWORD}
    assert send(Client(), "post", "/user/password", reset).status_code == 204
    assert send(Client(), "post", "/user/password", reset).json()["code"] == "link_spent"
    assert ada.get("/session").status_code == 401
    signed_in({"email": EMAIL, "password": PASSWORD})


def test_sessions_are_listed_and_ended(ada: Client) -> None:
    signed_in({"email": EMAIL, "password": PASSWORD})
    items = ada.get("/session").json()["items"]
    assert [(one["current"], one["ip"]) for one in items] == [(False, "127.0.0.1"), (True, "127.0.0.1")]
    assert all(one["last_used_at"] for one in items)
    assert ada.delete("/session/others").status_code == 204
    assert len(ada.get("/session").json()["items"]) == 1
    assert ada.delete("/session").status_code == 204
    assert ada.get("/session").status_code == 401
    assert Session.objects.filter(ended_at=None).count() == 0


def test_events_are_paged_newest_first(ada: Client) -> None:
    for _ in range(3):
        signed_in({"email": EMAIL, "password": PASSWORD})
    seen, cursor = [], ""
    while True:
        page = ada.get(f"/account/security/events?limit=2{cursor}").json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [event["kind"] for event in seen] == ["signed_in"] * 4 + ["signed_up"]
    assert seen[0]["ip"] == "127.0.0.1" and seen[0]["at"].endswith("Z")
    for query in ("limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=-1"):
        answer = ada.get(f"/account/security/events?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter"), query


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/account/security"),
        ("get", "/account/security/events"),
        ("post", "/account/security/password"),
        ("post", "/account/security/email"),
        ("post", "/account/security/email/code"),
        ("post", "/account/security/step-up"),
        ("post", "/account/security/step-up/code"),
        ("post", "/account/security/totp"),
        ("put", "/account/security/totp"),
        ("delete", "/account/security/factors/1"),
        ("post", "/account/security/recovery-codes"),
        ("delete", "/session/others"),
    ],
)
def test_strangers_are_told_to_sign_in(anybody: Client, method: str, path: str) -> None:
    answer = send(anybody, method, path, {} if method != "get" else None)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_what_is_not_there_is_a_problem(ada: Client) -> None:
    assert ada.get("/account/security/nothing").json()["code"] == "not_found"


def test_a_browsers_cookie_session_works_with_its_csrf_token_alone(anybody: Client) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.get("/sign-in")
    token = browser.cookies["csrftoken"].value
    form = {"email": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert browser.post("/sign-in", form).status_code == 302
    assert browser.get("/account/security").status_code == 200
    refused = browser.post("/account/security/email/code", content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    assert (
        browser.post("/account/security/email/code", content_type="application/json", headers=headers).status_code
        == 202
    )


def test_a_session_that_was_ended_elsewhere_ends_the_browsers_pages_too(anybody: Client) -> None:
    browser = Client()
    assert browser.post("/sign-in", {"email": EMAIL, "password": PASSWORD}).status_code == 302
    assert browser.get("/settings").status_code == 200
    Session.objects.update(ended_at=dt.datetime.now(dt.UTC))
    assert browser.get("/settings").headers["Location"].startswith("/sign-in")
    assert User.objects.count() == 1


def test_a_sign_in_that_waits_for_its_second_factor_ends_with_a_new_password(ada: Client) -> None:
    _, codes = with_app(ada)
    waiting, other = Client(), Client()
    for browser in (waiting, other):
        answer = browser.post("/sign-in", {"email": EMAIL, "password": PASSWORD})
        assert answer.headers["Location"] == "/sign-in/second-factor"
        assert browser.get("/settings").headers["Location"].startswith("/sign-in?")
    assert other.post("/sign-in/second-factor", {"code": codes[0]}).headers["Location"] == "/markets/BTC-USD"
    assert other.get("/settings").status_code == 200
    send(Client(), "post", "/user/password-reset", {"email": EMAIL})
    send(Client(), "post", "/user/password", {"token": mailed_token(), "password": NEW_PASSWORD})
    assert waiting.post("/sign-in/second-factor", {"code": codes[1]}).headers["Location"] == "/sign-in"
    assert other.get("/settings").headers["Location"].startswith("/sign-in?")


@pytest.mark.parametrize("content_type", ["", "application/json"])
def test_a_body_of_which_nothing_is_said_is_json(anybody: Client, content_type: str) -> None:
    body = f'{{"email": "{EMAIL}", "password": "{PASSWORD}"}}'
    assert anybody.generic("POST", "/session", body, content_type=content_type).status_code == 201


def test_json_nested_too_deeply_is_malformed(anybody: Client) -> None:
    answer = anybody.generic("POST", "/session", "[" * 30_000, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("path", ["/user/", "/user/x", "/session/x/y", "/api/x", "/stream", "/account/security/x"])
def test_an_unknown_path_is_answered_in_the_form_that_was_asked_for(anybody: Client, path: str) -> None:
    plain = anybody.get(path)
    assert (plain.status_code, plain.json()["code"]) == (404, "not_found")
    assert plain["Content-Type"] == "application/problem+json"
    packed = anybody.get(path, headers={"accept": "application/msgpack"})
    assert (packed["Content-Type"], msgspec.msgpack.decode(packed.content)["code"]) == (MESSAGEPACK, "not_found")


@pytest.mark.parametrize("host", ["a b", "ex_ample", "a:b:c", ""])
@pytest.mark.parametrize("path", ["/session", "/account/security", "/"])
def test_a_host_that_is_not_served_is_a_problem(path: str, host: str) -> None:
    plain = Client().get(path, headers={"host": host})
    assert (plain.status_code, plain.json()["code"]) == (400, "malformed")
    assert plain["Content-Type"] == "application/problem+json"
    packed = Client().get(path, headers={"host": host, "accept": MESSAGEPACK})
    assert (packed["Content-Type"], msgspec.msgpack.decode(packed.content)["code"]) == (MESSAGEPACK, "malformed")


def test_a_problem_of_the_document_is_no_yaml(anybody: Client) -> None:
    answer = send(anybody, "put", "/api/schema", {})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_an_empty_accept_says_nothing(ada: Client) -> None:
    assert ada.get("/session", headers={"accept": ""}).status_code == 200


@pytest.mark.parametrize(
    ("query", "code", "fields"),
    [("limt=5", "invalid_parameter", ["limt"]), ("limit=1&limit=2", "malformed", []), ("limit=1", "", [])],
)
def test_a_list_is_asked_for_by_what_it_knows(ada: Client, query: str, code: str, fields: list[str]) -> None:
    answer = ada.get(f"/account/security/events?{query}").json()
    assert (answer.get("code", ""), list(answer.get("errors", {}))) == (code, fields)


def test_a_field_that_is_not_known_is_named(anybody: Client) -> None:
    answer = send(anybody, "post", "/session", {"email": EMAIL, "password": PASSWORD, "otp": "1"}).json()
    assert (answer["code"], list(answer["errors"])) == ("invalid_parameter", ["otp"])
