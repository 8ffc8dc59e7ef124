"""Where a command comes from, as the journal's row says it: in ``request_id``, which is hashed with the row.

Of a client's request that is the id of the request, a word without spaces; the exchange's own say who they are: "timer",
"manage.py credit". What one of the staff does by a user's command names who, and why.
"""

import uuid

_STAFF = "staff "


def staffs(*, by: uuid.UUID, request_id: str, reason: str) -> str:
    """``reason`` is one line."""
    return f"{_STAFF}{by}, request {request_id}: {reason}"


def is_staffs(origin: str) -> bool:
    """Whether one of the staff commanded it. No client's request id has a space."""
    return origin.startswith(_STAFF)
