"""Letting somebody back in who lost every second factor and the recovery codes: the one writer of ``FactorReset``.

One of the staff asks for it and says how the person has shown who it is, another approves. It takes effect with the owner's
first sign-in after FACTOR_RESET_DELAY_H hours (``second_factors.remove_lost_factors``). Meanwhile withdrawals are frozen, the
owner has a mail about each step, and whoever proves a second factor has not lost it: that cancels it.
"""

import datetime as dt

from django.conf import settings
from django.db import transaction

from .freeze import freeze_withdrawals
from .models import FactorReset, User
from .scopes import has_role
from .security_log import Caller, Event, record

WORDS_LIMIT = 200
DECIDES = "admin"
"""The role that it takes to ask, to approve and to cancel."""


class ResetRefused(Exception):
    """It may not be asked for, approved or cancelled so. The message is for the staff."""


@transaction.atomic
def ask_for_reset(*, user: User, has_factor: bool, by: User, words: str, now: dt.datetime) -> FactorReset:
    """``words``: how the person has shown who it is. Raises ResetRefused."""
    _require_role(by)
    words = words.strip()
    if not 1 <= len(words) <= WORDS_LIMIT:
        raise ResetRefused(f"Say in 1 to {WORDS_LIMIT} characters how the person has shown who it is.")
    User.objects.select_for_update(no_key=True).get(id=user.id)
    if user.id == by.id:
        raise ResetRefused("Somebody else has to ask for yours.")
    if not has_factor:
        raise ResetRefused(f"{user.email} has no second factor.")
    if FactorReset.objects.filter(user=user, ended_at=None).exists():
        raise ResetRefused(f"It was asked for already for {user.email}.")
    reset = FactorReset.objects.create(user=user, asked_by=by, asked_at=now, words=words)
    record(user=user, event=Event.FACTOR_RESET_ASKED, caller=Caller(), now=now, detail=f"by {by.email}")
    return reset


@transaction.atomic
def approve_reset(*, reset_id: int, by: User, now: dt.datetime) -> FactorReset:
    """By another person than who asked, and not the owner. Raises ResetRefused."""
    _require_role(by)
    reset = _open_reset(reset_id)
    if reset.approved_by_id is not None:
        raise ResetRefused("It is approved already.")
    if by.id in (reset.asked_by_id, reset.user_id):
        raise ResetRefused("It takes somebody else.")
    due_at = now + dt.timedelta(hours=settings.FACTOR_RESET_DELAY_H)
    reset.approved_by, reset.approved_at, reset.due_at = by, now, due_at
    reset.save(update_fields=["approved_by", "approved_at", "due_at"])
    freeze_withdrawals(user=reset.user, now=due_at)
    detail = f"by {by.email}; in force from {due_at:%Y-%m-%d %H:%M} UTC on, unless a second factor is proven before"
    record(user=reset.user, event=Event.FACTOR_RESET_APPROVED, caller=Caller(), now=now, detail=detail)
    return reset


@transaction.atomic
def cancel_reset(*, reset_id: int, by: User, now: dt.datetime) -> FactorReset:
    """One of the staff cancels it. Raises ResetRefused."""
    _require_role(by)
    reset = _open_reset(reset_id)
    if by.id == reset.user_id:
        raise ResetRefused("It takes somebody else.")
    _end(reset, FactorReset.Ending.CANCELLED, by=by, now=now)
    record(user=reset.user, event=Event.FACTOR_RESET_CANCELLED, caller=Caller(), now=now, detail=f"by {by.email}")
    return reset


@transaction.atomic
def cancel_as_not_lost(*, user: User, caller: Caller, now: dt.datetime) -> None:
    """The owner has just proven a second factor."""
    reset = FactorReset.objects.select_for_update().filter(user=user, ended_at=None).first()
    if reset is not None:
        _end(reset, FactorReset.Ending.CANCELLED, by=user, now=now)
        detail = "a second factor was proven"
        record(user=user, event=Event.FACTOR_RESET_CANCELLED, caller=caller, now=now, detail=detail)


def take_due_reset(*, user: User, now: dt.datetime) -> FactorReset | None:
    """The owner's reset if it is in force, done from now on; in the transaction of whoever carries it out."""
    reset = FactorReset.objects.select_for_update().filter(user=user, ended_at=None, due_at__lte=now).first()
    if reset is not None:
        _end(reset, FactorReset.Ending.DONE, by=user, now=now)
    return reset


def _require_role(by: User) -> None:
    if not (by.is_active and has_role(by.role, DECIDES)):
        raise ResetRefused(f"This is for the role {DECIDES}.")


def _open_reset(reset_id: int) -> FactorReset:
    rows = FactorReset.objects.select_for_update(of=("self",)).select_related("user")
    reset = rows.filter(id=reset_id, ended_at=None).first()
    if reset is None:
        raise ResetRefused("It has ended.")
    return reset


def _end(reset: FactorReset, ending: FactorReset.Ending, *, by: User, now: dt.datetime) -> None:
    reset.ending, reset.ended_by, reset.ended_at = ending.value, by, now
    reset.save(update_fields=["ending", "ended_by", "ended_at"])
