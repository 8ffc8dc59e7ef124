"""The notices of the staff that stand, as this process knows them: told with the exchange's state. On the event loop.

They are rows of the database (``accounts.notices``); whoever composes the process keeps ``Runtime.announced`` true. One whose
time is over is told no more, without anybody looking.
"""

import datetime as dt
from typing import Any, NamedTuple

from accounts.notice_models import Notice
from accounts.notices import standing_notices, words_of

from .shapes.notices import Announcement
from .shapes.texts import datetime_text, microseconds


class Announced(NamedTuple):
    """``ends_at_us``: when it stands no more, if it says so."""

    announcement: Announcement
    ends_at_us: int | None

    def stands(self, now_us: int) -> bool:
        return self.ends_at_us is None or now_us < self.ends_at_us


def load_announced() -> tuple[Announced, ...]:
    """From the database; in a worker thread."""
    notices = standing_notices(now=dt.datetime.now(dt.UTC))
    return tuple(
        Announced(Announcement(**fields_of(one)), None if one.ends_at is None else microseconds(one.ends_at))
        for one in notices
    )


def fields_of(notice: Notice) -> dict[str, Any]:
    """Of the shape ``Announcement``."""
    return {
        "id": notice.id,
        "severity": notice.severity,
        "text": notice.text,
        "starts_at": datetime_text(notice.starts_at),
        "ends_at": datetime_text(notice.ends_at),
        "published_at": datetime_text(notice.published_at),
        "words": words_of(notice),
    }
