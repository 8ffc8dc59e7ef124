"""Who may make which call: every route of every table × every role and key × another user's ids.

The calls come from the route tables themselves. Who may make each is written down here once more: a route that is not in
WHO fails, so that none is added without somebody having thought of it.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from accounts.scopes import ROLES, SCOPES
from tests.fixtures import manage
from tests.server import PASSWORD, Server, Trader
from tests.signing import KeyAuth, hmac_key
from trading.api.application import ROUTES

WHO = {
    "GET /health/live": "all",
    "GET /health/ready": "all",
    "GET /public/assets": "all",
    "GET /public/candles": "all",
    "GET /public/fees": "all",
    "GET /public/limits": "all",
    "GET /public/markets": "all",
    "GET /public/orderbook": "all",
    "GET /public/status": "all",
    "GET /public/ticker": "all",
    "GET /public/time": "all",
    "GET /public/trades": "all",
    "GET /public/coingecko/historical_trades": "all",
    "GET /public/coingecko/orderbook": "all",
    "GET /public/coingecko/pairs": "all",
    "GET /public/coingecko/tickers": "all",
    "GET /public/udf/config": "all",
    "GET /public/udf/history": "all",
    "GET /public/udf/search": "all",
    "GET /public/udf/symbols": "all",
    "GET /public/udf/time": "all",
    "GET /api/schema": "all",
    "GET /api/docs": "all",
    "POST /user": "all",
    "POST /user/password": "all",
    "POST /user/password-reset": "all",
    "POST /session": "all",
    "POST /session/code": "all",
    "GET /session": "user",
    "DELETE /session": "user",
    "DELETE /session/others": "user",
    "DELETE /session/{session_id}": "user",
    "GET /session/stream-token": "any_key",
    "GET /account": "read",
    "GET /account/balances": "read",
    "GET /account/ledger": "read",
    "GET /account/export/ledger.csv": "read",
    "GET /account/export/tax.csv": "read",
    "GET /account/export/trades.csv": "read",
    "POST /account/faucet": "user",
    "GET /account/api-keys": "user",
    "POST /account/api-keys": "user",
    "PATCH /account/api-keys/{id}": "user",
    "DELETE /account/api-keys/{id}": "user",
    "GET /account/subaccounts": "user",
    "POST /account/subaccounts": "user",
    "POST /account/transfers": "user",
    "DELETE /account/security/factors/{factor_id}": "user",
    "GET /account/security": "user",
    "GET /account/security/events": "user",
    "POST /account/security/email": "user",
    "POST /account/security/email/code": "user",
    "POST /account/security/email/new": "user",
    "PUT /account/security/email/new": "user",
    "POST /account/security/password": "user",
    "POST /account/security/recovery-codes": "user",
    "POST /account/security/step-up": "user",
    "POST /account/security/step-up/code": "user",
    "POST /account/security/totp": "user",
    "PUT /account/security/totp": "user",
    "GET /deposit": "read",
    "GET /deposit/addresses": "read",
    "POST /deposit/addresses": "read",
    "GET /deposit/{deposit_id}": "read",
    "POST /deposit/test-blocks": "user",
    "POST /deposit/test-coins": "user",
    "GET /withdrawal": "withdraw",
    "POST /withdrawal": "withdraw",
    "GET /withdrawal/{withdrawal_id}": "withdraw",
    "DELETE /withdrawal/{withdrawal_id}": "withdraw",
    "GET /withdrawal/addresses": "withdraw",
    "POST /withdrawal/addresses": "withdraw",
    "DELETE /withdrawal/addresses/{address_id}": "withdraw",
    "PUT /withdrawal/addresses/lock": "withdraw",
    "DELETE /withdrawal/addresses/lock": "withdraw",
    "GET /staff/withdrawals": "admin",
    "POST /staff/withdrawals/{withdrawal_id}/approve": "admin",
    "POST /staff/withdrawals/{withdrawal_id}/reject": "admin",
    "GET /staff/users": "admin",
    "GET /staff/users/{id}": "admin",
    "GET /staff/users/{id}/balances": "admin",
    "GET /staff/users/{id}/orders": "admin",
    "GET /staff/users/{id}/trades": "admin",
    "POST /staff/users/{id}/suspend": "admin",
    "POST /staff/users/{id}/resume": "admin",
    "POST /staff/users/{id}/cancel": "admin",
    "GET /staff/adjustments": "admin",
    "POST /staff/adjustments": "admin",
    "POST /staff/adjustments/{id}/approve": "admin",
    "POST /staff/adjustments/{id}/reject": "admin",
    "GET /staff/notices": "admin",
    "POST /staff/notices": "admin",
    "DELETE /staff/notices/{id}": "admin",
    "GET /operator/status": "operator",
    "POST /operator/engine": "operator",
    "POST /operator/market": "operator",
    "POST /operator/shutdown": "operator",
    "GET /trade/orders": "read",
    "GET /trade/orders/{id}/history": "read",
    "GET /trade/orders/{id}": "read",
    "GET /trade/fills": "read",
    "POST /trade/orders": "trade",
    "POST /trade/orders/batch": "trade",
    "POST /trade/cancel-after": "trade",
    "PATCH /trade/orders/{id}": "trade",
    "DELETE /trade/orders": "trade",
    "DELETE /trade/orders/{id}": "trade",
}
RAW = {f"{route.method} {route.path}": route.needs for route in ROUTES}
METHODS = ("get", "post", "put", "patch", "delete")


def django_calls(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    """The calls of all DRF views."""
    for pattern in resolver.url_patterns:
        path = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from django_calls(pattern, path)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "cls", None)
            if view is not None and issubclass(view, APIView):
                yield from (f"{method.upper()} {path}" for method in METHODS if hasattr(view, method))


CALLS = sorted({*RAW, *django_calls(get_resolver())})


def test_every_call_is_written_down_and_asks_for_what_is_written() -> None:
    assert set(CALLS) == set(WHO)
    assert {call: WHO[call] for call in RAW} == RAW


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a role, or a program with a key of one scope; ``login`` makes what signs it in."""

    role: str
    scope: str | None
    login: Callable[[], dict[str, str] | KeyAuth | None]

    def may(self, needs: str) -> bool:
        if needs == "all":
            return True
        if self.role == "nobody":
            return False
        if self.scope is not None:
            return needs in (self.scope, "any_key")
        return ROLES[self.role] >= ROLES.get(needs, 0)


