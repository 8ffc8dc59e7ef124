"""Passwords, resets, proving oneself anew, the freeze, the log and the levels, on a real database."""

import datetime as dt
from contextlib import ExitStack

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core import mail as sent_mail
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import override_settings

from accounts import password_hashing, proofs
from accounts.api_keys import Made, create_key, list_keys, revoke_key
from accounts.authentication import load_token, principals, token_key
from accounts.credentials import ask_reset, change_password, reset_password
from accounts.freeze import frozen_until, require_withdrawals_open
from accounts.mail_delivery import FIRST_RETRY, KEEP, TRIES, deliver_waiting, forget_old
from accounts.mails import mails_to, mails_to_customers, write_mail
from accounts.models import Account, Mail, Proof, SecurityEvent, Session, User
from accounts.problems import Problem
from accounts.second_factors import accept_totp, has_factor, offer_totp, renew_recovery_codes
from accounts.security_log import Event, events_of, record
from accounts.sessions import LIFETIME, end_sessions, open_session
from accounts.signing_in import by_password, second_factor, send_sign_in_code
from accounts.step_up import FRESH, fresh_until, require_fresh_factor, require_own_factor, send_step_up_code
from accounts.users import create_operator
from accounts.verification import level_of, limits_of, set_identified
from tests.fixtures import Database

from .people import ELSEWHERE, EMAIL, HOME, PASSWORD, add_app, mailed_code, mailed_token, make_user, totp_code

NOW = dt.datetime.now(dt.UTC)
NEW_PASSWORD = "an even longer password"
DAY = dt.timedelta(days=1)


@pytest.fixture
def user(database: Database) -> User:
    cache.clear()
    return make_user()


def session_of(user: User) -> Session:
    return open_session(user=user, now=NOW, ip=HOME.ip, user_agent="test").session


def kinds(user: User) -> list[str]:
    return [event.kind for event in events_of(user_id=user.id, before_id=None, limit=100)]


def require(user: User, session: Session | None, given: str | None, now: dt.datetime = NOW) -> None:
    session_id = None if session is None else session.id
    require_fresh_factor(user_id=user.id, session_id=session_id, given=given, caller=HOME, now=now)


def refusal(user: User, session: Session | None, given: str | None, now: dt.datetime = NOW) -> str:
    with pytest.raises(Problem) as caught:
        require(user, session, given, now)
    return caught.value.kind.code


def test_a_changed_password_ends_the_other_sessions_and_freezes_withdrawals(user: User) -> None:
    mine, other = session_of(user), open_session(user=user, now=NOW, ip=None, user_agent="")
    assert load_token(other.token) is not None
    change_password(user=user, password=PASSWORD, new_password=NEW_PASSWORD, session_id=mine.id, caller=HOME, now=NOW)
    assert principals.get(token_key(other.token)) is None and load_token(other.token) is None
    assert Session.objects.get(id=mine.id).ended_at is None
    assert by_password(email=EMAIL, password=NEW_PASSWORD, caller=HOME, now=NOW) == user
    assert frozen_until(user, now=NOW) == NOW + dt.timedelta(hours=settings.WITHDRAWAL_FREEZE_H)
    assert mails_to(email=EMAIL)[0].subject == "The password was changed"


def test_changing_the_password_takes_the_old_one_and_a_good_new_one(user: User) -> None:
    session = session_of(user)
    for old, new, error in [("wrong", NEW_PASSWORD, Problem), (PASSWORD, "12345678", ValidationError)]:
        with pytest.raises(error):
            change_password(user=user, password=old, new_password=new, session_id=session.id, caller=HOME, now=NOW)
    assert by_password(email=EMAIL, password=PASSWORD, caller=HOME, now=NOW) == user
    assert frozen_until(User.objects.get(), now=NOW) is None


def test_a_reset_works_once_ends_all_sessions_and_leaves_the_second_factor(user: User) -> None:
    add_app(user, now=NOW - DAY)
    session = session_of(user)
    ask_reset(email=EMAIL, caller=ELSEWHERE, now=NOW)
    token = mailed_token()
    with pytest.raises(ValidationError):
        reset_password(token=token, new_password="12345678", caller=HOME, now=NOW)
    reset_password(token=token, new_password=NEW_PASSWORD, caller=HOME, now=NOW)
    with pytest.raises(Problem, match="link_spent"):
        reset_password(token=token, new_password=PASSWORD, caller=HOME, now=NOW)
    assert Session.objects.get(id=session.id).ended_at == NOW
    again = by_password(email=EMAIL, password=NEW_PASSWORD, caller=HOME, now=NOW)
    assert frozen_until(again, now=NOW) is not None
    with pytest.raises(Problem, match="second_factor_required"):
        second_factor(user=again, given=None, caller=HOME, now=NOW)


