"""Asking once more: what a stolen session must not do takes a second factor that was proven on it within FRESH.

Withdrawal addresses and withdrawals call ``require_fresh_factor``, API keys and transfers to others ``require_own_factor``. The
proof was given before (on signing in, by POST /account/security/step-up, by a passkey on the site) or comes with the request.
An account without a second factor proves itself by a code from a mail.
"""

import datetime as dt
import uuid

from . import proofs
from .mails import write_code
from .models import Proof, Session, User
from .problems import STEP_UP_FAILED, STEP_UP_REQUIRED, Problem
from .second_factors import factors_of, has_factor, verify_factor
from .security_log import Caller, Event, record
from .sessions import note_factor
from .throttling import FAILURES_AT_EMAIL, MAILS_TO_EMAIL

FRESH = dt.timedelta(minutes=5)


def fresh_until(session_id: uuid.UUID | None, *, now: dt.datetime) -> dt.datetime | None:
    """Until when what was proven on this session counts; None if nothing does now."""
    session = None if session_id is None else Session.objects.filter(id=session_id, ended_at=None).first()
    if session is None or session.factor_at is None or session.factor_at + FRESH <= now:
        return None
    return session.factor_at + FRESH


def require_fresh_factor(
    *, user_id: uuid.UUID, session_id: uuid.UUID | None, given: str | None, caller: Caller, now: dt.datetime
) -> None:
    """Returns if the user has just proven himself on this session, or ``given`` proves it (noted on the session, if any).

    ``given``: a code of the app, a recovery code, or without a second factor the code from a mail.
    Raises Problem step_up_required, step_up_failed, rate_limited.
    """
    if not given:
        if fresh_until(session_id, now=now) is None:
            raise _required(user_id)
        return
    user = User.objects.get(id=user_id)
    if not _proves(user, given, caller, now):
        raise Problem(STEP_UP_FAILED, "The code is wrong, expired or was used already.")
    note_proven(user=user, session_id=session_id, how="by a code", caller=caller, now=now)


def require_own_factor(
    *, user_id: uuid.UUID, session_id: uuid.UUID | None, given: str | None, caller: Caller, now: dt.datetime
) -> None:
    """The same for accounts that have a second factor; of others it asks nothing, for keys and transfers work at once."""
    if has_factor(user_id):
        require_fresh_factor(user_id=user_id, session_id=session_id, given=given, caller=caller, now=now)


def note_proven(*, user: User, session_id: uuid.UUID | None, how: str, caller: Caller, now: dt.datetime) -> None:
    """A factor was proven on this session, as by a passkey, which takes a browser."""
    if session_id is not None:
        note_factor(session_id=session_id, now=now)
    record(user=user, event=Event.SECOND_FACTOR_PROVEN, caller=caller, now=now, detail=how)


def send_step_up_code(*, user: User, now: dt.datetime) -> None:
    """Sends the code of an account without a second factor. Raises Problem."""
    if has_factor(user.id):
        raise Problem(STEP_UP_REQUIRED, "This account has a second factor: use that.", {"ways": ways(user.id)})
    MAILS_TO_EMAIL.check(user.email)
    code = proofs.new_code(purpose=Proof.Purpose.STEP_UP, email=user.email, user=user, now=now)
    minutes = int(proofs.CODE_LIFETIME.total_seconds() // 60)
    write_code(to=user.email, user=user, code=code, doing="confirm", minutes=minutes, now=now)


def ways(user_id: uuid.UUID) -> list[str]:
    """How this user can prove himself: totp, recovery_code, passkey; or email_code."""
    found = sorted({factor.kind for factor in factors_of(user_id)})
    return [*found, "recovery_code"] if found else ["email_code"]


def _proves(user: User, given: str, caller: Caller, now: dt.datetime) -> bool:
    if has_factor(user.id):
        return verify_factor(user=user, given=given, caller=caller, now=now)
    FAILURES_AT_EMAIL.check(user.email)
    proven = proofs.check_code(purpose=Proof.Purpose.STEP_UP, email=user.email, code=given, now=now)
    if proven is None or proven.user_id != user.id or not proofs.spend(proven):
        record(user=user, event=Event.CODE_FAILED, caller=caller, now=now)
        return False
    FAILURES_AT_EMAIL.give_back(user.email)
    return True


def _required(user_id: uuid.UUID) -> Problem:
    asked = ways(user_id)
    if asked == ["email_code"]:
        detail = "Ask for a code by POST /account/security/step-up/code, and send it as totp."
    else:
        detail = "Send the code of your authenticator app or a recovery code as totp, or use a passkey on the site."
    return Problem(STEP_UP_REQUIRED, detail, {"ways": asked})
