"""Signing up and in: the one way for programs and browsers. Argon2 takes some 0.1 s of CPU: never called on the event loop.

First factor (password or a code from a mail), then the second if the account has one, then a session. Before the first factor
is right nothing tells whether the address is registered: the same words, the same rows, the same Argon2, the same limits.
"""

import datetime as dt

from django.db import transaction

from . import proofs
from .mails import write_already_registered, write_code
from .models import Proof, Session, User
from .networks import from_same_network, network_of
from .problems import (
    SECOND_FACTOR_REQUIRED,
    WRONG_CODE,
    WRONG_CREDENTIALS,
    WRONG_SECOND_FACTOR,
    Problem,
)
from .second_factors import has_factor, remove_lost_factors, verify_factor
from .security_log import Caller, Event, record
from .sessions import Opened, open_session
from .throttling import (
    FAILURES_AT_EMAIL,
    FAILURES_OF_ADDRESS,
    MAILS_FOR_ADDRESS,
    MAILS_TO_EMAIL,
    SIGN_IN,
    SIGN_UP,
)
from .users import register, verify_password
from .verification import note_verified, send_verification_code


def sign_up(*, email: str, password: str, caller: Caller, now: dt.datetime) -> User | None:
    """A new user, who is sent a code to verify the address. None if the address is taken; its owner is told by mail.

    Raises ValidationError if the address or the password is not acceptable, Problem(rate_limited).
    """
    SIGN_UP.check(network_of(caller.ip))
    user = register(email=email, password=password)
    with transaction.atomic():
        if user is not None:
            record(user=user, event=Event.SIGNED_UP, caller=caller, now=now)
            send_verification_code(user=user, now=now)
        else:
            known = User.objects.get(email=normal(email))
            record(user=known, event=Event.SIGN_IN_FAILED, caller=caller, now=now, detail="tried to sign up again")
            _write_if_not_too_many(known, now)
    return user


def by_password(*, email: str, password: str, caller: Caller, now: dt.datetime) -> User:
    """The first factor. Raises Problem(wrong_credentials, rate_limited)."""
    email = normal(email)
    _count_attempt(email, caller)
    user = verify_password(email=email, password=password)
    if user is None:
        known = User.objects.filter(email=email).first()
        record(user=known, event=Event.SIGN_IN_FAILED, caller=caller, now=now)
        raise Problem(WRONG_CREDENTIALS, "The address or the password is wrong.")
    _give_attempt_back(email, caller)
    remove_lost_factors(user=user, caller=caller, now=now)
    return user


def send_sign_in_code(*, email: str, caller: Caller, now: dt.datetime) -> None:
    """Sends a code to sign in with. Raises Problem(rate_limited)."""
    email = normal(email)
    MAILS_FOR_ADDRESS.check(network_of(caller.ip))
    MAILS_TO_EMAIL.check(email)
    user = User.objects.filter(email=email, is_active=True).first()
    with transaction.atomic():
        code = proofs.new_code(purpose=Proof.Purpose.SIGN_IN, email=email, user=user, now=now)
        minutes = int(proofs.CODE_LIFETIME.total_seconds() // 60)
        write_code(to=email, user=user, code=code, doing="sign in", minutes=minutes, now=now)


def by_code(*, email: str, code: str, caller: Caller, now: dt.datetime) -> tuple[User, proofs.Proven]:
    """The first factor by a code from a mail, not spent yet. Raises Problem(wrong_code, rate_limited)."""
    email = normal(email)
    _count_attempt(email, caller)
    proven = proofs.check_code(purpose=Proof.Purpose.SIGN_IN, email=email, code=code, now=now)
    user = None
    if proven is not None and proven.user_id is not None:
        user = User.objects.filter(id=proven.user_id, is_active=True).first()
    if proven is None or user is None:
        known = User.objects.filter(email=email).first()
        record(user=known, event=Event.CODE_FAILED, caller=caller, now=now)
        raise Problem(WRONG_CODE, "The code is wrong, expired or used. POST /session/code sends a new one.")
    _give_attempt_back(email, caller)
    remove_lost_factors(user=user, caller=caller, now=now)
    return user, proven


def spend_code(user: User, proven: proofs.Proven, *, caller: Caller, now: dt.datetime) -> None:
    """The code counts once, and proves that the address is the user's. Raises Problem(wrong_code)."""
    if not proofs.spend(proven):
        raise Problem(WRONG_CODE, "The code was used already. POST /session/code sends a new one.")
    note_verified(user=user, caller=caller, now=now)


def second_factor(*, user: User, given: str | None, caller: Caller, now: dt.datetime) -> bool:
    """Whether a second factor was proven; False if the account has none. Raises Problem where it has, and it was not."""
    if not has_factor(user.id):
        return False
    if not given:
        detail = "Send the code of your authenticator app, or a recovery code, as totp."
        raise Problem(SECOND_FACTOR_REQUIRED, detail)
    if not verify_factor(user=user, given=given, caller=caller, now=now):
        raise Problem(WRONG_SECOND_FACTOR, "The code is wrong or was used already. Wait for the next one.")
    return True


@transaction.atomic
def open_signed_in(*, user: User, factor_proven: bool, how: str, caller: Caller, now: dt.datetime) -> Opened:
    """The session of who has proven all that the account asks for. ``how`` is told in the security log."""
    opened = open_session(user=user, now=now, ip=caller.ip, user_agent=caller.user_agent, factor_proven=factor_proven)
    seen = Caller(ip=caller.ip, user_agent=caller.user_agent, session_id=opened.session.id)
    record(user=user, event=Event.SIGNED_IN, caller=seen, now=now, detail=how)
    return opened


def normal(email: str) -> str:
    """An address as it is stored."""
    return email.strip().lower()


def _count_attempt(email: str, caller: Caller) -> None:
    network = network_of(caller.ip)
    SIGN_IN.check(f"{network} {email}")
    FAILURES_OF_ADDRESS.check(network)
    try:
        FAILURES_AT_EMAIL.check(email)
    except Problem:
        # Nobody is locked out of his own account by strangers who guess at it.
        if not Session.objects.filter(from_same_network(caller.ip), user__email=email).exists():
            raise


def _give_attempt_back(email: str, caller: Caller) -> None:
    FAILURES_OF_ADDRESS.give_back(network_of(caller.ip))
    FAILURES_AT_EMAIL.give_back(email)


def _write_if_not_too_many(known: User, now: dt.datetime) -> None:
    try:
        MAILS_TO_EMAIL.check(known.email)
    except Problem:
        return
    write_already_registered(user=known, now=now)
