"""API sessions: opaque tokens, stored hashed, bounded in number and age."""

import datetime as dt
import hashlib
import secrets
import uuid
from dataclasses import dataclass

from .models import Session, User

LIFETIME = dt.timedelta(days=7)
LIMIT_PER_USER = 50
"""Open sessions of one user; a further sign-in ends the oldest."""
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A new session. ``token`` is shown this once."""

    session: Session
    token: str


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def open_session(*, user: User, now: dt.datetime, ip: str | None, user_agent: str) -> Opened:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session = Session.objects.create(
        user=user,
        token_hash=hash_token(token),
        created_at=now,
        expires_at=now + LIFETIME,
        ip=ip,
        user_agent=user_agent[:200],
    )
    beyond = open_sessions(user_id=user.id, now=now).values("id")[LIMIT_PER_USER:]
    Session.objects.filter(id__in=[row["id"] for row in beyond]).update(ended_at=now)
    return Opened(session=session, token=token)


def open_sessions(*, user_id: uuid.UUID, now: dt.datetime):  # type: ignore[no-untyped-def]
    """The user's open sessions, newest first."""
    return Session.objects.filter(user_id=user_id, ended_at=None, expires_at__gt=now).order_by("-created_at")


def end_session(*, user_id: uuid.UUID, session_id: uuid.UUID, now: dt.datetime) -> bool:
    """Ends one session of the user. False if there is no such open session."""
    return bool(open_sessions(user_id=user_id, now=now).filter(id=session_id).update(ended_at=now))
