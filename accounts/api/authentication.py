"""DRF authentication by an API key's signature, by bearer token, or by a browser's cookie session with its CSRF token, as in the
raw realms; and who may make which call.

A signature is proven once, before a request comes to Django (``exchange.asgi``), by what proves those of the raw realms: the
guard against repetitions is the event loop's. Here is only read what was proven.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.authentication import (
    Principal,
    account_named,
    cookie_key,
    load_cookie,
    load_session,
    load_token,
    principals,
    token_key,
)
from accounts.nonces import use_everywhere
from accounts.problems import CSRF_FAILED, NOT_SIGNED_IN, SCOPE_MISSING, Problem
from accounts.scopes import SCOPES

PROVEN = "kontor.proven"
"""Where the ASGI scope of a signed request has its ``ProvenKey``."""

KEY_HEADERS = ("X-API-Key", "X-API-Timestamp", "X-API-Nonce", "X-API-Signature")
KEY_SCHEME_DESCRIPTION = (
    "One of the four headers of a request signed by an API key: its id, the time in milliseconds, a nonce, and base64 of"
    " HMAC-SHA256 or Ed25519 over timestamp, nonce, METHOD, path?query and hex(sha256(body)), joined by newlines."
)


@dataclass(frozen=True, slots=True)
class ProvenKey:
    """Whose key signed a request, and what names this one request of it."""

    principal: Principal
    proof: str


class SignedIn:
    """What DRF takes for a user: somebody a session's or a key's row vouches for. ``proof`` of a signed request."""

    is_authenticated = True

    def __init__(self, principal: Principal, proof: str | None = None) -> None:
        self.principal = principal
        self.proof = proof


class KeyAuthentication(BaseAuthentication):
    """``X-API-Key`` and the three headers beside it."""

    def authenticate(self, request: Request) -> tuple[SignedIn, Principal] | None:
        if KEY_HEADERS[0] not in request.headers:
            return None
        proven = getattr(request._request, "scope", {}).get(PROVEN)
        if not isinstance(proven, ProvenKey):
            raise Problem(SCOPE_MISSING, "API keys cannot do this. Sign in.")
        return SignedIn(proven.principal, proven.proof), proven.principal

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer TOKEN``"""

    def authenticate(self, request: Request) -> tuple[SignedIn, Principal] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(NOT_SIGNED_IN, "Send the header 'Authorization: Bearer TOKEN'.")
        principal = principals.get(token_key(token)) or load_token(token)
        if principal is None:
            raise Problem(NOT_SIGNED_IN, "This session has ended or never was. Sign in again.")
        principal = _acting(request, principal)
        return SignedIn(principal), principal

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BrowserAuthentication(BaseAuthentication):
    """The cookie of a signed-in browser. Unsafe requests carry the CSRF cookie's value in X-CSRFToken."""

    def authenticate(self, request: Request) -> tuple[SignedIn, Principal] | None:
        session_key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if not session_key:
            return None
        principal = principals.get(cookie_key(session_key)) or load_cookie(session_key)
        if principal is None:
            return None
        check = CSRFCheck(_nothing)
        check.process_request(request._request)
        if check.process_view(request._request, _nothing, (), {}) is not None:
            raise Problem(CSRF_FAILED, "Send the CSRF cookie's value in the header X-CSRFToken.")
        principal = _acting(request, principal)
        return SignedIn(principal), principal

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class MayCall(BasePermission):
    """Whether the caller has what the view's ``needs`` says (``accounts.scopes.Needs``); a view that says nothing is for people.

    A signed request that is more than a look counts once in all processes: its nonce is written down first.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, SignedIn):
            return False
        request.user.principal.check(getattr(view, "needs", "user"))
        if request.user.proof is not None and request.method not in SAFE_METHODS:
            use_everywhere(request.user.proof, dt.datetime.now(dt.UTC))
        return True


def _acting(request: Request, principal: Principal) -> Principal:
    """For the trading account of the header X-Account, if there is one. Raises Problem."""
    text = request.headers.get("X-Account")
    if text is None:
        return principal
    account_id = account_named(text)
    if account_id not in principal.accounts and principal.session_id is not None:
        # It may have been opened a moment ago, by another process.
        principal = load_session(principal.session_id) or principal
    return principal.acting_for(account_id)


def _nothing(*_: object) -> HttpResponse:
    """Stands for the view, which the check does not look at."""
    return HttpResponse()


class BrowserScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BrowserAuthentication
    name = "browser"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": str(settings.SESSION_COOKIE_NAME)}


class SessionTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = SessionTokenAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token from POST /session."}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The four headers go together, and only where the view needs a scope."""

    target_class = KeyAuthentication
    name = list(KEY_HEADERS)

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        needs = getattr(auto_schema.view, "needs", "user")
        return [{name: [needs] for name in KEY_HEADERS}] if needs in SCOPES else []

    def get_security_definition(self, auto_schema: object) -> list[dict[str, str]]:
        return [
            {"type": "apiKey", "in": "header", "name": name, "description": KEY_SCHEME_DESCRIPTION}
            for name in KEY_HEADERS
        ]
