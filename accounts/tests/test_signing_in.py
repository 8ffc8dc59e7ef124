"""Signing up and in: codes, second factors, what strangers learn, how often they may try."""

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections

from accounts import proofs
from accounts.mails import mails_to
from accounts.models import Mail, Proof, SecurityEvent, User
from accounts.networks import network_of
from accounts.problems import Problem
from accounts.second_factors import GUESSES, recovery_codes_left, remove_factor, verify_factor
from accounts.security_log import Caller
from accounts.sessions import open_session
from accounts.signing_in import (
    by_code,
    by_password,
    open_signed_in,
    second_factor,
    send_sign_in_code,
    sign_up,
    spend_code,
)
from accounts.throttling import FAILURES_AT_EMAIL, MAILS_TO_EMAIL, SIGN_IN
from accounts.verification import level_of, verify_email
from tests.fixtures import Database

from .people import ELSEWHERE, EMAIL, HOME, PASSWORD, add_app, mailed_code, make_user, totp_code

NOW = dt.datetime.now(dt.UTC)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def user(database: Database) -> User:
    cache.clear()
    return make_user()


def code_of(caught: "pytest.ExceptionInfo[Problem]") -> str:
    return caught.value.kind.code


def test_signing_up_sends_a_code_that_verifies_the_address_once(database: Database) -> None:
    user = sign_up(email="Ada@Example.com", password=PASSWORD, caller=HOME, now=NOW)
    assert user is not None and level_of(user) == 0
    code = mailed_code()
    verify_email(user=user, code=code, caller=HOME, now=NOW)
    assert level_of(user) == 1
    with pytest.raises(Problem, match="wrong_code"):
        verify_email(user=user, code=code, caller=HOME, now=NOW)


def test_signing_up_again_tells_only_the_owner(user: User) -> None:
    assert sign_up(email=EMAIL, password="another long password", caller=ELSEWHERE, now=NOW) is None
    assert mails_to(email=EMAIL)[0].subject == "You have an account already"
    assert by_password(email=EMAIL, password=PASSWORD, caller=HOME, now=NOW) == user


def test_a_code_from_a_mail_signs_in_once_and_verifies_the_address(database: Database) -> None:
    user = make_user(verified=False)
    send_sign_in_code(email=EMAIL, caller=HOME, now=NOW)
    found, proven = by_code(email=EMAIL, code=mailed_code(), caller=HOME, now=NOW)
    assert found == user
    spend_code(found, proven, caller=HOME, now=NOW)
    assert User.objects.get().email_verified_at is not None
    with pytest.raises(Problem) as caught:
        by_code(email=EMAIL, code=mailed_code(), caller=HOME, now=NOW)
    assert code_of(caught) == "wrong_code"


def test_a_code_is_kept_as_a_keyed_hash_and_its_mail_encrypted(user: User) -> None:
    send_sign_in_code(email=EMAIL, caller=HOME, now=NOW)
    code = mailed_code()
    with connection.cursor() as cursor:
        cursor.execute("SELECT p::text || m::text FROM accounts_proof p, accounts_mail m")
        ((rows,),) = cursor.fetchall()
    assert f"{code}" not in re.sub(r"[0-9]{2}\.[0-9]{6}", "", rows)  # times have six digits too
    assert len(bytes(Proof.objects.get().secret_hash)) == 32


def test_a_code_is_tried_five_times_and_no_more(user: User) -> None:
    send_sign_in_code(email=EMAIL, caller=HOME, now=NOW)
    right = mailed_code()
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for _ in range(proofs.TRIES):
        with pytest.raises(Problem):
            by_code(email=EMAIL, code=wrong, caller=HOME, now=NOW)
    with pytest.raises(Problem) as caught:
        by_code(email=EMAIL, code=right, caller=HOME, now=NOW)
    assert code_of(caught) == "wrong_code"