def test_a_reset_link_expires_and_is_kept_as_a_hash(user: User) -> None:
    ask_reset(email=EMAIL, caller=HOME, now=NOW)
    token = mailed_token()
    assert token.encode() not in bytes(Proof.objects.get().secret_hash)
    with pytest.raises(Problem, match="link_spent"):
        reset_password(token=token, new_password=NEW_PASSWORD, caller=HOME, now=NOW + proofs.LINK_LIFETIME)
    with pytest.raises(Problem, match="link_spent"):
        reset_password(token="x", new_password=NEW_PASSWORD, caller=HOME, now=NOW)


def test_a_reset_for_a_stranger_writes_the_same_rows_and_a_link_to_nothing(user: User) -> None:
    ask_reset(email=EMAIL, caller=HOME, now=NOW)
    ask_reset(email="nobody@example.com", caller=HOME, now=NOW)
    assert Proof.objects.count() == Mail.objects.count() == SecurityEvent.objects.count() == 2
    assert "password-reset/" not in mails_to(email="nobody@example.com")[0].text


def test_a_code_of_the_app_is_asked_for_anew_and_counts_for_five_minutes(user: User) -> None:
    secret, codes = add_app(user, now=NOW)
    session = session_of(user)
    assert refusal(user, session, None) == "step_up_required"
    assert refusal(user, session, "000000x") == "step_up_failed"
    require(user, session, totp_code(secret, NOW))
    require(user, session, None, NOW + FRESH - dt.timedelta(seconds=1))
    assert refusal(user, session, None, NOW + FRESH) == "step_up_required"
    assert refusal(user, session_of(user), None) == "step_up_required"
    require(user, None, codes[0])


def test_without_a_second_factor_a_code_from_a_mail_proves_it(user: User) -> None:
    session = session_of(user)
    assert refusal(user, session, None) == "step_up_required"
    send_sign_in_code(email=EMAIL, caller=HOME, now=NOW)
    assert refusal(user, session, mailed_code()) == "step_up_failed"  # a code for another purpose
    send_step_up_code(user=user, now=NOW)
    code = mailed_code()
    require(user, session, code)
    assert fresh_until(session.id, now=NOW) == NOW + FRESH
    assert refusal(user, session_of(user), code) == "step_up_failed"


def test_with_a_second_factor_a_mail_proves_nothing(user: User) -> None:
    send_step_up_code(user=user, now=NOW)
    code = mailed_code()
    add_app(user, now=NOW)
    assert refusal(user, session_of(user), code) == "step_up_failed"
    with pytest.raises(Problem, match="step_up_required"):
        send_step_up_code(user=user, now=NOW)


def test_an_ended_session_has_no_fresh_proof(user: User) -> None:
    secret, _ = add_app(user, now=NOW)
    session = session_of(user)
    require(user, session, totp_code(secret, NOW))
    end_sessions(user=user, now=NOW, caller=HOME, why="test")
    assert refusal(user, session, None) == "step_up_required"


def test_every_change_of_the_second_factor_freezes_withdrawals_for_a_day(user: User) -> None:
    require_withdrawals_open(user_id=user.id, now=NOW)
    add_app(user, now=NOW)
    with pytest.raises(Problem) as caught:
        require_withdrawals_open(user_id=user.id, now=NOW)
    assert caught.value.kind.code == "withdrawals_frozen" and "frozen_until" in caught.value.extra
    require_withdrawals_open(user_id=user.id, now=NOW + DAY)
    renew_recovery_codes(user=user, caller=HOME, now=NOW + 2 * DAY)
    assert frozen_until(User.objects.get(), now=NOW + 2 * DAY) == NOW + 3 * DAY


