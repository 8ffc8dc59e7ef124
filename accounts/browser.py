"""Browsers: Django's cookie session, tied to a ``Session`` row like every other sign-in, and what a request says of its caller.

Between password and second factor a browser is nobody: the cookie session then keeps who may go on, for PENDING_LIFETIME.
"""

import datetime as dt
import uuid

from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpRequest

from .authentication import BROWSER_SESSION_KEY, principals
from .models import Session, User
from .security_log import Caller
from .sessions import end_session, open_sessions
from .signing_in import open_signed_in

PENDING_LIFETIME = dt.timedelta(minutes=10)
_PENDING_KEY = "kontor_pending"


def caller_of(request: HttpRequest) -> Caller:
    return Caller(
        ip=request.META.get("REMOTE_ADDR") or None,
        user_agent=request.headers.get("User-Agent", ""),
        session_id=session_id_of(request),
    )


def session_id_of(request: HttpRequest) -> uuid.UUID | None:
    """The id of the ``Session`` row that this browser's cookie is tied to."""
    kept = request.session.get(BROWSER_SESSION_KEY)
    return None if kept is None else uuid.UUID(kept)


def open_session_of(request: HttpRequest, user: User, *, now: dt.datetime) -> Session | None:
    """The row, if it is this user's and open."""
    session_id = session_id_of(request)
    return None if session_id is None else open_sessions(user_id=user.id, now=now).filter(id=session_id).first()


def sign_in(request: HttpRequest, user: User, *, factor_proven: bool = False, how: str = "by password") -> None:
    """Signs the browser in; the caller has made sure that the user proved all that the account asks for."""
    request.session.pop(_PENDING_KEY, None)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    now = dt.datetime.now(dt.UTC)
    opened = open_signed_in(user=user, factor_proven=factor_proven, how=how, caller=caller_of(request), now=now)
    request.session[BROWSER_SESSION_KEY] = str(opened.session.id)


def sign_out(request: HttpRequest) -> None:
    session_id = session_id_of(request)
    if session_id is not None and isinstance(request.user, User):
        now = dt.datetime.now(dt.UTC)
        end_session(user_id=request.user.id, session_id=session_id, now=now, caller=caller_of(request))
        principals.forget_session(session_id)
    logout(request)


def keep_signed_in(request: HttpRequest, user: User) -> None:
    """After a change of password, which ends Django's cookie sessions: all but this one."""
    update_session_auth_hash(request, user)


def await_second_factor(request: HttpRequest, user: User, *, how: str) -> None:
    """The first factor was right; nothing is open before the second is. A fresh cookie, so that no older one goes on."""
    request.session.cycle_key()
    until = (dt.datetime.now(dt.UTC) + PENDING_LIFETIME).isoformat()
    request.session[_PENDING_KEY] = {
        "user": str(user.id),
        "until": until,
        "how": how,
        "auth_hash": user.get_session_auth_hash(),
    }


def awaited(request: HttpRequest) -> tuple[User, str] | None:
    """Who has proven the first factor in this browser and how, if that is not too long ago and nothing changed since."""
    pending = request.session.get(_PENDING_KEY)
    if pending is None or dt.datetime.fromisoformat(pending["until"]) <= dt.datetime.now(dt.UTC):
        return None
    user = User.objects.filter(id=pending["user"], is_active=True).first()
    if user is None or user.get_session_auth_hash() != pending["auth_hash"]:
        return None
    return user, pending["how"]
