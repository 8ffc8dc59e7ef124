"""Another e-mail address: takes the password and a code sent to it, freezes withdrawals, tells the old one."""

import datetime as dt

import pytest
from django.core.cache import cache

from accounts.credentials import ask_reset, reset_password
from accounts.email_change import ask_email_change, change_email
from accounts.freeze import frozen_until
from accounts.mails import mails_to
from accounts.models import User
from accounts.problems import Problem
from accounts.security_log import events_of
from accounts.signing_in import by_password
from tests.fixtures import Database

from .people import EMAIL, HOME, PASSWORD, mailed_code, mailed_token, make_user

NOW = dt.datetime.now(dt.UTC)
NEW = "lovelace@example.com"


@pytest.fixture
def user(database: Database) -> User:
    cache.clear()
    return make_user()


def ask(user: User, email: str = NEW, password: str = PASSWORD) -> None:
    ask_email_change(user=user, email=email, password=password, caller=HOME, now=NOW)


def change(user: User, code: str, email: str = NEW) -> None:
    change_email(user=user, email=email, code=code, caller=HOME, now=NOW)


def refused(code: str, call: object, *arguments: object) -> None:
    with pytest.raises(Problem) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.kind.code == code


def test_f83_a_new_address_is_proven_by_a_code_and_the_old_one_hears_of_it(user: User) -> None:
    ask(user, " Lovelace@Example.com ")
    assert "Another e-mail address was asked for" in mails_to(email=EMAIL)[0].text
    assert User.objects.get().email == EMAIL
    change(user, mailed_code(NEW))
    changed = User.objects.get()
    assert (changed.email, changed.email_verified_at) == (NEW, NOW)
    assert f"from {EMAIL} to {NEW}" in mails_to(email=EMAIL)[0].text
    assert by_password(email=NEW, password=PASSWORD, caller=HOME, now=NOW).id == user.id
    assert "email_changed" in [event.kind for event in events_of(user_id=user.id, before_id=None, limit=10)]


def test_f96_a_change_of_address_freezes_withdrawals(user: User) -> None:
    ask(user)
    assert frozen_until(User.objects.get(), now=NOW) is None
    change(user, mailed_code(NEW))
    assert frozen_until(User.objects.get(), now=NOW) is not None


def test_what_was_sent_to_the_old_address_counts_no_more(user: User) -> None:
    ask_reset(email=EMAIL, caller=HOME, now=NOW)
    token = mailed_token(EMAIL)
    ask(user)
    change(user, mailed_code(NEW))
    with pytest.raises(Problem) as caught:
        reset_password(token=token, new_password="a password of a thief", caller=HOME, now=NOW)
    assert caught.value.kind.code == "link_spent"


def test_it_takes_the_password_and_the_right_code_of_the_right_person(user: User) -> None:
    refused("wrong_credentials", ask, user, NEW, "wrong")
    refused("invalid_field", ask, user, EMAIL)
    ask(user)
    code = mailed_code(NEW)
    refused("wrong_code", change, user, "000000" if code != "000000" else "000001")
    refused("wrong_code", change, make_user("eve@example.com"), code)
    refused("wrong_code", change, user, code, "other@example.com")
    assert User.objects.get(id=user.id).email == EMAIL
    change(user, code)
    refused("wrong_code", change, user, code)


def test_whether_an_address_is_taken_is_told_to_its_owner_alone(user: User) -> None:
    make_user(NEW)
    ask(user)
    assert mails_to(email=NEW)[0].subject == "You have an account already"
    refused("wrong_code", change, user, "123456")


def test_who_signs_up_with_the_address_meanwhile_keeps_it(user: User) -> None:
    ask(user)
    code = mailed_code(NEW)
    other = make_user(NEW)
    refused("wrong_code", change, user, code)
    assert (User.objects.get(id=user.id).email, User.objects.get(id=other.id).email) == (EMAIL, NEW)
