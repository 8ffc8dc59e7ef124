"""What went wrong, in Kraken's words (https://docs.kraken.com/api/docs/guides/spot-errors).

Clients take them for what they are, so ours become theirs where there are any. Where Kraken has no word, our code follows the
class that its clients know: ``EOrder:Invalid order:not_filled_whole``.
"""

from collections.abc import Mapping
from typing import Any

from accounts.problems import Problem

INTERNAL = "EGeneral:Internal error"
INVALID_KEY = "EAPI:Invalid key"
INVALID_NONCE = "EAPI:Invalid nonce"
INVALID_ARGUMENTS = "EGeneral:Invalid arguments"
PERMISSION_DENIED = "EGeneral:Permission denied"
UNAVAILABLE = "EService:Unavailable"
UNKNOWN_METHOD = "EGeneral:Unknown method"
UNKNOWN_ORDER = "EOrder:Unknown order"
UNKNOWN_PAIR = "EQuery:Unknown asset pair"

_WORDS = {
    "signature_incomplete": INVALID_KEY,
    "key_not_valid": INVALID_KEY,
    "key_expired": INVALID_KEY,
    "not_signed_in": INVALID_KEY,
    "wrong_signature": "EAPI:Invalid signature",
    "timestamp_outside_window": INVALID_NONCE,
    "nonce_used": INVALID_NONCE,
    "scope_missing": PERMISSION_DENIED,
    "address_not_allowed": PERMISSION_DENIED,
    "forbidden": PERMISSION_DENIED,
    "unknown_account": PERMISSION_DENIED,
    "rate_limited": "EAPI:Rate limit exceeded",
    "overloaded": "EService:Busy",
    "not_ready": UNAVAILABLE,
    "outcome_unknown": INTERNAL,
    "internal_error": INTERNAL,
    "unknown_market": UNKNOWN_PAIR,
    "unknown_asset": "EQuery:Unknown asset",
    "unknown_order": UNKNOWN_ORDER,
    "order_closed": UNKNOWN_ORDER,
    "cancel_failed": UNKNOWN_ORDER,
    "insufficient_funds": "EOrder:Insufficient funds",
    "below_minimum": "EOrder:Order minimum not met",
    "too_many_orders": "EOrder:Orders limit exceeded",
    "market_closed": "EService:Market in cancel_only mode",
    "circuit_breaker": "EService:Market in cancel_only mode",
    "engine_suspended": "EService:Market in cancel_only mode",
    "trading_suspended": PERMISSION_DENIED,
    "withdrawing_suspended": PERMISSION_DENIED,
    "deadline_passed": "EService:Deadline elapsed",
    "off_tick": f"{INVALID_ARGUMENTS}:price",
    "price_band": f"{INVALID_ARGUMENTS}:price",
    "off_lot": f"{INVALID_ARGUMENTS}:volume",
    "above_maximum": f"{INVALID_ARGUMENTS}:volume",
    "below_filled": f"{INVALID_ARGUMENTS}:volume",
    "too_precise": f"{INVALID_ARGUMENTS}:volume",
    "idempotency_conflict": f"{INVALID_ARGUMENTS}:cl_ord_id",
}
"""By our codes; those of funding are with its calls."""

_FIELDS = {
    "market": "pair",
    "side": "type",
    "type": "ordertype",
    "quantity": "volume",
    "quote_quantity": "volume",
    "slippage_price": "price",
    "trigger_price": "price",
    "trailing_offset": "price",
    "time_in_force": "timeinforce",
    "expires_at": "expiretm",
    "deadline_at": "deadline",
    "display_quantity": "displayvol",
    "self_trade_prevention": "stptype",
    "client_order_id": "cl_ord_id",
    "on_fill": "close",
}
"""Kraken's names of our fields, where they differ."""


class Refused(Exception):
    """A call that is refused in Kraken's own words."""


def invalid(name: str) -> Refused:
    return Refused(f"{INVALID_ARGUMENTS}:{name}")


def words(problem: Problem) -> str:
    """What a client of Kraken's is told of a problem of ours."""
    return words_of(problem.kind.code, problem.kind.status, problem.extra)


def words_of(code: str, status: int, extra: Mapping[str, Any]) -> str:
    """The same by a problem's code, status and further members."""
    known = _WORDS.get(code)
    if known is not None:
        return known
    if status == 422:
        return f"EOrder:Invalid order:{code}"
    fields = extra.get("errors")
    if not fields:
        return INVALID_ARGUMENTS
    name = str(next(iter(fields)))
    return f"{INVALID_ARGUMENTS}:{_FIELDS.get(name.partition('[')[0], name)}"