def test_a_code_expires_and_a_newer_one_replaces_it(user: User) -> None:
    send_sign_in_code(email=EMAIL, caller=HOME, now=NOW)
    first = mailed_code()
    with pytest.raises(Problem):
        by_code(email=EMAIL, code=first, caller=HOME, now=NOW + proofs.CODE_LIFETIME)
    send_sign_in_code(email=EMAIL, caller=HOME, now=NOW)
    if mailed_code() != first:
        with pytest.raises(Problem):
            by_code(email=EMAIL, code=first, caller=HOME, now=NOW)
    assert by_code(email=EMAIL, code=mailed_code(), caller=HOME, now=NOW)[0] == user


def test_of_eight_who_spend_one_code_at_once_one_succeeds(user: User) -> None:
    send_sign_in_code(email=EMAIL, caller=HOME, now=NOW)
    _, proven = by_code(email=EMAIL, code=mailed_code(), caller=HOME, now=NOW)

    def spend(_: int) -> bool:
        try:
            return proofs.spend(proven)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(8))) == 1


def test_asking_for_a_code_writes_the_same_for_strangers(user: User) -> None:
    send_sign_in_code(email=EMAIL, caller=HOME, now=NOW)
    send_sign_in_code(email="nobody@example.com", caller=HOME, now=NOW)
    assert Proof.objects.count() == Mail.objects.count() == 2
    assert mails_to(email="nobody@example.com")[0].subject == "There is no account with this address"
    with pytest.raises(Problem):
        by_code(email="nobody@example.com", code="123456", caller=HOME, now=NOW)
    assert SecurityEvent.objects.filter(user=None, kind="code_failed").count() == 1


def test_a_second_factor_cannot_be_left_out_or_guessed(user: User) -> None:
    secret, _ = add_app(user, now=NOW)
    for given, code in [(None, "second_factor_required"), ("", "second_factor_required"), ("x", "wrong_second_factor")]:
        with pytest.raises(Problem) as caught:
            second_factor(user=user, given=given, caller=HOME, now=NOW)
        assert code_of(caught) == code
    assert second_factor(user=user, given=totp_code(secret, NOW), caller=HOME, now=NOW)
    assert mails_to(email=EMAIL)[0].subject == "A second factor was wrong"


def test_a_code_of_the_app_is_taken_once_and_no_older_one_after_it(user: User) -> None:
    secret, _ = add_app(user, now=NOW)
    code = totp_code(secret, NOW)
    assert verify_factor(user=user, given=f"{code[:3]} {code[3:]}", caller=HOME, now=NOW)
    assert not verify_factor(user=user, given=code, caller=HOME, now=NOW + 20 * SECOND)
    assert not verify_factor(user=user, given=totp_code(secret, NOW - 30 * SECOND), caller=HOME, now=NOW)
    assert verify_factor(user=user, given=totp_code(secret, NOW + 30 * SECOND), caller=HOME, now=NOW)


def test_a_code_of_the_app_is_good_a_step_early_or_late_and_no_more(user: User) -> None:
    secret, _ = add_app(user, now=NOW - 600 * SECOND)
    for seconds, good in [(-60, False), (60, False), (-30, True), (30, True)]:
        given = totp_code(secret, NOW + seconds * SECOND)
        assert verify_factor(user=user, given=given, caller=HOME, now=NOW) is good, seconds


def test_the_same_code_at_eight_places_at_once_signs_in_once(user: User) -> None:
    secret, _ = add_app(user, now=NOW)

    def use(_: int) -> bool:
        try:
            return verify_factor(user=user, given=totp_code(secret, NOW), caller=HOME, now=NOW)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(8))) == 1


def test_a_recovery_code_stands_for_the_app_once(user: User) -> None:
    _, codes = add_app(user, now=NOW)
    assert len(codes) == 10
    assert second_factor(user=user, given=codes[3], caller=HOME, now=NOW)
    assert recovery_codes_left(user.id) == 9
    assert not verify_factor(user=user, given=codes[3], caller=HOME, now=NOW)
    assert "9 are left" in mails_to(email=EMAIL)[1].text


