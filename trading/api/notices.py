"""The realm /staff/notices, for admins: what everybody is told, on the site, by GET /public/status and over the stream."""

import datetime as dt
from typing import Annotated, Any

from msgspec import Meta, Struct

from accounts import notices
from accounts.database import in_database
from accounts.notice_models import TEXT_LIMIT, Notice
from accounts.notices import Wish
from trading.announcements import fields_of, load_announced
from trading.order_requests import wrong
from trading.runtime import Runtime
from trading.shapes.fields import Totp
from trading.shapes.notices import NoticeBody, NoticeList, Severity
from trading.shapes.texts import datetime_text

from .authentication import caller_of, prove_once_more
from .http import Request
from .pages import ListQuery
from .routes import Reply, Route

Time = Annotated[dt.datetime, Meta(tz=True, description="RFC 3339, with its zone.")]


class NoticeRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What everybody is told from now on. ``starts_at`` and ``ends_at``: of what it tells; after the end nobody is told it."""

    text: Annotated[str, Meta(min_length=1, max_length=TEXT_LIMIT)]
    severity: Severity = "info"
    starts_at: Time | None = None
    ends_at: Time | None = None
    totp: Totp | None = None


async def get_notices(runtime: Runtime, request: Request) -> Reply:
    query = request.query(ListQuery)
    before = None if query.cursor is None else int(query.cursor)
    rows = await in_database(notices.page, before=before, limit=query.limit)
    cursor = str(rows[-1].id) if len(rows) == query.limit else None
    return Reply(200, NoticeList([_body(row) for row in rows], cursor))


async def post_notice(runtime: Runtime, request: Request) -> Reply:
    wanted = request.json(NoticeRequest)
    text = wanted.text.strip()
    if not text or not text.isprintable():
        raise wrong("text", "Say it in one line, in characters that can be seen.")
    wish = Wish(severity=wanted.severity, text=text, starts_at=wanted.starts_at, ends_at=wanted.ends_at)
    await prove_once_more(request, wanted.totp)
    notice, is_new = await in_database(notices.publish, wish=wish, **_staff(request))
    runtime.announced = await in_database(load_announced)
    return Reply(201 if is_new else 200, _body(await in_database(notices.with_people, number=notice.id)))


async def delete_notice(runtime: Runtime, request: Request) -> Reply:
    if not (request.parameter.isascii() and request.parameter.isdigit() and len(request.parameter) <= 18):
        raise notices.unknown()
    await prove_once_more(request, None)
    notice = await in_database(notices.withdraw, number=int(request.parameter), **_staff(request))
    runtime.announced = await in_database(load_announced)
    return Reply(200, _body(notice))


def _staff(request: Request) -> dict[str, Any]:
    """Who asks, from where and when."""
    return {"by": request.signed_in.user_id, "caller": caller_of(request), "now": dt.datetime.now(dt.UTC)}


def _body(notice: Notice) -> NoticeBody:
    withdrawal = getattr(notice, "withdrawal", None)
    return NoticeBody(
        **fields_of(notice),
        published_by=notice.published_by.email,
        withdrawn_at=datetime_text(withdrawal.withdrawn_at) if withdrawal else None,
        withdrawn_by=withdrawal.withdrawn_by.email if withdrawal else None,
    )


ROUTES = [
    Route(method="GET", path="/staff/notices", name="notices", summary="What everybody was told, newest first", weight=5,
          needs="admin", handler=get_notices, query=ListQuery, answer=NoticeList),
    Route(method="POST", path="/staff/notices", name="publish_notice", summary="Tells everybody something", needs="admin",
          told_again=True, handler=post_notice, status=201, body=NoticeRequest, answer=NoticeBody),
    Route(method="DELETE", path="/staff/notices/{id}", name="withdraw_notice", summary="Takes a notice back", needs="admin",
          handler=delete_notice, answer=NoticeBody),
]  # fmt: skip
