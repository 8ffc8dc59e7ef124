"""What went wrong, as RFC 9457 has it."""

from msgspec import Struct


class ProblemBody(Struct, kw_only=True, omit_defaults=True):
    """RFC 9457. ``code`` is for programs, ``detail`` for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    order_id: str | None = None
    sequence: int | None = None
    errors: dict[str, list[str]] | None = None
    retry_after_s: int | None = None
