"""Who is asking: one place for the raw realms, DRF and the stream.

Every sign-in, by API or browser, is a ``Session`` row; a Principal is what such a row proves. Principals are kept in
memory for PRINCIPAL_TTL_S, so that an ended session is refused by other processes within that time and by this one
at once. Called from the event loop (look-ups) and from worker threads (loads, each on a connection that may have died
since it was last used); a dict operation is atomic under the GIL.
"""

import datetime as dt
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.core import signing
from django.db import close_old_connections
from django.http import HttpRequest

from .models import Account, Session
from .sessions import hash_token, note_use

PRINCIPAL_TTL_S = 2.0
PRINCIPALS_LIMIT = 100_000
STREAM_TOKEN_TTL_S = 900
BROWSER_SESSION_KEY = "kontor_session"
_STREAM_SALT = "accounts.stream-token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A signed-in user and the trading account that acts."""

    user_id: uuid.UUID
    account_id: int
    session_id: uuid.UUID
    role: str
    expires_at: dt.datetime


class PrincipalCache:
    """Recently proven principals by the hash of what proved them; the least recently loaded are dropped."""

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    def get(self, key: bytes) -> Principal | None:
        entry = self._entries.get(key)
        if entry is None or entry[0] < time.monotonic():
            return None
        return entry[1]

    def put(self, key: bytes, principal: Principal) -> None:
        self._entries[key] = (time.monotonic() + PRINCIPAL_TTL_S, principal)
        self._entries.move_to_end(key)
        while len(self._entries) > PRINCIPALS_LIMIT:
            self._entries.popitem(last=False)

    def forget_session(self, session_id: uuid.UUID) -> None:
        for key, (_, principal) in list(self._entries.items()):
            if principal.session_id == session_id:
                self._entries.pop(key, None)


principals = PrincipalCache()


def token_key(token: str) -> bytes:
    return b"token:" + hash_token(token)


def cookie_key(session_key: str) -> bytes:
    return b"cookie:" + hash_token(session_key)


def load_token(token: str) -> Principal | None:
    """Reads the principal of a bearer token from the database, and remembers it."""
    close_old_connections()
    session = Session.objects.select_related("user").filter(token_hash=hash_token(token)).first()
    return _remember(token_key(token), session)


def load_cookie(session_key: str) -> Principal | None:
    """Reads the principal of a browser's cookie session from the database, and remembers it."""
    close_old_connections()
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    session_id = request.session.get(BROWSER_SESSION_KEY)
    if not user.is_authenticated or session_id is None:
        return None
    session = Session.objects.select_related("user").filter(id=session_id, user=user.pk).first()
    return _remember(cookie_key(session_key), session)


def load_session(session_id: uuid.UUID) -> Principal | None:
    """The principal of an open session by its id, from the database."""
    close_old_connections()
    return _principal(Session.objects.select_related("user").filter(id=session_id).first())


def make_stream_token(principal: Principal) -> str:
    """A token for ``/stream``, good for STREAM_TOKEN_TTL_S; it dies with its session."""
    return signing.dumps(str(principal.session_id), salt=_STREAM_SALT)


def load_stream_token(token: str) -> Principal | None:
    try:
        session_id = signing.loads(token, salt=_STREAM_SALT, max_age=STREAM_TOKEN_TTL_S)
    except signing.BadSignature:
        return None
    return load_session(uuid.UUID(session_id))


def _remember(key: bytes, session: Session | None) -> Principal | None:
    principal = _principal(session)
    if principal is not None and session is not None:
        principals.put(key, principal)
        note_use(session, now=dt.datetime.now(dt.UTC))
    return principal


def _principal(session: Session | None) -> Principal | None:
    if session is None or session.ended_at is not None or not session.user.is_active:
        return None
    if session.expires_at <= dt.datetime.now(dt.UTC):
        return None
    return Principal(
        user_id=session.user_id,
        account_id=Account.objects.values_list("id", flat=True).get(owner=session.user_id, name="main"),
        session_id=session.id,
        role=session.user.role,
        expires_at=session.expires_at,
    )
