"""Sessions: opaque tokens, stored hashed, bounded in number and age.

An ended session is refused by this process at once (``authentication.principals`` forgets it) and by every other within
PRINCIPAL_TTL_S; its streams close at the next sweep.
"""

import datetime as dt
import hashlib
import secrets
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from .models import Session, User
from .security_log import Caller, Event, record

LIFETIME = dt.timedelta(days=7)
LIMIT_PER_USER = 20
"""Open sessions of one user; a further sign-in ends the oldest."""
TOKEN_BYTES = 32
LAST_USE_STEP = dt.timedelta(minutes=1)
"""How exactly the last use is kept: a write for each request would cost more than the request."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A new session. ``token`` is shown this once."""

    session: Session
    token: str


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@transaction.atomic
def open_session(
    *, user: User, now: dt.datetime, ip: str | None, user_agent: str, factor_proven: bool = False
) -> Opened:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session = Session.objects.create(
        user=user,
        token_hash=hash_token(token),
        created_at=now,
        expires_at=now + LIFETIME,
        last_used_at=now,
        factor_at=now if factor_proven else None,
        ip=ip,
        user_agent=user_agent[:200],
    )
    beyond = open_sessions(user_id=user.id, now=now).values_list("id", flat=True)[LIMIT_PER_USER:]
    _end(user, list(beyond), now, Caller(ip=ip, user_agent=user_agent), f"more than {LIMIT_PER_USER} were open")
    return Opened(session=session, token=token)


def open_sessions(*, user_id: uuid.UUID, now: dt.datetime) -> QuerySet[Session]:
    """The user's open sessions, newest first."""
    return Session.objects.filter(user_id=user_id, ended_at=None, expires_at__gt=now).order_by("-created_at")


def sessions_page(
    *, user_id: uuid.UUID, now: dt.datetime, before_us: int | None, limit: int
) -> tuple[list[Session], int | None]:
    """A page of the open sessions, newest first, and what ``before_us`` is for the next: microseconds since the epoch."""
    opened = [(_microseconds(one.created_at), one) for one in open_sessions(user_id=user_id, now=now)]
    left = [(at_us, one) for at_us, one in opened if before_us is None or at_us < before_us]
    return [one for _, one in left[:limit]], left[limit - 1][0] if len(left) > limit else None


@transaction.atomic
def end_session(*, user_id: uuid.UUID, session_id: uuid.UUID, now: dt.datetime, caller: Caller | None = None) -> bool:
    """Ends one session of the user. False if there is no such open session."""
    session = open_sessions(user_id=user_id, now=now).filter(id=session_id).select_related("user").first()
    return session is not None and _end(session.user, [session.id], now, caller or Caller(), "by its owner") == 1


@transaction.atomic
def end_sessions(
    *, user: User, now: dt.datetime, caller: Caller, why: str, but: uuid.UUID | None = None
) -> list[uuid.UUID]:
    """Ends all sessions of the user, but one if so wanted. Returns which."""
    opened = open_sessions(user_id=user.id, now=now).values_list("id", flat=True)
    ended = [session_id for session_id in opened if session_id != but]
    _end(user, ended, now, caller, why)
    return ended


def note_use(session: Session, *, now: dt.datetime) -> None:
    """Keeps the last use, to LAST_USE_STEP."""
    if session.last_used_at is None or now - session.last_used_at >= LAST_USE_STEP:
        Session.objects.filter(id=session.id).update(last_used_at=now)


def note_factor(*, session_id: uuid.UUID, now: dt.datetime) -> None:
    """A second factor was proven on this session."""
    Session.objects.filter(id=session_id, ended_at=None).update(factor_at=now)


def _end(user: User, ids: list[uuid.UUID], now: dt.datetime, caller: Caller, why: str) -> int:
    """Ends those that are open still, with an event for each."""
    ended = 0
    for session_id in ids:
        if Session.objects.filter(id=session_id, ended_at=None).update(ended_at=now):
            ended += 1
            by = Caller(ip=caller.ip, user_agent=caller.user_agent, session_id=session_id)
            record(user=user, event=Event.SESSION_ENDED, caller=by, now=now, detail=why)
    return ended


def _microseconds(at: dt.datetime) -> int:
    return (at - _EPOCH) // dt.timedelta(microseconds=1)
