"""What the staff tell everybody."""

from typing import Literal

from msgspec import Struct

Severity = Literal["info", "maintenance", "incident"]


class Announcement(Struct, kw_only=True, frozen=True):
    """``words``: the whole of it in one line, with its times, as ``notices`` has it. ``starts_at`` and ``ends_at``: of what it
    tells.
    """

    id: int
    severity: Severity
    text: str
    starts_at: str | None
    ends_at: str | None
    published_at: str
    words: str


class NoticeBody(Announcement, kw_only=True, frozen=True):
    """As the staff see it. ``withdrawn_at``: since when nobody is told it any more; null while that did not happen."""

    published_by: str
    withdrawn_at: str | None
    withdrawn_by: str | None


class NoticeList(Struct):
    items: list[NoticeBody]
    next_cursor: str | None
