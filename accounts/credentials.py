"""Changing and resetting passwords. Argon2: never on the event loop.

A change ends all other sessions, a reset all, and the API keys; both freeze withdrawals. A reset goes by a link in a mail:
whoever reads the user's mail can reset, and still needs the second factor to sign in.
"""

import datetime as dt
import uuid

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from . import proofs
from .api_keys import revoke_all_keys
from .authentication import principals
from .freeze import freeze_withdrawals
from .mails import write_reset_link
from .models import Proof, User
from .networks import network_of
from .problems import LINK_SPENT, WRONG_CREDENTIALS, Problem
from .security_log import Caller, Event, record
from .sessions import end_sessions
from .throttling import FAILURES_AT_EMAIL, MAILS_FOR_ADDRESS, MAILS_TO_EMAIL
from .verification import note_verified


def require_password(*, user: User, password: str, caller: Caller, now: dt.datetime) -> None:
    """For what a stolen session must not do while there is no second factor. Raises Problem(wrong_credentials)."""
    FAILURES_AT_EMAIL.check(user.email)
    if not user.check_password(password):
        record(user=user, event=Event.SIGN_IN_FAILED, caller=caller, now=now, detail="a wrong password in the settings")
        raise Problem(WRONG_CREDENTIALS, "The password is wrong.", {"errors": {"password": ["It is wrong."]}})
    FAILURES_AT_EMAIL.give_back(user.email)


def change_password(
    *, user: User, password: str, new_password: str, session_id: uuid.UUID | None, caller: Caller, now: dt.datetime
) -> None:
    """Raises Problem(wrong_credentials), ValidationError if the new one is not acceptable."""
    require_password(user=user, password=password, caller=caller, now=now)
    validate_password(new_password, user)
    _set(user, new_password, keep=session_id, event=Event.PASSWORD_CHANGED, caller=caller, now=now)


def ask_reset(*, email: str, caller: Caller, now: dt.datetime) -> None:
    """Sends a link to choose a new password with. Raises Problem(rate_limited)."""
    email = email.strip().lower()
    MAILS_FOR_ADDRESS.check(network_of(caller.ip))
    MAILS_TO_EMAIL.check(email)
    user = User.objects.filter(email=email, is_active=True).first()
    with transaction.atomic():
        token = proofs.new_link_token(purpose=Proof.Purpose.RESET, email=email, user=user, now=now)
        record(user=user, event=Event.PASSWORD_RESET_ASKED, caller=caller, now=now)
        minutes = int(proofs.LINK_LIFETIME.total_seconds() // 60)
        write_reset_link(to=email, user=user, token=token, minutes=minutes, now=now)


def user_of_reset(*, token: str, now: dt.datetime) -> User:
    """Whose password the link resets. Raises Problem(link_spent)."""
    proven = proofs.check_link_token(purpose=Proof.Purpose.RESET, token=token, now=now)
    user_id = None if proven is None else proven.user_id
    user = None if user_id is None else User.objects.filter(id=user_id, is_active=True).first()
    if user is None:
        raise Problem(LINK_SPENT, "The link is expired or was used already. Ask for a new one.")
    return user


def reset_password(*, token: str, new_password: str, caller: Caller, now: dt.datetime) -> User:
    """Raises Problem(link_spent), ValidationError; a password that is refused does not cost the link."""
    user = user_of_reset(token=token, now=now)
    validate_password(new_password, user)
    proven = proofs.check_link_token(purpose=Proof.Purpose.RESET, token=token, now=now)
    if proven is None or not proofs.spend(proven):
        raise Problem(LINK_SPENT, "The link is expired or was used already. Ask for a new one.")
    note_verified(user=user, caller=caller, now=now)
    _set(user, new_password, keep=None, event=Event.PASSWORD_RESET, caller=caller, now=now)
    return user


def _set(user: User, password: str, *, keep: uuid.UUID | None, event: Event, caller: Caller, now: dt.datetime) -> None:
    user.set_password(password)  # before the transaction: Argon2 must not hold row locks
    with transaction.atomic():
        user.save(update_fields=["password"])
        record(user=user, event=event, caller=caller, now=now)
        freeze_withdrawals(user=user, now=now)
        ended = end_sessions(user=user, now=now, caller=caller, why=event.value.replace("_", " "), but=keep)
        is_reset = event is Event.PASSWORD_RESET  # nobody knows who has been in, so nothing stays that lets anybody in
        keys = revoke_all_keys(user=user, caller=caller, now=now, why="password reset") if is_reset else []
    for session_id in ended:
        principals.forget_session(session_id)
    for key_id in keys:
        principals.forget_key(key_id)
