"""What tests know that only a person has: the mails that came, and the app with its codes."""

import datetime as dt
import re

import httpx
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from tests.server import PASSWORD, Server, Trader


def newest_mail(server: Server, email: str) -> str:
    answer = httpx.get(f"{server.url}/demo/mail", params={"to": email}, headers={"Accept": "application/json"})
    return str(answer.raise_for_status().json()["items"][0]["text"])


def mailed_code(server: Server, email: str) -> str:
    found = re.search(r"^ {4}([0-9]{6})$", newest_mail(server, email), re.MULTILINE)
    assert found is not None
    return found[1]


def app_code(key: str, step: int = 0) -> str:
    counter = int(dt.datetime.now(dt.UTC).timestamp()) // 30 + step
    return str(format_hotp_value(hotp_value(key, counter)))


def protect(server: Server, person: Trader) -> str:
    """Gives a person an authenticator app; returns its key. The code of the step before this one is spent."""
    person.post("/account/security/email", {"code": mailed_code(server, person.email)}).raise_for_status()
    offer = person.post("/account/security/totp", {}).raise_for_status().json()
    setting = {"token": offer["token"], "code": app_code(offer["secret"], -1), "password": PASSWORD}
    person.http.put("/account/security/totp", json=setting).raise_for_status()
    return str(offer["secret"])
