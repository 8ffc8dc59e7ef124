"""Passkeys (WebAuthn), by allauth's functions on the browser's cookie session, which keeps the challenge between two requests.

Every passkey is discoverable and verifies its user (a finger, a face, a PIN), so that it is two factors in one: it signs in by
itself, and it is the second factor after a password. An answer that does not fit costs its challenge, and a challenge serves
what it was made for alone: one for signing in registers nothing. Passkeys are bound to the host's name; browsers refuse them on
bare IP addresses.
"""

import datetime as dt
import ipaddress
import uuid
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from .lost_factors import cancel_as_not_lost
from .models import User
from .problems import INVALID_FIELD, WRONG_SECOND_FACTOR, Problem
from .second_factors import PASSKEY, note_added, require_verified
from .security_log import Caller

NAME_LENGTH = 40
_PURPOSE_KEY = "kontor_passkey"
LIMIT_PER_USER = 10


def host_is_a_name(request: HttpRequest) -> bool:
    """False on an IP address, where no browser makes or uses a passkey."""
    host = request.get_host()
    bare = host[1 : host.index("]")] if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return True
    return False


def begin_registration(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the browser's ``credentials.create`` takes. Raises Problem."""
    require_verified(user)
    if Authenticator.objects.filter(user=user, type=PASSKEY).count() >= LIMIT_PER_USER:
        raise Problem(INVALID_FIELD, f"You have {LIMIT_PER_USER} passkeys, which is the limit. Remove one first.")
    request.session[_PURPOSE_KEY] = f"register {user.id}"
    return dict(auth.begin_registration(user, passwordless=True))


def complete_registration(
    request: HttpRequest, *, user: User, name: str, credential: dict[str, Any], caller: Caller, now: dt.datetime
) -> list[str]:
    """Puts the new passkey in force. Returns the recovery codes if it is the first factor. Raises Problem."""
    require_verified(user)
    fits = request.session.pop(_PURPOSE_KEY, None) == f"register {user.id}"
    try:
        if not fits:
            raise ValueError("no registration was begun")
        auth.complete_registration(credential)
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Problem(WRONG_SECOND_FACTOR, "The passkey does not answer what it was asked. Begin again.") from error
    finally:
        auth.clear_state()
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(id=user.id)
        shown = name.strip()[:NAME_LENGTH] or "Passkey"
        auth.WebAuthn.add(user, shown, credential)
        return note_added(user=user, name=f"Passkey {shown!r}", caller=caller, now=now)


def begin_authentication(request: HttpRequest, user: User | None) -> dict[str, Any]:
    """What the browser's ``credentials.get`` takes. Without a user any passkey of this host will do."""
    request.session[_PURPOSE_KEY] = f"authenticate {user.id if user else 'anybody'}"
    return dict(auth.begin_authentication(user))


def complete_authentication(
    request: HttpRequest, *, user_id: uuid.UUID | None, credential: dict[str, Any], caller: Caller, now: dt.datetime
) -> User | None:
    """The user whose passkey answered: ``user_id``, or whoever it is. None if the answer does not fit."""
    fits = request.session.pop(_PURPOSE_KEY, None) == f"authenticate {user_id or 'anybody'}"
    try:
        if not fits:
            raise ValueError("no authentication was begun")
        user = User.objects.get(id=user_id) if user_id is not None else auth.extract_user_from_response(credential)
        authenticator = auth.complete_authentication(user, credential)
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError):
        return None
    finally:
        auth.clear_state()
    if not user.is_active:
        return None
    Authenticator.objects.filter(id=authenticator.id).update(last_used_at=now)
    cancel_as_not_lost(user=user, caller=caller, now=now)
    return user
