"""Lost second factors: it takes two of the staff and time, the owner hears of it and can object, and then is let in."""

import datetime as dt

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.utils import ProgrammingError

from accounts.freeze import frozen_until
from accounts.lost_factors import ResetRefused, approve_reset, ask_for_reset, cancel_reset
from accounts.mails import mails_to
from accounts.models import FactorReset, SecurityEvent, Session, User
from accounts.problems import Problem
from accounts.second_factors import factors_of, has_factor, recovery_codes_left
from accounts.signing_in import by_code, by_password, open_signed_in, second_factor, send_sign_in_code
from tests.fixtures import Database

from .people import ELSEWHERE, EMAIL, HOME, PASSWORD, add_app, mailed_code, make_user, totp_code

NOW = dt.datetime.now(dt.UTC)
DUE = NOW + dt.timedelta(hours=settings.FACTOR_RESET_DELAY_H)
WORDS = "showed her passport in a call"


@pytest.fixture
def ada(database: Database) -> User:
    user = make_user()
    add_app(user, now=NOW - dt.timedelta(days=10))
    user.withdrawals_frozen_until = None
    user.save()
    return user


def staff(name: str, role: str = "admin") -> User:
    user = make_user(f"{name}@example.com")
    user.role = role
    user.save()
    return user


def asked(user: User, by: User, words: str = WORDS, now: dt.datetime = NOW) -> FactorReset:
    return ask_for_reset(user=user, has_factor=has_factor(user.id), by=by, words=words, now=now)


def approved(user: User) -> FactorReset:
    reset = asked(user, staff("eve"))
    return approve_reset(reset_id=reset.id, by=staff("bob"), now=NOW)


def kinds(user: User) -> list[str]:
    found = SecurityEvent.objects.filter(user=user, kind__startswith="factor_reset").order_by("id")
    return [event.kind.removeprefix("factor_reset_") for event in found]


def test_who_lost_them_all_is_let_in_after_the_delay_and_not_before(ada: User) -> None:
    opened = open_signed_in(user=ada, factor_proven=True, how="before", caller=HOME, now=NOW).session
    reset = approved(ada)
    assert reset.due_at == DUE
    early = DUE - dt.timedelta(seconds=1)
    assert has_factor(by_password(email=EMAIL, password=PASSWORD, caller=ELSEWHERE, now=early).id)
    with pytest.raises(Problem) as refused:
        second_factor(user=ada, given=None, caller=ELSEWHERE, now=early)
    assert refused.value.kind.code == "second_factor_required"

    user = by_password(email=EMAIL, password=PASSWORD, caller=ELSEWHERE, now=DUE)
    assert second_factor(user=user, given=None, caller=ELSEWHERE, now=DUE) is False
    assert (factors_of(ada.id), recovery_codes_left(ada.id)) == ([], 0)
    assert Session.objects.get(id=opened.id).ended_at == DUE
    reset.refresh_from_db()
    assert (reset.ending, reset.ended_by_id, reset.ended_at) == ("done", ada.id, DUE)
    removed = SecurityEvent.objects.get(user=ada, kind="second_factor_removed")
    assert (removed.detail, removed.ip) == ("all of them, as lost", ELSEWHERE.ip)


def test_a_code_from_a_mail_lets_in_as_the_password_does(ada: User) -> None:
    approved(ada)
    send_sign_in_code(email=EMAIL, caller=ELSEWHERE, now=DUE)
    user, _ = by_code(email=EMAIL, code=mailed_code(), caller=ELSEWHERE, now=DUE)
    assert not has_factor(user.id)


def test_a_wrong_password_removes_nothing(ada: User) -> None:
    approved(ada)
    with pytest.raises(Problem):
        by_password(email=EMAIL, password="not this one", caller=ELSEWHERE, now=DUE)
    assert has_factor(ada.id)


def test_withdrawals_are_frozen_from_the_approval_until_a_day_after_it_took_effect(ada: User) -> None:
    approved(ada)
    day = dt.timedelta(hours=settings.WITHDRAWAL_FREEZE_H)
    assert frozen_until(User.objects.get(id=ada.id), now=NOW) == DUE + day
    later = DUE + dt.timedelta(days=7)
    by_password(email=EMAIL, password=PASSWORD, caller=ELSEWHERE, now=later)
    assert frozen_until(User.objects.get(id=ada.id), now=later) == later + day


