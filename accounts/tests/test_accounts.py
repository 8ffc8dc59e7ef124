"""Users, sessions and what proves them, on a real database."""

import datetime as dt
import uuid

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import authentication
from accounts.models import Account, Session, User
from accounts.problems import REGISTRY, Problem, declare
from accounts.sessions import LIMIT_PER_USER, end_session, hash_token, open_session, open_sessions
from accounts.throttling import Limit
from accounts.users import create_operator, main_account_id, register, verify_password
from tests.fixtures import Database

PASSWORD = "a quiet long password"
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def user(database: Database) -> User:
    made = register(email="Somebody@Example.com ", password=PASSWORD)
    assert made is not None
    return made


def opened(user: User, now: dt.datetime = NOW):  # type: ignore[no-untyped-def]
    return open_session(user=user, now=now, ip="127.0.0.1", user_agent="test")


def test_a_user_has_a_lower_case_address_a_main_account_and_an_argon2_hash(user: User) -> None:
    assert user.email == "somebody@example.com"
    assert main_account_id(user) == Account.objects.get(owner=user).id
    assert user.password.startswith("argon2$argon2id$")


def test_a_taken_address_makes_nobody(user: User) -> None:
    assert register(email="somebody@example.com", password="another long password") is None
    assert User.objects.count() == Account.objects.count() == 1


@pytest.mark.parametrize(
    ("email", "password"), [("nonsense", PASSWORD), ("a@example.com", "12345678"), ("a@example.com", "short")]
)
def test_bad_addresses_and_passwords_raise(database: Database, email: str, password: str) -> None:
    with pytest.raises(ValidationError):
        register(email=email, password=password)


def test_the_database_refuses_an_address_with_capitals(database: Database) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="A@example.com", password="!")


def test_passwords_are_verified_for_active_users_only(user: User) -> None:
    assert verify_password(email="SOMEBODY@example.com", password=PASSWORD) == user
    assert verify_password(email="somebody@example.com", password="wrong") is None
    assert verify_password(email="nobody@example.com", password=PASSWORD) is None
    User.objects.update(is_active=False)
    assert verify_password(email="somebody@example.com", password=PASSWORD) is None


def test_a_token_is_stored_as_its_hash_only(user: User, database: Database) -> None:
    token = opened(user).token
    with database.connect() as connection:
        rows = connection.execute("SELECT s::text, encode(token_hash, 'hex') FROM accounts_session s").fetchall()
    assert rows == [(rows[0][0], hash_token(token).hex())]
    assert token not in rows[0][0]


def test_a_token_proves_its_user_until_it_ends_or_expires(user: User) -> None:
    session = opened(user)
    principal = authentication.load_token(session.token)
    assert principal is not None and principal.account_id == main_account_id(user)
    assert authentication.load_token("another") is None
    assert end_session(user_id=user.id, session_id=session.session.id, now=NOW)
    assert authentication.load_token(session.token) is None
    old = opened(user, NOW - dt.timedelta(days=8))
    assert authentication.load_token(old.token) is None


def test_nobody_ends_another_ones_session(user: User) -> None:
    session = opened(user)
    assert not end_session(user_id=uuid.uuid4(), session_id=session.session.id, now=NOW)
    assert authentication.load_token(session.token) is not None


def test_a_further_sign_in_ends_the_oldest_session(user: User) -> None:
    first = opened(user, NOW - dt.timedelta(hours=1))
    for n in range(LIMIT_PER_USER):
        opened(user, NOW + dt.timedelta(seconds=n))
    assert open_sessions(user_id=user.id, now=NOW).count() == LIMIT_PER_USER
    assert authentication.load_token(first.token) is None


def test_an_inactive_user_proves_nothing(user: User) -> None:
    token = opened(user).token
    User.objects.update(is_active=False)
    assert authentication.load_token(token) is None


def test_a_stream_token_dies_with_its_session(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    session = opened(user)
    principal = authentication.load_token(session.token)
    assert principal is not None
    token = authentication.make_stream_token(principal)
    assert authentication.load_stream_token(token) == principal
    assert authentication.load_stream_token(token + "x") is None
    monkeypatch.setattr(authentication, "STREAM_TOKEN_TTL_S", -1)
    assert authentication.load_stream_token(token) is None
    monkeypatch.undo()
    end_session(user_id=user.id, session_id=session.session.id, now=NOW)
    assert authentication.load_stream_token(token) is None


def test_the_cache_forgets_a_session_at_once_and_everything_in_time(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(user)
    key = authentication.token_key(session.token)
    authentication.load_token(session.token)
    assert authentication.principals.get(key) is not None
    authentication.principals.forget_session(session.session.id)
    assert authentication.principals.get(key) is None
    monkeypatch.setattr(authentication, "PRINCIPAL_TTL_S", -1)
    authentication.load_token(session.token)
    assert authentication.principals.get(key) is None


def test_an_operator_may_open_the_admin_and_is_made_once(database: Database) -> None:
    operator = create_operator(email="op@example.com", password=PASSWORD)
    assert operator.is_staff and operator.role == User.Role.OPERATOR
    with pytest.raises(ValueError, match="already"):
        create_operator(email="op@example.com", password=PASSWORD)


def test_a_limit_counts_by_key_and_says_when_to_come_back() -> None:
    limit = Limit(name=f"test-{uuid.uuid4()}", times=2, window_s=3600)
    for _ in range(2):
        limit.check("a")
    limit.check("b")
    with pytest.raises(Problem) as caught:
        limit.check("a")
    assert 0 < int(caught.value.headers["Retry-After"]) <= 3600


def test_a_problem_code_is_declared_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        declare(next(iter(REGISTRY)), 400, "again")


def test_users_and_sessions_cannot_be_deleted_with_what_hangs_on_them(user: User, database: Database) -> None:
    opened(user)
    with database.connect() as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("DELETE FROM accounts_user")
    assert Session.objects.count() == 1