def test_guesses_at_the_second_factor_are_bounded_whatever_the_settings(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "RATE_LIMITS", False)
    secret, _ = add_app(user, now=NOW)
    for _ in range(GUESSES):
        assert not verify_factor(user=user, given="guess", caller=ELSEWHERE, now=NOW)
    with pytest.raises(Problem) as caught:
        verify_factor(user=user, given=totp_code(secret, NOW), caller=HOME, now=NOW)
    assert code_of(caught) == "rate_limited"
    later = NOW + dt.timedelta(hours=1, seconds=1)
    assert verify_factor(user=user, given=totp_code(secret, later), caller=HOME, now=later)


def test_keys_and_recovery_seeds_are_encrypted_at_rest(user: User, database: Database) -> None:
    secret, codes = add_app(user, now=NOW)
    with database.connect() as connection:
        kept = "".join(str(row[0]) for row in connection.execute("SELECT data FROM mfa_authenticator").fetchall())
    assert secret not in kept and not any(code in kept for code in codes)


def test_with_the_last_factor_its_recovery_codes_go(user: User) -> None:
    _, codes = add_app(user, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM mfa_authenticator WHERE type = 'totp'")
        (factor_id,) = cursor.fetchone()
    with pytest.raises(Problem):
        remove_factor(user=user, factor_id=factor_id + 100, caller=HOME, now=NOW)
    remove_factor(user=user, factor_id=factor_id, caller=HOME, now=NOW)
    assert not second_factor(user=user, given=None, caller=HOME, now=NOW)
    assert not verify_factor(user=user, given=codes[0], caller=HOME, now=NOW)


def test_a_factor_needs_a_verified_address_so_that_nobody_locks_out_its_owner(database: Database) -> None:
    with pytest.raises(Problem) as caught:
        add_app(make_user(verified=False), now=NOW)
    assert code_of(caught) == "email_unverified"


def test_guessing_is_limited_for_known_and_unknown_addresses_alike(user: User) -> None:
    for email in (EMAIL, "nobody@example.com"):
        seen = []
        for _ in range(2 * SIGN_IN.times + 1):  # a window may end meanwhile
            with pytest.raises(Problem) as caught:
                by_code(email=email, code="000000", caller=ELSEWHERE, now=NOW)
            seen.append(code_of(caught))
        assert seen[: SIGN_IN.times] == ["wrong_code"] * SIGN_IN.times and "rate_limited" in seen


def test_guessing_from_many_addresses_locks_out_strangers_and_not_the_owner(user: User) -> None:
    open_session(user=user, now=NOW, ip=HOME.ip, user_agent="")
    for _ in range(FAILURES_AT_EMAIL.times):
        FAILURES_AT_EMAIL.check(EMAIL)
    with pytest.raises(Problem) as caught:
        by_password(email=EMAIL, password=PASSWORD, caller=ELSEWHERE, now=NOW)
    assert code_of(caught) == "rate_limited"
    assert by_password(email=EMAIL, password=PASSWORD, caller=HOME, now=NOW) == user


def test_a_whole_ipv6_net_counts_as_one_address() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::") != network_of("2001:db8:1:3::4")
    assert network_of("192.0.2.1") == "192.0.2.1" and network_of(None) == ""


def test_mails_to_one_address_are_limited(user: User) -> None:
    for _ in range(MAILS_TO_EMAIL.times):
        send_sign_in_code(email=EMAIL, caller=HOME, now=NOW)
    with pytest.raises(Problem) as caught:
        send_sign_in_code(email=EMAIL, caller=HOME, now=NOW)
    assert code_of(caught) == "rate_limited"


def test_a_sign_in_from_a_new_address_is_told_by_mail(user: User) -> None:
    net, same_net = Caller(ip="2001:db8::1"), Caller(ip="2001:db8::2:3:4:5")
    seen = [(HOME, 0), (HOME, 0), (ELSEWHERE, 1), (ELSEWHERE, 1), (HOME, 1), (net, 2), (same_net, 2)]
    for caller, mails in seen:
        open_signed_in(user=user, factor_proven=False, how="by password", caller=caller, now=NOW)
        assert len(mails_to(email=EMAIL)) == mails