def call(server: Server, caller: Caller, name: str, path: str | None = None, **headers: str) -> httpx.Response:
    method, template = name.split(" ")
    login = caller.login()
    auth = login if isinstance(login, KeyAuth) else None
    signed_in = login if isinstance(login, dict) else {}
    body = {} if method in ("POST", "PATCH", "PUT") else None
    url = path or re.sub(r"\{\w+\}", str(uuid.uuid4()), template)
    with server.client(**signed_in, **headers) as client:
        return client.request(method, url, json=body, auth=auth)


class People:
    """One user of each role, with a key of each scope; and one whose things they are not to touch."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.owner = server.trader(BTC="5")
        self.key_of_owner = hmac_key(self.owner, "read").key_id
        traders = {"user": server.trader(), "admin": server.trader(), "operator": self._operator()}
        with psycopg.connect(server.database_url, autocommit=True) as connection:
            email = traders["admin"].email
            connection.execute("UPDATE accounts_user SET role = 'admin' WHERE email = %s", (email,))
        self.callers = {"nobody": Caller("nobody", None, lambda: None)}
        for role, trader in traders.items():
            self.callers[role] = Caller(role, None, self._bearer(trader.token))
            for scope in sorted(SCOPES):
                key = hmac_key(trader, scope)
                self.callers[f"{role}'s {scope} key"] = Caller(role, scope, lambda key=key: key)  # type: ignore[misc]
        self.emails = {role: trader.email for role, trader in traders.items()}

    def fresh(self, caller: Caller) -> Caller:
        """The same caller by a sign-in of its own, which may end."""
        if caller.scope is not None or caller.role == "nobody":
            return caller
        return Caller(caller.role, None, self._bearer(self._sign_in(self.emails[caller.role])))

    def _operator(self) -> Trader:
        email = f"operator.{uuid.uuid4().hex}@example.com"
        manage("createoperator", email, url=self._server.database_url, KONTOR_PASSWORD=PASSWORD)
        return Trader(self._server, email, self._sign_in(email))

    def factor_of_owner(self) -> str:
        with psycopg.connect(self._server.database_url, autocommit=True) as connection:
            row = connection.execute(
                "INSERT INTO mfa_authenticator (user_id, type, data, created_at)"
                " SELECT id, 'totp', '{}', now() FROM accounts_user WHERE email = %s"
                " ON CONFLICT DO NOTHING RETURNING id",
                (self.owner.email,),
            ).fetchone()
            if row is None:
                row = connection.execute("SELECT id FROM mfa_authenticator").fetchone()
        assert row is not None
        return str(row[0])

    def _sign_in(self, email: str) -> str:
        with self._server.client() as client:
            answer = client.post("/session", json={"email": email, "password": PASSWORD}).raise_for_status()
        return str(answer.json()["token"])

    @staticmethod
    def _bearer(token: str) -> Callable[[], dict[str, str]]:
        return lambda: {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def people(server: Server) -> People:
    return People(server)


CALLERS = ["nobody"] + [
    name for role in ROLES for name in (role, *(f"{role}'s {scope} key" for scope in sorted(SCOPES)))
]


@pytest.mark.parametrize("who", CALLERS)
def test_each_call_answers_those_who_may_and_refuses_all_others(server: Server, people: People, who: str) -> None:
    for name in CALLS:
        caller = people.callers[who]
        if name == "DELETE /session":
            caller = people.fresh(caller)
        answer = call(server, caller, name)
        told = answer.json() if answer.headers.get("content-type", "").endswith("json") else {}
        code = told.get("code", "") if isinstance(told, dict) else ""
        if caller.may(WHO[name]):
            is_answered = answer.status_code not in (401, 403, 405, 500) or code == "step_up_required"
            assert is_answered, (who, name, answer.text)
        elif caller.role == "nobody":
            assert (answer.status_code, code) == (401, "not_signed_in"), (name, answer.text)
        else:
            wanted = "forbidden" if caller.scope is None else "scope_missing"
            assert (answer.status_code, code) == (403, wanted), (who, name, answer.text)


@pytest.mark.parametrize("who", list(ROLES))
def test_another_users_things_are_unknown_whatever_the_role(server: Server, people: People, who: str) -> None:
    order = people.owner.order("sell", "0.1", "90000").raise_for_status().json()["id"]
    things = {
        "/trade/orders/{id}": (order, "unknown_order"),
        "/account/api-keys/{id}": (people.key_of_owner, "unknown_api_key"),
        "/trade/orders/{id}/history": (order, "unknown_order"),
        "/account/security/factors/{factor_id}": (people.factor_of_owner(), "unknown_factor"),
        "/deposit/{deposit_id}": (str(uuid.uuid4()), "unknown_deposit"),  # whose it is: tests/custody/test_api.py
        # whose they are: funding/tests/test_withdrawal_api.py
        "/withdrawal/{withdrawal_id}": (str(uuid.uuid4()), "unknown_withdrawal"),
        "/withdrawal/addresses/{address_id}": (str(uuid.uuid4()), "unknown_withdrawal_address"),
        "/staff/withdrawals/{withdrawal_id}/approve": (str(uuid.uuid4()), "unknown_withdrawal"),
        "/staff/withdrawals/{withdrawal_id}/reject": (str(uuid.uuid4()), "unknown_withdrawal"),
        "/staff/adjustments/{id}/approve": ("123456789", "unknown_adjustment"),
        "/staff/adjustments/{id}/reject": ("123456789", "unknown_adjustment"),
        "/staff/notices/{id}": ("123456789", "unknown_notice"),
        "/staff/users/{id}": (str(uuid.uuid4()), "unknown_user"),
        **{
            f"/staff/users/{{id}}/{what}": (str(uuid.uuid4()), "unknown_user")
            for what in ("balances", "orders", "trades", "suspend", "resume", "cancel")
        },
        "/session/{session_id}": (people.owner.get("/session")["items"][0]["id"], "unknown_session"),
    }
    bodies: dict[str, Any] = {
        "/trade/orders/{id}": {"price": "90001"},
        "/account/api-keys/{id}": {"name": "mine now"},
        "/staff/adjustments/{id}/approve": {},
        "/staff/adjustments/{id}/reject": {},
        "/staff/users/{id}/suspend": {"what": "trading", "reason": "a test"},
        "/staff/users/{id}/resume": {"what": "trading", "reason": "a test"},
        "/staff/users/{id}/cancel": {"reason": "a test"},
    }
    for name in CALLS:
        method, template = name.split(" ")
        if "{" not in template or not people.callers[who].may(WHO[name]):
            continue
        thing, code = things[template]  # a new path with an id in it needs an entry above
        path = re.sub(r"\{\w+\}", thing, template)
        login = people.callers[who].login()
        assert isinstance(login, dict)
        with server.client(**login) as client:
            body = bodies.get(template) if method in ("PATCH", "POST") else None
            answer = client.request(method, path, json=body)
        is_kept = answer.json()["code"] == "step_up_required" and "factors" in name  # asked before it is looked for
        assert is_kept or (answer.status_code, answer.json()["code"]) == (404, code), (who, name, answer.text)
    assert people.owner.get(f"/trade/orders/{order}")["status"] == "open"
    assert people.owner.get("/session")["items"]
    people.owner.http.delete("/trade/orders")


@pytest.mark.parametrize("who", list(ROLES))
def test_no_call_acts_for_another_users_trading_account(server: Server, people: People, who: str) -> None:
    theirs = str(people.owner.get("/account/subaccounts")["items"][0]["id"])
    for name, needs in WHO.items():
        if needs != "all" and people.callers[who].may(needs):
            answer = call(server, people.callers[who], name, **{"X-Account": theirs})
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_account"), (who, name, answer.text)
