"""Renews the principals in use before they are too old: all that are due in two or three queries, and nobody waits for them.

Without it every request of a busy client would find its principal gone at the same moment, every PRINCIPAL_TTL_S, and each
would read it by itself. Browsers' cookie sessions are left to that: people are slow.
"""

import datetime as dt
import uuid

from django.db import close_old_connections

from .authentication import COOKIE, Principal, key_principals, principals, session_principals
from .models import Session
from .sessions import note_use

RENEWED_AT_ONCE = 500


def take_due() -> dict[bytes, Principal]:
    """At most RENEWED_AT_ONCE of those that are due; they are not due any more. On the event loop."""
    due = principals.due
    taken: dict[bytes, Principal] = {}
    while due and len(taken) < RENEWED_AT_ONCE:
        key, principal = due.popitem()
        if not key.startswith(COOKIE):
            taken[key] = principal
    return taken


def renew(due: dict[bytes, Principal]) -> None:
    """Reads again what proves these, and forgets those that are proven no more. In a worker thread."""
    close_old_connections()
    generation = principals.generation
    session_ids = {one.session_id for one in due.values() if one.session_id is not None}
    key_ids = {one.key.id for one in due.values() if one.key is not None}
    proven: dict[uuid.UUID, Principal] = {}
    sessions: list[Session] = []
    if session_ids:
        sessions = list(Session.objects.select_related("user").filter(id__in=session_ids))
        proven |= session_principals(sessions)
    if key_ids:
        proven |= key_principals(key_ids)
    renewed = {key: proven.get(old.proven_by) for key, old in due.items() if old.proven_by is not None}
    for key, principal in renewed.items():
        if principal is not None:
            principals.put(key, principal, generation)
    for key, principal in renewed.items():
        if principal is None:
            principals.forget(key)  # after the others were put: it begins a new generation
    now = dt.datetime.now(dt.UTC)
    for session in sessions:
        if session.id in proven:
            note_use(session, now=now)
