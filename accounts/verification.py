"""Verification: that an address is its user's, by a code; who the user is, by an admin. The level says how much may leave.

Level 0 is registered, 1 has a verified address, 2 is identified. ``VERIFICATION_LIMITS`` has the limits of each.
"""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from . import proofs
from .mails import write_code
from .models import Proof, User
from .problems import WRONG_CODE, Problem
from .security_log import Caller, Event, record
from .throttling import FAILURES_AT_EMAIL, MAILS_TO_EMAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a level allows, in whole US dollars; None: no limit."""

    withdrawal_usd_per_day: int | None


def level_of(user: User) -> int:
    if user.identified_at is not None:
        return 2
    return 0 if user.email_verified_at is None else 1


def limits_of(user: User) -> Limits:
    limits: dict[str, int | None] = settings.VERIFICATION_LIMITS[level_of(user)]
    return Limits(withdrawal_usd_per_day=limits["withdrawal_usd_per_day"])


def ask_verification_code(*, user: User, now: dt.datetime) -> None:
    """Sends a new code. Raises Problem(rate_limited)."""
    MAILS_TO_EMAIL.check(user.email)
    send_verification_code(user=user, now=now)


@transaction.atomic
def send_verification_code(*, user: User, now: dt.datetime) -> None:
    code = proofs.new_code(purpose=Proof.Purpose.VERIFY, email=user.email, user=user, now=now)
    minutes = int(proofs.CODE_LIFETIME.total_seconds() // 60)
    doing = "verify your e-mail address"
    write_code(to=user.email, user=user, code=code, doing=doing, minutes=minutes, now=now)


def verify_email(*, user: User, code: str, caller: Caller, now: dt.datetime) -> None:
    """Raises Problem(wrong_code)."""
    FAILURES_AT_EMAIL.check(user.email)
    proven = proofs.check_code(purpose=Proof.Purpose.VERIFY, email=user.email, code=code, now=now)
    if proven is None or proven.user_id != user.id or not proofs.spend(proven):
        record(user=user, event=Event.CODE_FAILED, caller=caller, now=now)
        raise Problem(WRONG_CODE, "The code is wrong, expired or used. Ask for a new one.")
    FAILURES_AT_EMAIL.give_back(user.email)
    note_verified(user=user, caller=caller, now=now)


@transaction.atomic
def note_verified(*, user: User, caller: Caller, now: dt.datetime) -> None:
    """The address was proven, by whatever mail it took."""
    if User.objects.filter(id=user.id, email_verified_at=None).update(email_verified_at=now):
        user.email_verified_at = now
        record(user=user, event=Event.EMAIL_VERIFIED, caller=caller, now=now)


@transaction.atomic
def set_identified(*, user: User, identified: bool, by: User, now: dt.datetime) -> bool:
    """An admin says whether the user is identified. False if nothing changed."""
    changed = User.objects.filter(id=user.id, identified_at__isnull=identified).update(
        identified_at=now if identified else None
    )
    if not changed:
        return False
    user.refresh_from_db()
    record(
        user=user, event=Event.LEVEL_CHANGED, caller=Caller(), now=now, detail=f"level {level_of(user)}, by {by.email}"
    )
    return True
