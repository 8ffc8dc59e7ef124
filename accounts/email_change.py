"""Changing one's e-mail address: asked for with the password, proven by a code sent to the new one.

The old address hears of the wish and of the change. The change freezes withdrawals and voids what was sent to the old address;
sessions and keys stay. Whether somebody has the new address already is told to its owner alone. Argon2: never on the event loop.
"""

import datetime as dt

from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from . import proofs
from .credentials import require_password
from .freeze import freeze_withdrawals
from .mails import write_already_registered, write_code
from .models import Proof, User
from .problems import INVALID_FIELD, WRONG_CODE, Problem
from .security_log import Caller, Event, record
from .throttling import FAILURES_AT_EMAIL, MAILS_TO_EMAIL


def ask_email_change(*, user: User, email: str, password: str, caller: Caller, now: dt.datetime) -> None:
    """Sends a code to the new address. Raises Problem, ValidationError if it is no address."""
    require_password(user=user, password=password, caller=caller, now=now)
    email = email.strip().lower()
    validate_email(email)
    if email == user.email:
        raise Problem(INVALID_FIELD, "This is your address already.", {"errors": {"email": ["It is yours already."]}})
    MAILS_TO_EMAIL.check(email)
    with transaction.atomic():
        record(user=user, event=Event.EMAIL_CHANGE_ASKED, caller=caller, now=now, detail=f"to {email}")
        owner = User.objects.filter(email=email).first()
        code = proofs.new_code(purpose=Proof.Purpose.EMAIL, email=email, user=user if owner is None else None, now=now)
        if owner is not None:
            write_already_registered(user=owner, now=now)
            return
        minutes = int(proofs.CODE_LIFETIME.total_seconds() // 60)
        write_code(to=email, user=user, code=code, doing="make this your address", minutes=minutes, now=now)


def change_email(*, user: User, email: str, code: str, caller: Caller, now: dt.datetime) -> None:
    """Raises Problem(wrong_code)."""
    email = email.strip().lower()
    FAILURES_AT_EMAIL.check(user.email)
    proven = proofs.check_code(purpose=Proof.Purpose.EMAIL, email=email, code=code, now=now)
    if proven is None or proven.user_id != user.id or not proofs.spend(proven):
        record(user=user, event=Event.CODE_FAILED, caller=caller, now=now)
        raise _wrong_code()
    FAILURES_AT_EMAIL.give_back(user.email)
    try:
        with transaction.atomic():
            _move(user, email, caller, now)
    except IntegrityError:  # somebody has signed up with it since the code was sent
        raise _wrong_code() from None


def _move(user: User, email: str, caller: Caller, now: dt.datetime) -> None:
    record(user=user, event=Event.EMAIL_CHANGED, caller=caller, now=now, detail=f"from {user.email} to {email}")
    proofs.void_of(user)
    user.email, user.email_verified_at = email, now
    user.save(update_fields=["email", "email_verified_at"])
    freeze_withdrawals(user=user, now=now)


def _wrong_code() -> Problem:
    return Problem(WRONG_CODE, "The code is wrong, expired or used. Ask for a new one.")
