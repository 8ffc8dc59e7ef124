"""The registry of problems: every ``code`` an answer may carry, with its status and title (RFC 9457).

Each floor declares its own codes here by ``declare``; nothing else makes one up.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    code: str
    status: int
    title: str


REGISTRY: dict[str, Kind] = {}


def declare(code: str, status: int, title: str) -> Kind:
    """Adds a kind of problem. Raises ValueError if the code is declared already."""
    if code in REGISTRY:
        raise ValueError(f"problem code {code!r} is declared twice")
    REGISTRY[code] = Kind(code, status, title)
    return REGISTRY[code]


@dataclass(slots=True)
class Problem(Exception):
    """An answer that is an error. ``extra`` are further members, as ``errors`` by field or ``order_id``."""

    kind: Kind
    detail: str
    extra: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Exception.__init__(self, f"{self.kind.code}: {self.detail}")

    def body(self, request_id: str) -> dict[str, Any]:
        return {
            "type": f"/docs/problems#{self.kind.code}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.kind.code,
            "request_id": request_id,
            **self.extra,
        }


MALFORMED = declare("malformed", 400, "The request is malformed.")
INVALID_PARAMETER = declare("invalid_parameter", 400, "A parameter is not valid.")
NOT_SIGNED_IN = declare("not_signed_in", 401, "Sign in first.")
WRONG_CREDENTIALS = declare("wrong_credentials", 401, "The address or the password is wrong.")
WRONG_CODE = declare("wrong_code", 401, "The code is wrong, expired or used.")
SECOND_FACTOR_REQUIRED = declare("second_factor_required", 401, "This account is protected by a second factor.")
WRONG_SECOND_FACTOR = declare("wrong_second_factor", 401, "The second factor is wrong or was used already.")
SIGNATURE_INCOMPLETE = declare("signature_incomplete", 401, "The headers of a signed request are missing or malformed.")
KEY_NOT_VALID = declare("key_not_valid", 401, "The API key is unknown or revoked.")
KEY_EXPIRED = declare("key_expired", 401, "The API key has expired.")
TIMESTAMP_OUTSIDE_WINDOW = declare(
    "timestamp_outside_window", 401, "The request's time is too far from the exchange's."
)
WRONG_SIGNATURE = declare("wrong_signature", 401, "The signature does not fit the request.")
NONCE_USED = declare("nonce_used", 401, "The nonce was used before.")
STEP_UP_REQUIRED = declare("step_up_required", 403, "Prove once more that it is you.")
STEP_UP_FAILED = declare("step_up_failed", 403, "The proof is wrong or was used already.")
SCOPE_MISSING = declare("scope_missing", 403, "The API key may not do this.")
ADDRESS_NOT_ALLOWED = declare("address_not_allowed", 403, "The API key may not be used from this address.")
FORBIDDEN = declare("forbidden", 403, "You may not do this.")
CSRF_FAILED = declare("csrf_failed", 403, "The CSRF token is missing or wrong.")
NOT_FOUND = declare("not_found", 404, "There is nothing here.")
UNKNOWN_NOTICE = declare("unknown_notice", 404, "There is no such notice.")
TOO_MANY_NOTICES = declare("too_many_notices", 422, "As many notices stand as may.")
UNKNOWN_USER = declare("unknown_user", 404, "There is no such user.")
UNKNOWN_FACTOR = declare("unknown_factor", 404, "No such second factor.")
UNKNOWN_ACCOUNT = declare("unknown_account", 404, "You have no such trading account.")
UNKNOWN_API_KEY = declare("unknown_api_key", 404, "You have no such API key.")
UNKNOWN_SESSION = declare("unknown_session", 404, "No such open session.")
METHOD_NOT_ALLOWED = declare("method_not_allowed", 405, "This method is not allowed here.")
NOT_ACCEPTABLE = declare("not_acceptable", 406, "No such representation.")
CONFLICT = declare("idempotency_conflict", 409, "The same key was used for another request.")
SECOND_FACTOR_EXISTS = declare("second_factor_exists", 409, "There is an authenticator app already.")
TOO_LARGE = declare("too_large", 413, "The request is too large.")
UNSUPPORTED_MEDIA_TYPE = declare("unsupported_media_type", 415, "Send application/json or application/msgpack.")
INVALID_FIELD = declare("invalid_field", 422, "A field was refused.")
LINK_SPENT = declare("link_spent", 422, "The link is expired or was used already.")
EMAIL_UNVERIFIED = declare("email_unverified", 422, "Verify your e-mail address first.")
WITHDRAWALS_FROZEN = declare("withdrawals_frozen", 422, "Withdrawals are frozen for a while.")
TRADING_SUSPENDED = declare("trading_suspended", 422, "You may not trade for now.")
WITHDRAWING_SUSPENDED = declare("withdrawing_suspended", 422, "You may not withdraw for now.")
TOO_MANY = declare("too_many", 422, "You have as many of these as are allowed.")
RATE_LIMITED = declare("rate_limited", 429, "Too many requests.")
NOT_READY = declare("not_ready", 503, "The exchange is not ready.")
INTERNAL = declare("internal_error", 500, "Something went wrong on our side.")
