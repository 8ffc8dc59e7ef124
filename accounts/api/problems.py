"""What goes wrong in DRF, or in Django before it, as problems of the one registry."""

import logging
from typing import Any

import django.db
import msgspec
from django.core.exceptions import DisallowedHost
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from accounts.media_types import MESSAGEPACK, prefers_messagepack
from accounts.problems import (
    FORBIDDEN,
    INTERNAL,
    INVALID_FIELD,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    NOT_READY,
    NOT_SIGNED_IN,
    RATE_LIMITED,
    UNSUPPORTED_MEDIA_TYPE,
    Kind,
    Problem,
)

from .messagepack import MessagePackRenderer

log = logging.getLogger(__name__)

_PROBLEM_JSON = "application/problem+json"
_KINDS: dict[type[Exception], Kind] = {
    exceptions.ParseError: MALFORMED,
    exceptions.NotAuthenticated: NOT_SIGNED_IN,
    exceptions.AuthenticationFailed: NOT_SIGNED_IN,
    exceptions.PermissionDenied: FORBIDDEN,
    exceptions.NotFound: NOT_FOUND,
    Http404: NOT_FOUND,
    exceptions.MethodNotAllowed: METHOD_NOT_ALLOWED,
    exceptions.NotAcceptable: NOT_ACCEPTABLE,
    exceptions.UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE,
    exceptions.Throttled: RATE_LIMITED,
    django.db.Error: NOT_READY,
}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's EXCEPTION_HANDLER: every error is a problem; one that nobody foresaw is logged under its request id."""
    request_id = context["request"].headers.get("X-Request-Id", "")
    problem = as_problem(error)
    if problem is None:
        log.error("request %s: %s", request_id, context["request"].path, exc_info=error)
        problem = Problem(INTERNAL, "The error was logged under this request id.")
    response = Response(problem.body(request_id), status=problem.kind.status)
    # Whatever the view writes, and whether it came to choosing: a problem is no YAML.
    renderer = MessagePackRenderer() if _asks_for_messagepack(context["request"]) else JSONRenderer()
    context["request"].accepted_renderer, context["request"].accepted_media_type = renderer, renderer.media_type
    response.content_type = MESSAGEPACK if isinstance(renderer, MessagePackRenderer) else _PROBLEM_JSON
    for name, value in problem.headers.items():
        response[name] = value
    if problem.kind.status == NOT_SIGNED_IN.status:
        response["WWW-Authenticate"] = "Bearer"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's ``handler400``: a request that comes to no view, as one to a host that is not served here."""
    detail = "This host is not served here." if isinstance(exception, DisallowedHost) else MALFORMED.title
    body = Problem(MALFORMED, detail).body(request.headers.get("X-Request-Id", ""))
    if _asks_for_messagepack(request):
        return HttpResponse(msgspec.msgpack.encode(body), status=400, content_type=MESSAGEPACK)
    return HttpResponse(msgspec.json.encode(body), status=400, content_type=_PROBLEM_JSON)


def as_problem(error: Exception) -> Problem | None:
    if isinstance(error, Problem):
        return error
    if isinstance(error, exceptions.ValidationError):
        return _validation_problem(error)
    for kind, registered in _KINDS.items():
        if isinstance(error, kind):
            return Problem(registered, str(getattr(error, "detail", registered.title)))
    return None


def _asks_for_messagepack(request: Any) -> bool:
    return prefers_messagepack(request.headers.get("Accept", ""))


def _validation_problem(error: exceptions.ValidationError) -> Problem:
    detail = error.detail
    if not isinstance(detail, dict):
        return Problem(MALFORMED, "; ".join(str(item) for item in detail))
    errors = {name: [str(item) for item in items] for name, items in detail.items()}
    first = next(iter(errors.items()))
    kind = MALFORMED if _is_shape(detail) else INVALID_FIELD
    return Problem(kind, f"{first[0]}: {first[1][0]}", {"errors": errors})


def _is_shape(detail: dict[str, Any]) -> bool:
    """True if a field is missing or of the wrong type, rather than refused for its value."""
    shapes = {"required", "null", "blank", "invalid", "max_length", "min_length", "not_a_string"}
    return any(getattr(item, "code", "") in shapes for items in detail.values() for item in items)