def test_an_app_is_in_force_only_after_a_code_of_it_by_who_was_offered_it(user: User) -> None:
    offer = offer_totp(user)
    assert offer.secret in offer.uri and not has_factor(user.id)
    other = make_user("bob@example.com")
    for who, code in [(user, "000000x"), (other, totp_code(offer.secret, NOW))]:
        with pytest.raises(Problem, match="wrong_second_factor"):
            accept_totp(user=who, token=offer.token, code=code, caller=HOME, now=NOW)
    assert not has_factor(user.id) and not has_factor(other.id)
    accept_totp(user=user, token=offer.token, code=totp_code(offer.secret, NOW), caller=HOME, now=NOW)
    with pytest.raises(Problem, match="second_factor_exists"):
        accept_totp(user=user, token=offer.token, code=totp_code(offer.secret, NOW), caller=HOME, now=NOW)


def test_the_log_tells_a_user_all_of_his_own_and_nothing_of_others(user: User) -> None:
    other = make_user("bob@example.com")
    with pytest.raises(Problem):
        by_password(email=EMAIL, password="wrong", caller=ELSEWHERE, now=NOW)
    session = session_of(user)
    end_sessions(user=user, now=NOW, caller=HOME, why="test")
    record(user=other, event=Event.SIGNED_IN, caller=HOME, now=NOW)
    assert kinds(user) == ["session_ended", "sign_in_failed"]
    newest = events_of(user_id=user.id, before_id=None, limit=1)[0]
    assert (newest.session_id, newest.detail) == (session.id, "test")
    (older,) = events_of(user_id=user.id, before_id=newest.id, limit=10)
    assert (older.ip, older.user_agent) == (ELSEWHERE.ip, ELSEWHERE.user_agent)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_securityevent SET kind = 'x'",
        "DELETE FROM accounts_securityevent",
        "TRUNCATE accounts_securityevent",
    ],
)
def test_the_database_refuses_to_change_the_log_even_for_its_owner(
    user: User, database: Database, statement: str
) -> None:
    record(user=user, event=Event.SIGNED_IN, caller=HOME, now=NOW)
    for connect in (database.connect, database.connect_as_owner):
        with connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)
    assert SecurityEvent.objects.count() == 1


def test_the_level_follows_verification_and_identification_which_is_logged(user: User) -> None:
    stranger, operator = (
        make_user("bob@example.com", verified=False),
        create_operator(email="op@x.org", password=PASSWORD),
    )
    assert [level_of(one) for one in (stranger, user)] == [0, 1]
    assert [limits_of(one).withdrawal_usd_per_day for one in (stranger, user)] == [0, 10_000]
    assert set_identified(user=user, identified=True, by=operator, now=NOW)
    assert not set_identified(user=user, identified=True, by=operator, now=NOW)
    assert level_of(user) == 2 and limits_of(user).withdrawal_usd_per_day is None
    assert events_of(user_id=user.id, before_id=None, limit=1)[0].detail == "level 2, by op@x.org"
    assert set_identified(user=user, identified=False, by=operator, now=NOW) and level_of(user) == 1


def test_a_session_over_its_age_is_closed_and_its_use_is_kept_to_the_minute(user: User) -> None:
    opened = open_session(user=user, now=NOW - LIFETIME, ip=None, user_agent="")
    assert load_token(opened.token) is None
    fresh = open_session(user=user, now=NOW - dt.timedelta(minutes=5), ip=None, user_agent="")
    load_token(fresh.token)
    used_at = Session.objects.get(id=fresh.session.id).last_used_at
    assert used_at is not None and used_at >= NOW
    load_token(fresh.token)
    assert Session.objects.get(id=fresh.session.id).last_used_at == used_at


