"""Signing a browser in and out: Django's cookie session, tied to a ``Session`` row like every other sign-in."""

import datetime as dt
import uuid

from django.contrib.auth import login, logout
from django.http import HttpRequest

from .authentication import BROWSER_SESSION_KEY, principals
from .models import User
from .sessions import end_session, open_session


def sign_in(request: HttpRequest, user: User) -> None:
    login(request, user)
    opened = open_session(
        user=user,
        now=dt.datetime.now(dt.UTC),
        ip=request.META.get("REMOTE_ADDR") or None,
        user_agent=request.headers.get("User-Agent", ""),
    )
    request.session[BROWSER_SESSION_KEY] = str(opened.session.id)


def sign_out(request: HttpRequest) -> None:
    session_id = request.session.get(BROWSER_SESSION_KEY)
    if session_id is not None and isinstance(request.user, User):
        session = uuid.UUID(session_id)
        end_session(user_id=request.user.id, session_id=session, now=dt.datetime.now(dt.UTC))
        principals.forget_session(session)
    logout(request)
