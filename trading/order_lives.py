"""One order's whole life as its owner sees it: the steps of the read models, in decimal texts and the names of the API.

Numbers by which the engine knows orders and accounts are nobody's business: own legs have their ids, the rest is left out.
"""

from collections.abc import Callable
from typing import Any

from . import gateway, queries, submission
from .instruments import Market
from .order_facts import leg_id
from .runtime import Runtime
from .shapes.orders import OrderStepBody
from .shapes.texts import at_text

_HIDDEN = frozenset(("account", "parent", "taker_order", "maker_order"))
_RENAMED = {
    "expires_at_us": "expires_at",
    "deadline_us": "deadline_at",
    "display_lots": "display_quantity",
    "trigger_ticks": "trigger_price",
    "trailing_ticks": "trailing_offset",
    "budget_atoms": "quote_quantity",
    "peg_offset_ticks": "peg_offset",
}
_TEXTS: dict[str, Callable[[Market, int], str]] = {
    "ticks": lambda market, value: market.price(value),
    "lots": lambda market, value: market.quantity(value),
    "atoms": lambda market, value: market.quote.text(value),
    "us": lambda market, value: at_text(value),
}
"""How a whole number is written, by the unit that ends its name."""


async def life(runtime: Runtime, *, account: int, reference: str) -> list[OrderStepBody]:
    """The steps of the account's order, by its id or ``client:ID``, oldest first. Raises Problem unknown_order."""
    order = await gateway.known_order(runtime, account=account, reference=reference)
    market = gateway.market_of(runtime, order.market)
    steps = await submission.read(runtime, queries.order_life, order_id=order.order_id)
    return [
        OrderStepBody(sequence=step.seq, at=at_text(step.at_us), kind=step.kind, details=_told(step.details, market))
        for step in steps
    ]


def _told(details: dict[str, Any], market: Market) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in details.items():
        if name in _HIDDEN:
            continue
        stem, _, unit = name.rpartition("_")
        if name == "order":
            told["id"] = leg_id(value)
        elif isinstance(value, dict):
            told |= _told(value, market) if name == "options" else {name: _told(value, market)}
        elif isinstance(value, list):
            told[name] = [_told(one, market) for one in value]
        elif unit in _TEXTS and isinstance(value, int):
            told[_RENAMED.get(name, stem)] = _TEXTS[unit](market, value)
        else:
            told[name] = value
    return told