def test_a_mail_is_sent_once_and_then_forgets_its_text(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.locmem.EmailBackend")
    sent_mail.outbox = []
    write_mail(to=EMAIL, user=user, subject="Hello", text="A secret", now=NOW)
    assert deliver_waiting(now=NOW) == 1 and deliver_waiting(now=NOW + DAY) == 0
    (one,) = sent_mail.outbox
    assert (one.to, one.subject) == ([EMAIL], "Hello") and one.body.startswith("A secret")
    assert Mail.objects.get().sealed_text == "" and mails_to(email=EMAIL) == []


def test_a_mail_that_the_server_does_not_take_is_tried_later_and_given_up_in_the_end(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
    monkeypatch.setattr(settings, "EMAIL_PORT", 1)  # nothing listens there
    write_mail(to=EMAIL, user=user, subject="Hello", text="A secret", now=NOW)
    now = NOW
    for tried in range(1, TRIES + 1):
        assert deliver_waiting(now=now) == 0
        assert Mail.objects.get().tries == tried
        assert deliver_waiting(now=now) == 0 and Mail.objects.get().tries == tried
        now += FIRST_RETRY * 2**tried
    assert Mail.objects.get().next_try_at is None


def test_a_mail_that_cannot_be_read_any_more_does_not_hold_up_the_others(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.locmem.EmailBackend")
    sent_mail.outbox = []
    with monkeypatch.context() as before:
        before.setattr(settings, "SEALING_KEYS", [Fernet.generate_key().decode()])
        write_mail(to=EMAIL, user=user, subject="Lost", text="?", now=NOW)
    write_mail(to=EMAIL, user=user, subject="Read", text="!", now=NOW + dt.timedelta(seconds=1))
    deliver_waiting(now=NOW + dt.timedelta(seconds=2))
    assert [one.subject for one in sent_mail.outbox] == ["Read"]
    lost = Mail.objects.get(subject="Lost")
    assert (lost.sent_at, lost.next_try_at) == (None, None)


def test_old_mails_and_proofs_are_forgotten(user: User) -> None:
    send_sign_in_code(email=EMAIL, caller=HOME, now=NOW)
    forget_old(now=NOW + proofs.CODE_LIFETIME)
    assert Mail.objects.count() == Proof.objects.count() == 1
    forget_old(now=NOW + KEEP + DAY)
    assert Mail.objects.count() == Proof.objects.count() == 0


def test_the_mails_that_a_demo_shows_to_anybody_are_never_the_staffs(user: User) -> None:
    operator = create_operator(email="op@example.com", password=PASSWORD)
    for to, who in [(EMAIL, user), (operator.email, operator), ("x@example.com", None)]:
        write_mail(to=to, user=who, subject="Hello", text="", now=NOW)
    assert [mail.to for mail in mails_to_customers()] == ["x@example.com", EMAIL]


def test_who_does_not_get_his_turn_at_argon2_is_told_to_come_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password_hashing, "WAIT_LIMIT_S", 0.01)
    with ExitStack() as turns:
        for _ in range(password_hashing.CONCURRENT):
            turns.enter_context(password_hashing.turn())
        with pytest.raises(Problem) as caught:
            make_user()
    assert caught.value.kind.status == 503 and caught.value.headers["Retry-After"]
    with override_settings(PASSWORD_HASHERS=["accounts.password_hashing.BoundedArgon2Hasher"]):
        assert make_user().password.startswith("argon2$argon2id$v=19$m=65536,t=2,p=1$")


def make_key(user: User) -> Made:
    return create_key(
        account_id=Account.objects.get(owner=user).id,
        name="desk",
        scopes=["read"],
        addresses=[],
        expires_at=None,
        public_key=None,
        caller=HOME,
        now=NOW,
    )


def test_a_key_that_is_made_or_ended_is_in_the_log_and_told_by_mail(user: User) -> None:
    key = make_key(user).key
    assert mails_to(email=EMAIL)[0].subject == "An API key was made"
    revoke_key(account_id=key.account_id, key_id=key.id, caller=HOME, now=NOW)
    assert kinds(user)[:2] == ["api_key_ended", "api_key_made"]


def test_a_reset_ends_the_api_keys_and_a_change_leaves_them(user: User) -> None:
    key = make_key(user).key
    change_password(user=user, password=PASSWORD, new_password=NEW_PASSWORD, session_id=None, caller=HOME, now=NOW)
    assert list_keys(account_id=key.account_id) == [key]
    ask_reset(email=EMAIL, caller=HOME, now=NOW)
    reset_password(token=mailed_token(), new_password=PASSWORD, caller=HOME, now=NOW)
    assert list_keys(account_id=key.account_id) == []


def test_keys_ask_for_the_second_factor_of_those_who_have_one(user: User) -> None:
    session = session_of(user)

    def ask(given: str | None = None) -> None:
        require_own_factor(user_id=user.id, session_id=session.id, given=given, caller=HOME, now=NOW)

    ask()
    secret, _ = add_app(user, now=NOW)
    with pytest.raises(Problem) as caught:
        ask()
    assert caught.value.kind.code == "step_up_required"
    ask(totp_code(secret, NOW))
    ask()
