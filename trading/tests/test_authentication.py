"""Who makes a request: what many requests at once cost the database."""

import asyncio
import datetime as dt

import pytest

from accounts import authentication
from accounts.authentication import load_token
from accounts.models import User
from accounts.sessions import open_session
from accounts.users import register
from tests.fixtures import Database
from trading.api import authentication as by_request
from trading.api.application import ROUTES
from trading.api.http import Request

BALANCES = next(route for route in ROUTES if route.path == "/account/balances")


@pytest.fixture
def token(database: Database) -> str:
    user = register(email="somebody@example.com", password="a quiet long password")
    assert user is not None
    return open_session(user=user, now=dt.datetime.now(dt.UTC), ip="127.0.0.1", user_agent="test").token


async def authenticated(token: str) -> authentication.Principal:
    headers = [(b"authorization", b"Bearer " + token.encode())]
    scope = {"type": "http", "method": "GET", "path": BALANCES.path, "headers": headers}
    return await by_request.authenticate(Request(scope), BALANCES)


async def test_one_reading_serves_all_who_bring_the_same_token_at_once(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counting(proof: str) -> authentication.Principal | None:
        read.append(proof)
        return load_token(proof)

    monkeypatch.setattr(by_request, "load_token", counting)
    found = await asyncio.gather(*(authenticated(token) for _ in range(30)))
    assert len({one.session_id for one in found}) == 1
    assert read == [token]


async def test_a_request_has_the_principals_renewed_that_are_due(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await authenticated(token)).role == User.Role.USER
    monkeypatch.setattr(authentication, "RENEWED_AFTER_S", -1)
    await asyncio.to_thread(User.objects.update, role=User.Role.OPERATOR)
    async with asyncio.timeout(5):
        while (await authenticated(token)).role != User.Role.OPERATOR:
            await asyncio.sleep(0.01)
