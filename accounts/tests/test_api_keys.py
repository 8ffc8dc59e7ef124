"""Sealing, signatures and the guard of nonces, each by itself."""

import datetime as dt
import uuid
from dataclasses import replace
from typing import get_args

import pytest
from django.db import IntegrityError, transaction

from accounts import nonces
from accounts.api_keys import Made
from accounts.authentication import Key, Principal
from accounts.models import Account, ApiKey
from accounts.nonces import GENERATION_MS, NonceGuard, use_everywhere
from accounts.problems import Problem
from accounts.scopes import Needs
from accounts.signatures import WINDOW_MS, HmacVerifier
from accounts.users import register
from tests.fixtures import Database

NOW_MS = 1_800_000_000_000
NOW = dt.datetime.now(dt.UTC)


def test_a_nonce_is_remembered_for_as_long_as_its_request_could_come_again() -> None:
    guard = NonceGuard()
    guard.use("at the end of a generation", NOW_MS, NOW_MS)
    for later_ms in (0, 1, WINDOW_MS, 2 * WINDOW_MS - 1, 2 * WINDOW_MS):
        guard.use(f"another {later_ms}", NOW_MS, NOW_MS + later_ms)
        with pytest.raises(Problem) as refused:
            guard.use("at the end of a generation", NOW_MS, NOW_MS + later_ms)
        assert refused.value.kind.code == "nonce_used"


def test_f91_a_nonce_is_unique_in_the_window_though_each_request_is_signed_for_itself() -> None:
    guard = NonceGuard()
    guard.use("one", NOW_MS, NOW_MS)
    for apart_ms in (-WINDOW_MS, -1, 1, WINDOW_MS):
        with pytest.raises(Problem) as refused:
            guard.use("one", NOW_MS + apart_ms, NOW_MS + 1)
        assert refused.value.kind.code == "nonce_used"
    guard.use("one", NOW_MS + WINDOW_MS + 1, NOW_MS + WINDOW_MS)
    for request_ms in (NOW_MS, NOW_MS + WINDOW_MS + 1):  # neither comes again
        with pytest.raises(Problem):
            guard.use("one", request_ms, NOW_MS + WINDOW_MS)


def test_nonces_are_forgotten_in_the_end() -> None:
    guard = NonceGuard()
    guard.use("long ago", NOW_MS, NOW_MS)
    guard.use("long ago", NOW_MS, NOW_MS + 3 * GENERATION_MS)


def test_a_full_guard_lets_nothing_through_unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nonces, "GENERATION_LIMIT", 2)
    guard = NonceGuard()
    guard.use("one", NOW_MS, NOW_MS)
    guard.use("two", NOW_MS, NOW_MS)
    with pytest.raises(Problem) as refused:
        guard.use("three", NOW_MS, NOW_MS)
    assert refused.value.kind.status == 503
    guard.use("three", NOW_MS, NOW_MS + GENERATION_MS)


def test_a_row_lets_a_nonce_through_once_and_old_rows_go(database: Database) -> None:
    use_everywhere("key 1 one", NOW)
    with pytest.raises(Problem) as refused:
        use_everywhere("key 1 one", NOW + dt.timedelta(seconds=9))
    assert refused.value.kind.code == "nonce_used"
    use_everywhere("key 1 one", NOW + dt.timedelta(minutes=2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sealed_secret": None},
        {"public_key": b"x" * 32},
        {"scopes": []},
        {"scopes": ["read", "admin"]},
    ],
)
def test_the_database_refuses_a_key_that_makes_no_sense(database: Database, wrong: dict[str, object]) -> None:
    user = register(email="a@example.com", password="a quiet long password")
    assert user is not None
    good = {
        "id": uuid.uuid4(),
        "account": Account.objects.get(owner=user),
        "name": "a",
        "sealed_secret": b"x",
        "public_key": None,
        "scopes": ["read"],
        "addresses": [],
        "created_at": NOW,
    }
    ApiKey(**good).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey(**{**good, "id": uuid.uuid4(), **wrong}).save(force_insert=True)


def test_a_secret_is_in_no_text_that_a_log_may_get() -> None:
    assert "sesame" not in repr(HmacVerifier(b"sesame")) + repr(Made(key=ApiKey(name="a"), secret="sesame"))


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("user", {"user", "any_key", "read", "trade", "withdraw"}),
        ("admin", {"user", "any_key", "read", "trade", "withdraw", "admin"}),
        ("operator", {"user", "any_key", "read", "trade", "withdraw", "admin", "operator"}),
    ],
)
def test_a_session_may_what_its_role_reaches_and_a_key_of_that_user_only_its_scopes(
    role: str, allowed: set[str]
) -> None:
    person = Principal(
        user_id=uuid.uuid4(),
        account_id=1,
        accounts=frozenset((1,)),
        role=role,
        expires_at=None,
        session_id=uuid.uuid4(),
    )
    key = Key(id=uuid.uuid4(), scopes=frozenset(("read",)), networks=(), verifier=HmacVerifier(b"x"))
    for needs in get_args(Needs):
        if needs == "all":
            continue
        for principal, may in ((person, needs in allowed), (replace(person, key=key), needs in ("read", "any_key"))):
            if may:
                principal.check(needs)
            else:
                with pytest.raises(Problem) as refused:
                    principal.check(needs)
                assert refused.value.kind.code == ("forbidden" if principal.key is None else "scope_missing")
