"""What the staff tell everybody: announcements, maintenance, incidents. The one writer of both tables. In worker threads.

A notice stands from its publication until it is withdrawn or its time is over, whenever what it tells begins. Few stand at once, so
that each is read.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from .notice_models import Notice, NoticeWithdrawal
from .problems import INVALID_FIELD, TOO_MANY_NOTICES, UNKNOWN_NOTICE, Problem
from .security_log import Caller, record_act

STANDING_LIMIT = 5
FARTHEST = dt.timedelta(days=366)
"""Neither start nor end is farther from now."""
_NAMES = {"info": "", "maintenance": "Maintenance", "incident": "Incident"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be told."""

    severity: str
    text: str
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None


@transaction.atomic
def publish(*, wish: Wish, by: uuid.UUID, caller: Caller, now: dt.datetime) -> tuple[Notice, bool]:
    """The notice, and whether it is new: one that stands in the same words is not said twice. Raises Problem."""
    _check_times(wish, now)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('notices', 0))"
        )  # one at a time, for the limit's sake
    standing = standing_notices(now=now)
    for one in standing:
        if Wish(severity=one.severity, text=one.text, starts_at=one.starts_at, ends_at=one.ends_at) == wish:
            return one, False
    if len(standing) >= STANDING_LIMIT:
        raise Problem(TOO_MANY_NOTICES, f"{STANDING_LIMIT} notices stand already: withdraw one first.")
    notice = Notice.objects.create(
        severity=wish.severity,
        text=wish.text,
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
        published_by_id=by,
        published_at=now,
    )
    record_act(user_id=by, caller=caller, now=now, detail=f"published notice {notice.id}: {wish.text}")
    return notice, True


@transaction.atomic
def withdraw(*, number: int, by: uuid.UUID, caller: Caller, now: dt.datetime) -> Notice:
    """The notice; one that was withdrawn stays as it was. Raises Problem."""
    if not Notice.objects.filter(id=number).exists():
        raise unknown()
    _, is_new = NoticeWithdrawal.objects.get_or_create(
        notice_id=number, defaults={"withdrawn_by_id": by, "withdrawn_at": now}
    )
    if is_new:
        record_act(user_id=by, caller=caller, now=now, detail=f"withdrew notice {number}")
    return with_people(number=number)


def page(*, before: int | None, limit: int) -> list[Notice]:
    """All that were ever published, newest first, with a number below ``before``."""
    found = _with_people() if before is None else _with_people().filter(id__lt=before)
    return list(found.order_by("-id")[:limit])


def with_people(*, number: int) -> Notice:
    return _with_people().get(id=number)


def standing_notices(*, now: dt.datetime) -> list[Notice]:
    """What everybody is told now, newest first."""
    in_time = Q(ends_at=None) | Q(ends_at__gt=now)
    return list(Notice.objects.filter(in_time, withdrawal=None).order_by("-id")[:STANDING_LIMIT])


def words_of(notice: Notice) -> str:
    """The whole of it in one line, with its times to the minute, for people."""
    since = "" if notice.starts_at is None else f"from {_minute(notice.starts_at)}"
    until = "" if notice.ends_at is None else f"until {_minute(notice.ends_at)}"
    head = " ".join(part for part in (_NAMES[notice.severity], since, until) if part)
    return f"{head[0].upper()}{head[1:]}: {notice.text}" if head else notice.text


def _check_times(wish: Wish, now: dt.datetime) -> None:
    """Raises Problem."""
    detail, field = "", "ends_at"
    if wish.starts_at is not None and abs(wish.starts_at - now) > FARTHEST:
        detail, field = "It must start within a year.", "starts_at"
    elif wish.ends_at is not None and wish.ends_at - now > FARTHEST:
        detail = "It must end within a year."
    elif wish.ends_at is not None and wish.ends_at <= max(now, wish.starts_at or now):
        detail = "It must end after it starts, and after now."
    if detail:
        raise Problem(INVALID_FIELD, detail, {"errors": {field: [detail]}})


def unknown() -> Problem:
    return Problem(UNKNOWN_NOTICE, "There is no notice of this id.")


def _with_people() -> QuerySet[Notice]:
    return Notice.objects.select_related("published_by", "withdrawal__withdrawn_by")


def _minute(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
