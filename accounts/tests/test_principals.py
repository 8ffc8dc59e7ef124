"""Principals in memory: renewed while they are in use, never kept when they were to be forgotten."""

import datetime as dt

import pytest

from accounts import authentication
from accounts.api_keys import create_key, revoke_key
from accounts.authentication import api_key_key, load_key, load_token, principals, token_key
from accounts.models import User
from accounts.renewal import renew, take_due
from accounts.security_log import Caller
from accounts.sessions import end_session, open_session
from accounts.users import main_account_id, register
from tests.fixtures import Database

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def user(database: Database) -> User:
    made = register(email="somebody@example.com", password="a quiet long password")
    assert made is not None
    principals.due.clear()
    return made


def opened(user: User):  # type: ignore[no-untyped-def]
    return open_session(user=user, now=NOW, ip="127.0.0.1", user_agent="test")


def test_what_is_used_is_due_once_it_is_half_as_old_as_it_may_be(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token = opened(user).token
    load_token(token)
    assert principals.get(token_key(token)) is not None and not take_due()
    monkeypatch.setattr(authentication, "RENEWED_AFTER_S", -1)
    assert principals.get(token_key(token)) is not None
    assert list(take_due()) == [token_key(token)] and not take_due()


def test_a_renewal_brings_what_has_changed_and_forgets_what_has_ended(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, ended = opened(user), opened(user)
    made = [
        create_key(
            account_id=main_account_id(user),
            name=name,
            scopes=["read"],
            addresses=(),
            expires_at=None,
            public_key=None,
            caller=Caller(),
            now=NOW,
        )
        for name in ("kept", "revoked")
    ]
    keys = [one.key.id for one in made]
    for session in (kept, ended):
        load_token(session.token)
    for key_id in keys:
        load_key(key_id)
    monkeypatch.setattr(authentication, "RENEWED_AFTER_S", -1)
    places = [*(token_key(one.token) for one in (kept, ended)), *map(api_key_key, keys)]
    assert all(principals.get(place) for place in places)
    User.objects.update(role=User.Role.OPERATOR)
    end_session(user_id=user.id, session_id=ended.session.id, now=NOW)
    revoke_key(account_id=main_account_id(user), key_id=keys[1], now=NOW, caller=Caller())

    renew(take_due())

    found = [principals.get(place) for place in places]
    assert [one is not None for one in found] == [True, False, True, False]
    assert all(one.role == User.Role.OPERATOR for one in found if one is not None)


def test_what_was_read_before_something_was_forgotten_is_not_kept(user: User) -> None:
    session = opened(user)
    principal = load_token(session.token)
    assert principal is not None
    before = principals.generation
    principals.forget_session(session.session.id)
    principals.put(token_key(session.token), principal, before)
    assert principals.get(token_key(session.token)) is None
