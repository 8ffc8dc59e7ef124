"""DRF authentication by bearer token."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.authentication import Principal, load_token, principals, token_key
from accounts.problems import NOT_SIGNED_IN, SCOPE_MISSING, Problem


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


class SessionTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = SessionTokenAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token from POST /session."}
