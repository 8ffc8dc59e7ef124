"""Second factors: an authenticator app (TOTP, RFC 6238) and recovery codes. Passkeys are in ``passkeys``.

The rows, keys and recovery codes are allauth's; what is ours is that a code of the app is taken once, which allauth leaves to
a shared cache that there need not be, and that guesses are counted in the database: GUESSES wrong ones in GUESSES_WINDOW at the
most, whatever process and whatever address they come to. Checks of one user go one after the other (a lock on his row).
"""

import datetime as dt
import hmac
import uuid
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value
from django.core import signing
from django.db import transaction

from . import sealing
from .authentication import principals
from .freeze import freeze_withdrawals
from .lost_factors import cancel_as_not_lost, take_due_reset
from .mfa_adapter import NAME
from .models import User
from .problems import (
    EMAIL_UNVERIFIED,
    RATE_LIMITED,
    SECOND_FACTOR_EXISTS,
    UNKNOWN_FACTOR,
    WRONG_SECOND_FACTOR,
    Problem,
)
from .security_log import Caller, Event, count_since, record
from .sessions import end_sessions

GUESSES = 10
GUESSES_WINDOW = dt.timedelta(hours=1)
OFFER_TTL_S = 900
TOTP = Authenticator.Type.TOTP
RECOVERY_CODES = Authenticator.Type.RECOVERY_CODES
PASSKEY = Authenticator.Type.WEBAUTHN
_OFFER_SALT = "accounts.second_factors.offer"
_KIND_ON_THE_WIRE = {TOTP: "totp", PASSKEY: "passkey"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A second factor as it is shown. ``kind`` is totp or passkey."""

    id: int
    kind: str
    name: str
    created_at: dt.datetime
    last_used_at: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A key for an authenticator app, not in force before a code of it is given with ``token``, within OFFER_TTL_S."""

    secret: str
    uri: str
    token: str


def has_factor(user_id: uuid.UUID) -> bool:
    """Whether signing in takes more than the password. Recovery codes alone are none: they come with another."""
    return bool(Authenticator.objects.filter(user_id=user_id, type__in=[TOTP, PASSKEY]).exists())


def factors_of(user_id: uuid.UUID) -> list[Factor]:
    rows = Authenticator.objects.filter(user_id=user_id, type__in=[TOTP, PASSKEY]).order_by("id")
    return [
        Factor(
            id=row.id,
            kind=_KIND_ON_THE_WIRE[row.type],
            name=row.data.get("name") or "Authenticator app",
            created_at=row.created_at,
            last_used_at=row.last_used_at,
        )
        for row in rows
    ]


def recovery_codes_left(user_id: uuid.UUID) -> int:
    row = Authenticator.objects.filter(user_id=user_id, type=RECOVERY_CODES).first()
    return 0 if row is None else len(RecoveryCodes(row).get_unused_codes())


def require_verified(user: User) -> None:
    """A second factor at an address that is not the user's own would lock out whose it is."""
    if user.email_verified_at is None:
        raise Problem(EMAIL_UNVERIFIED, "A second factor needs a verified e-mail address: see GET /account/security.")


def offer_totp(user: User) -> Offer:
    """A fresh key. Raises Problem if there is an app already, or the address is not verified."""
    require_verified(user)
    if Authenticator.objects.filter(user=user, type=TOTP).exists():
        raise Problem(SECOND_FACTOR_EXISTS, "Remove the authenticator app before you add another.")
    secret = generate_totp_secret()
    token = signing.dumps({"user": str(user.id), "secret": secret}, salt=_OFFER_SALT)
    return Offer(secret=secret, uri=_uri(user, secret), token=token)


def read_offer(user: User, token: str) -> Offer:
    """An offer to this user, from its token. Raises Problem if it is another's, or expired."""
    try:
        offered = signing.loads(token, salt=_OFFER_SALT, max_age=OFFER_TTL_S)
    except signing.BadSignature:
        offered = {}
    if offered.get("user") != str(user.id):
        raise Problem(WRONG_SECOND_FACTOR, "The offer is expired. Begin again.")
    secret = str(offered["secret"])
    return Offer(secret=secret, uri=_uri(user, secret), token=token)


def _uri(user: User, secret: str) -> str:
    """What a QR code tells an app (the key URI format of Google Authenticator)."""
    return f"otpauth://totp/{quote(f'{NAME}:{user.email}')}?{urlencode({'secret': secret, 'issuer': NAME})}"


@transaction.atomic
def accept_totp(*, user: User, token: str, code: str, caller: Caller, now: dt.datetime) -> list[str]:
    """Puts an offered app in force. Returns the recovery codes if it is the first factor. Raises Problem."""
    secret = read_offer(user, token).secret
    User.objects.select_for_update(no_key=True).get(id=user.id)
    if Authenticator.objects.filter(user=user, type=TOTP).exists():
        raise Problem(SECOND_FACTOR_EXISTS, "Remove the authenticator app before you add another.")
    counter = _fitting_counter(secret, code, now, after=0)
    if counter is None:
        raise Problem(WRONG_SECOND_FACTOR, "The code is not the app's. Is the clock of your device right?")
    Authenticator.objects.create(
        user=user, type=TOTP, data={"secret": sealing.seal_text(secret), "last_counter": counter}, created_at=now
    )
    return note_added(user=user, name="Authenticator app", caller=caller, now=now)


def note_added(*, user: User, name: str, caller: Caller, now: dt.datetime) -> list[str]:
    """What follows from a new factor: event and mail, the freeze, recovery codes with the first one."""
    record(user=user, event=Event.SECOND_FACTOR_ADDED, caller=caller, now=now, detail=name)
    freeze_withdrawals(user=user, now=now)
    if Authenticator.objects.filter(user=user, type=RECOVERY_CODES).exists():
        return []
    return _make_codes(user)


@transaction.atomic
def remove_factor(*, user: User, factor_id: int, caller: Caller, now: dt.datetime) -> None:
    """Removes an app or a passkey, and the recovery codes with the last of them. Raises Problem(unknown_factor)."""
    User.objects.select_for_update(no_key=True).get(id=user.id)
    factor = next((one for one in factors_of(user.id) if one.id == factor_id), None)
    if factor is None:
        raise Problem(UNKNOWN_FACTOR, "You have no second factor of this id.")
    Authenticator.objects.filter(user=user, id=factor_id).delete()
    if not has_factor(user.id):
        Authenticator.objects.filter(user=user).delete()
    record(user=user, event=Event.SECOND_FACTOR_REMOVED, caller=caller, now=now, detail=factor.name)
    freeze_withdrawals(user=user, now=now)


def remove_lost_factors(*, user: User, caller: Caller, now: dt.datetime) -> None:
    """What the staff approved for who lost them all, once it is in force: no factor, code or open session of before is left.

    Called for who has just proven the first factor.
    """
    with transaction.atomic():
        if take_due_reset(user=user, now=now) is None:
            return
        Authenticator.objects.filter(user=user).delete()
        detail = "all of them, as lost"
        record(user=user, event=Event.SECOND_FACTOR_REMOVED, caller=caller, now=now, detail=detail)
        freeze_withdrawals(user=user, now=now)
        ended = end_sessions(user=user, now=now, caller=caller, why="second factors were lost")
    for session_id in ended:
        principals.forget_session(session_id)


@transaction.atomic
def renew_recovery_codes(*, user: User, caller: Caller, now: dt.datetime) -> list[str]:
    """New codes; the old ones are void. Raises Problem(unknown_factor) without a factor."""
    if not has_factor(user.id):
        raise Problem(UNKNOWN_FACTOR, "Recovery codes come with a second factor. Add one first.")
    Authenticator.objects.filter(user=user, type=RECOVERY_CODES).delete()
    codes = _make_codes(user)
    record(user=user, event=Event.RECOVERY_CODES_MADE, caller=caller, now=now)
    freeze_withdrawals(user=user, now=now)
    return codes


@transaction.atomic
def verify_factor(*, user: User, given: str, caller: Caller, now: dt.datetime) -> bool:
    """Whether ``given`` is a code of the user's app that was not used yet, or an unused recovery code; it is used then.

    Raises Problem(rate_limited) after too many wrong ones.
    """
    User.objects.select_for_update(no_key=True).get(id=user.id)
    since = now - GUESSES_WINDOW
    if count_since(user_id=user.id, event=Event.SECOND_FACTOR_FAILED, since=since) >= GUESSES:
        wait_s = str(int(GUESSES_WINDOW.total_seconds()))
        raise Problem(
            RATE_LIMITED, "Too many wrong second factors. Try again in an hour.", headers={"Retry-After": wait_s}
        )
    if _use_totp(user, given, now):
        cancel_as_not_lost(user=user, caller=caller, now=now)
        return True
    if _use_recovery_code(user, given):
        cancel_as_not_lost(user=user, caller=caller, now=now)
        left = f"{recovery_codes_left(user.id)} are left"
        record(user=user, event=Event.RECOVERY_CODE_USED, caller=caller, now=now, detail=left)
        return True
    record(user=user, event=Event.SECOND_FACTOR_FAILED, caller=caller, now=now)
    return False


def _use_totp(user: User, code: str, now: dt.datetime) -> bool:
    row = Authenticator.objects.select_for_update().filter(user=user, type=TOTP).first()
    if row is None:
        return False
    counter = _fitting_counter(
        sealing.unseal_text(row.data["secret"]), code, now, after=row.data.get("last_counter", 0)
    )
    if counter is None:
        return False
    row.data["last_counter"] = counter
    row.last_used_at = now
    row.save(update_fields=["data", "last_used_at"])
    return True


def _use_recovery_code(user: User, code: str) -> bool:
    row = Authenticator.objects.filter(user=user, type=RECOVERY_CODES).first()
    return row is not None and bool(RecoveryCodes(row).validate_code(code))


def _fitting_counter(secret: str, code: str, now: dt.datetime, *, after: int) -> int | None:
    """The time step whose code this is, a step early or late allowed, and none up to ``after``: a code counts once."""
    digits = code.replace(" ", "")
    step = int(now.timestamp()) // int(mfa_settings.TOTP_PERIOD)
    tolerance = int(mfa_settings.TOTP_TOLERANCE)
    for counter in range(step - tolerance, step + tolerance + 1):
        expected = format_hotp_value(hotp_value(secret, counter))
        if hmac.compare_digest(digits.encode(), expected.encode()) and counter > after:
            return counter
    return None


def _make_codes(user: User) -> list[str]:
    return list(RecoveryCodes.activate(user).generate_codes())
