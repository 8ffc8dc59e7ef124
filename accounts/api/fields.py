"""What the requests of people's realms are made of: text that is text, and the shapes that several calls share."""

import datetime as dt

from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from accounts.authentication import Principal
from accounts.models import User
from accounts.problems import INVALID_FIELD, INVALID_PARAMETER, MALFORMED, NOT_SIGNED_IN, Problem
from accounts.security_log import Caller

PASSWORD_LENGTH = 256
CODE_LENGTH = 32
PAGE, PAGE_LIMIT = 50, 1000
PAGE_PARAMETERS = [
    OpenApiParameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": PAGE_LIMIT, "default": PAGE}, OpenApiParameter.QUERY
    ),
    OpenApiParameter("cursor", OpenApiTypes.STR, OpenApiParameter.QUERY),
]
"""How the document describes what ``page_of`` reads."""


class TextField(serializers.CharField):
    """A string; a number is none, though DRF would take it for one."""

    default_error_messages = {"not_a_string": "Not a string."}

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("not_a_string")
        return super().to_internal_value(data)


class AddressField(serializers.EmailField):
    """An e-mail address."""

    default_error_messages = {"not_a_string": "Not a string."}

    def __init__(self) -> None:
        super().__init__(max_length=254)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("not_a_string")
        return super().to_internal_value(data)


class PasswordField(TextField):
    def __init__(self, required: bool = True) -> None:
        super().__init__(max_length=PASSWORD_LENGTH, trim_whitespace=False, required=required)


class CodeField(TextField):
    """A code of an app, a recovery code, or one from a mail."""

    def __init__(self, required: bool = True, help_text: str = "") -> None:
        super().__init__(max_length=CODE_LENGTH, required=required, help_text=help_text)


def principal_of(request: Request) -> Principal:
    """Raises Problem(not_signed_in)."""
    if not isinstance(request.auth, Principal):
        raise Problem(NOT_SIGNED_IN, "Sign in first.")
    return request.auth


def user_of(request: Request) -> User:
    return User.objects.get(id=principal_of(request).user_id)


def caller_of(request: Request) -> Caller:
    """Where the request comes from; with its session once it is known."""
    session_id = request.auth.session_id if isinstance(request.auth, Principal) else None
    ip = str(request.META.get("REMOTE_ADDR") or "") or None
    return Caller(ip=ip, user_agent=request.headers.get("User-Agent", ""), session_id=session_id)


def now_utc() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def refused_password(error: ValidationError, field: str) -> Problem:
    return Problem(INVALID_FIELD, error.messages[0], {"errors": {field: error.messages}})


def page_of(request: Request, *others: str) -> tuple[int | None, int]:
    """The cursor and the limit of a list. ``others``: what else its query may have.

    Raises Problem(invalid_parameter), also for what it may not have, and malformed for what is given twice.
    """
    for name, values in request.query_params.lists():
        if name not in ("cursor", "limit", *others):
            detail = f"Object contains unknown field `{name:.60}`."
            raise Problem(INVALID_PARAMETER, detail, {"errors": {f"{name:.60}": [detail]}})
        if len(values) > 1:
            raise Problem(MALFORMED, "A query parameter is given twice.")
    cursor = request.query_params.get("cursor")
    limit = request.query_params.get("limit", str(PAGE))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:5]) <= PAGE_LIMIT):
        raise Problem(INVALID_PARAMETER, f"limit: from 1 to {PAGE_LIMIT}.", {"errors": {"limit": ["Not in range."]}})
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise Problem(
            INVALID_PARAMETER, "cursor: next_cursor of the page before.", {"errors": {"cursor": ["Unknown."]}}
        )
    return (None if cursor is None else int(cursor)), int(limit)
