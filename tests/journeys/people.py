"""What tests know that only a person or the staff has: mails that came, the app with its codes, a role, a log."""

import datetime as dt
import re

import httpx
import psycopg
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from tests.server import PASSWORD, Server, Trader, wait_until


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


def make_admin(server: Server) -> Trader:
    """Somebody with the role admin, whose session knows it."""
    person = server.trader()
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        connection.execute("UPDATE accounts_user SET role = 'admin' WHERE email = %s", (person.email,))
    wait_until(lambda: person.http.get("/staff/users").status_code == 200, what="the session has the role")
    return person


def log_of(person: Trader, kind: str = "acted") -> list[str]:
    events = person.get("/account/security/events", limit=100)["items"]
    return [one["detail"] for one in events if one["kind"] == kind]
