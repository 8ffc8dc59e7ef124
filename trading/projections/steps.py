"""The rare steps in orders' lives as rows, append-only. Placements, fills and ends are in other tables."""

from typing import Any

import msgspec

from trading.applied import Applied
from trading.bulk import rows_from
from trading.engine.outcomes import (
    LegPlaced,
    OrderAmended,
    OrderRefreshed,
    OrderRepriced,
    OrderTriggered,
    OrderWaiting,
    Outcome,
    SelfTradePrevented,
)

PREPARE = f"""
PREPARE put_steps (text, text, text, text, text, text, text) AS
    INSERT INTO order_step (order_seq, seq, place, at_us, after_trade, kind, details)
    SELECT order_seq::bigint, seq::bigint, place::int, at_us::bigint, trade::bigint, kind, details::jsonb
      FROM {rows_from(1, 7)} AS t (order_seq, seq, place, at_us, trade, kind, details, n)
"""

Row = tuple[object, ...]

KINDS: dict[type, str] = {
    OrderWaiting: "waiting",
    OrderTriggered: "triggered",
    OrderAmended: "amended",
    OrderRepriced: "repriced",
    OrderRefreshed: "refreshed",
    SelfTradePrevented: "prevented",
    LegPlaced: "leg",
}
"""The outcomes that are steps of orders, and what they are called."""

_KNOWN_BY_THE_ORDER = {"order", "account", "market"}


def rows(event: Applied, place: int, after_trade: int) -> list[Row]:
    """The rows that tell of the outcome at this place, one of KINDS: one for each order that it is about.

    ``after_trade``: the last trade that the event told before it, 0 for none.
    """
    outcome = event.outcomes[place]
    orders = [outcome.order] if type(outcome) is not SelfTradePrevented else [outcome.taker_order, outcome.maker_order]  # type: ignore[union-attr]
    details = msgspec.json.encode(_details(outcome)).decode()
    kind = KINDS[type(outcome)]
    return [(order, event.seq, place, event.at_us, after_trade, kind, details) for order in orders]


def _details(outcome: Outcome) -> dict[str, Any]:
    fields = outcome._asdict().items()
    return {name: value for name, value in fields if value is not None and name not in _KNOWN_BY_THE_ORDER}
