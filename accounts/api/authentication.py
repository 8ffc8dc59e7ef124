"""DRF authentication by bearer token, or by a browser's cookie session with its CSRF token, as in the raw realms."""

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.request import Request

from accounts.authentication import Principal, cookie_key, load_cookie, load_token, principals, token_key
from accounts.problems import CSRF_FAILED, NOT_SIGNED_IN, SCOPE_MISSING, Problem


class SignedIn:
    """What DRF takes for a user: somebody a session row vouches for."""

    is_authenticated = True

    def __init__(self, principal: Principal) -> None:
        self.principal = principal


class SessionTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer TOKEN``"""

    def authenticate(self, request: Request) -> tuple[SignedIn, Principal] | None:
        if "X-API-Key" in request.headers:
            raise Problem(SCOPE_MISSING, "API keys cannot do this. Sign in.")
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(NOT_SIGNED_IN, "Send the header 'Authorization: Bearer TOKEN'.")
        principal = principals.get(token_key(token)) or load_token(token)
        if principal is None:
            raise Problem(NOT_SIGNED_IN, "This session has ended or never was. Sign in again.")
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
        return SignedIn(principal), principal

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


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