def test_the_owner_has_a_mail_about_each_step(ada: User) -> None:
    reset = asked(ada, staff("eve"))
    assert "was asked for: by eve@example.com" in mails_to(email=EMAIL)[0].text
    approve_reset(reset_id=reset.id, by=staff("bob"), now=NOW)
    assert f"in force from {DUE:%Y-%m-%d %H:%M} UTC on" in mails_to(email=EMAIL)[0].text
    cancel_reset(reset_id=reset.id, by=staff("joe"), now=NOW)
    assert "was cancelled: by joe@example.com" in mails_to(email=EMAIL)[0].text
    assert kinds(ada) == ["asked", "approved", "cancelled"]


def test_who_proves_a_factor_has_not_lost_it_and_that_cancels(ada: User) -> None:
    User.objects.filter(id=ada.id).update(withdrawals_frozen_until=None)
    secret, _ = add_app(owner := make_user("new@example.com"), now=NOW)
    reset = approved(owner)
    assert second_factor(user=owner, given=totp_code(secret, NOW), caller=HOME, now=NOW) is True
    reset.refresh_from_db()
    assert (reset.ending, reset.ended_by_id) == ("cancelled", owner.id)
    by_password(email=owner.email, password=PASSWORD, caller=HOME, now=DUE)
    assert has_factor(owner.id) and kinds(owner)[-1] == "cancelled"


def test_a_recovery_code_cancels_too(database: Database) -> None:
    owner = make_user()
    _, codes = add_app(owner, now=NOW)
    reset = approved(owner)
    assert second_factor(user=owner, given=codes[0], caller=HOME, now=NOW) is True
    reset.refresh_from_db()
    assert reset.ending == "cancelled"


def test_it_takes_two_of_the_staff_neither_of_them_the_owner(ada: User) -> None:
    eve, bob, nobody = staff("eve"), staff("bob", "operator"), staff("joe", "user")
    for by in (nobody, ada):
        with pytest.raises(ResetRefused, match="for the role admin"):
            asked(ada, by)
    with pytest.raises(ResetRefused, match="Say in 1 to"):
        asked(ada, eve, words="  ")
    with pytest.raises(ResetRefused, match="has no second factor"):
        asked(bob, eve)
    add_app(eve, now=NOW)
    with pytest.raises(ResetRefused, match="Somebody else has to ask"):
        asked(eve, eve)
    own = asked(eve, bob)
    reset = asked(ada, eve)
    with pytest.raises(ResetRefused, match="asked for already"):
        asked(ada, bob)
    for one, by in ((reset, eve), (own, eve), (own, bob)):
        with pytest.raises(ResetRefused, match="takes somebody else"):
            approve_reset(reset_id=one.id, by=by, now=NOW)
    with pytest.raises(ResetRefused, match="for the role admin"):
        approve_reset(reset_id=reset.id, by=nobody, now=NOW)
    with pytest.raises(ResetRefused, match="for the role admin"):
        cancel_reset(reset_id=reset.id, by=nobody, now=NOW)
    approve_reset(reset_id=reset.id, by=bob, now=NOW)
    with pytest.raises(ResetRefused, match="approved already"):
        approve_reset(reset_id=reset.id, by=staff("zoe"), now=NOW)
    cancel_reset(reset_id=reset.id, by=eve, now=NOW)
    with pytest.raises(ResetRefused, match="has ended"):
        approve_reset(reset_id=reset.id, by=bob, now=NOW)
    by_password(email=EMAIL, password=PASSWORD, caller=HOME, now=DUE)
    assert has_factor(ada.id)


def test_the_database_holds_it_against_the_application_itself(ada: User) -> None:
    eve, bob = staff("eve"), staff("bob")
    reset = asked(ada, eve)
    rows = FactorReset.objects.filter(id=reset.id)
    approval = {"approved_at": NOW, "due_at": DUE}
    broken = [
        {"approved_by": eve, **approval},
        {"approved_by": ada, **approval},
        {"approved_by": bob},
        {"approved_by": bob, "approved_at": NOW, "due_at": NOW},
        {"ending": "done", "ended_by": ada, "ended_at": DUE},
        {"words": "other words"},
        {"user": bob},
    ]
    for change in broken:
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    approve_reset(reset_id=reset.id, by=bob, now=NOW)
    for change in ({"due_at": NOW + dt.timedelta(seconds=1)}, {"ending": "done", "ended_by": ada, "ended_at": NOW}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    cancel_reset(reset_id=reset.id, by=bob, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(ending="", ended_by=None, ended_at=None)
    with pytest.raises(ProgrammingError), transaction.atomic():
        rows.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        FactorReset.objects.create(user=bob, asked_by=bob, asked_at=NOW, words=WORDS)
