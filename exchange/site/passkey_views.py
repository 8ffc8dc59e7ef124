"""What ``passkeys.js`` calls: each step of making and using a passkey begins with a challenge and ends with its answer.

JSON in and out, problems for what goes wrong, Django's CSRF check as for every form.
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts import browser
from accounts.models import User
from accounts.networks import network_of
from accounts.passkeys import (
    begin_authentication,
    begin_registration,
    complete_authentication,
    complete_registration,
)
from accounts.problems import MALFORMED, NOT_SIGNED_IN, WRONG_SECOND_FACTOR, Problem
from accounts.step_up import note_proven
from accounts.throttling import PASSKEY_TRIES

from .second_factor_views import require_right_to_add
from .settings_pages import now_utc, user_of
from .sign_in_views import FIRST_MARKET_PATH

View = Callable[[HttpRequest, dict[str, Any]], dict[str, Any]]


def json_call(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """A POST of a JSON object, answered by one, or by a problem."""

    @require_POST
    @wraps(view)
    def call(request: HttpRequest) -> HttpResponse:
        try:
            return JsonResponse(view(request, _body(request)))
        except Problem as problem:
            body = problem.body(request.headers.get("X-Request-Id", ""))
            return JsonResponse(
                body, status=problem.kind.status, content_type="application/problem+json", headers=problem.headers
            )

    return call


@json_call
def begin_sign_in(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """A challenge for any passkey, or for those of who has given his password and is asked for the second factor."""
    PASSKEY_TRIES.check(network_of(request.META.get("REMOTE_ADDR")))
    awaited = browser.awaited(request)
    return begin_authentication(request, awaited[0] if awaited else None)


@json_call
def sign_in(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    awaited = browser.awaited(request)
    user = _answered(request, body, awaited[0] if awaited else None)
    how = f"{awaited[1]} and a passkey" if awaited else "by a passkey"
    browser.sign_in(request, user, factor_proven=True, how=how)
    return {"next": FIRST_MARKET_PATH}


@json_call
def begin_confirming(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    return begin_authentication(request, _signed_in(request))


@json_call
def confirm(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """Proves anew who is there, for /settings/confirm."""
    user = _answered(request, body, _signed_in(request))
    session_id = browser.session_id_of(request)
    caller = browser.caller_of(request)
    note_proven(user=user, session_id=session_id, how="by a passkey", caller=caller, now=now_utc())
    return {"next": reverse("account")}


@json_call
def begin_adding(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    user = _signed_in(request)
    require_right_to_add(request, user, str(body.get("password", "")))
    return begin_registration(request, user)


@json_call
def add(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """Only after ``begin_adding``, whose challenge is in this browser's session."""
    codes = complete_registration(
        request,
        user=_signed_in(request),
        name=str(body.get("name", "")),
        credential=_credential(body),
        caller=browser.caller_of(request),
        now=now_utc(),
    )
    return {"recovery_codes": codes}


def _answered(request: HttpRequest, body: dict[str, Any], expected: User | None) -> User:
    user_id = expected.id if expected else None
    caller = browser.caller_of(request)
    user = complete_authentication(request, user_id=user_id, credential=_credential(body), caller=caller, now=now_utc())
    if user is None:
        raise Problem(WRONG_SECOND_FACTOR, "This passkey is not known here, or it answered too late. Try again.")
    return user


def _signed_in(request: HttpRequest) -> User:
    if not request.user.is_authenticated:
        raise Problem(NOT_SIGNED_IN, "Your session has ended. Sign in again.")
    return user_of(request)


def _credential(body: dict[str, Any]) -> dict[str, Any]:
    credential = body.get("credential")
    if not isinstance(credential, dict):
        raise Problem(MALFORMED, "Send the browser's credential.")
    return credential


def _body(request: HttpRequest) -> dict[str, Any]:
    if b"\\u0000" in request.body:
        raise Problem(MALFORMED, "Text without NUL, please: the database takes none.")
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise Problem(MALFORMED, "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Problem(MALFORMED, "The body is not an object.")
    return body
