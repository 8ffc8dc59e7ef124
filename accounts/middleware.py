"""Who a page's request comes from: Django's cookie session counts only as long as its ``Session`` row is open."""

import datetime as dt
from functools import partial

from django.contrib.auth import get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from .browser import open_session_of
from .models import User
from .sessions import note_use


class OpenSessionMiddleware(AuthenticationMiddleware):
    """``request.user`` as ever, and nobody once the session was ended elsewhere, is too old or was one too many."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(partial(_user_of_open_session, request))  # type: ignore[assignment]


def _user_of_open_session(request: HttpRequest) -> User | AnonymousUser:
    user = get_user(request)
    if not isinstance(user, User):
        return AnonymousUser()
    now = dt.datetime.now(dt.UTC)
    session = open_session_of(request, user, now=now)
    if session is None:
        return AnonymousUser()
    note_use(session, now=now)
    return user
