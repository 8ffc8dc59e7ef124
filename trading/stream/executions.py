"""What an event tells the owners of orders: what is new, what was filled, what changed, what ended.

Each of the four goes in a message of its own, in this order, as Kraken's clients expect.
"""

from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from trading.applied import Applied
from trading.engine.outcomes import (
    Filled,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderRefreshed,
    OrderRepriced,
    OrderTriggered,
    SelfTradePrevented,
)
from trading.live import LiveOrder, LiveState

from . import messages
from .shapes import ExecutionData

ENDS = {"filled": "filled", "cancelled": "canceled", "expired": "expired"}
"""How an order's end is called, by its status."""


@dataclass(slots=True)
class Told:
    """What one event tells one account."""

    placed: list[ExecutionData] = field(default_factory=list)
    fills: list[ExecutionData] = field(default_factory=list)
    changes: list[ExecutionData] = field(default_factory=list)
    ends: list[ExecutionData] = field(default_factory=list)

    def parts(self) -> list[list[ExecutionData]]:
        """The messages, without empty ones."""
        return [part for part in (self.placed, self.fills, self.changes, self.ends) if part]


def told(event: Applied, live: LiveState, accounts: Container[object]) -> dict[int, Told]:
    """By account, of these accounts; after the live state has taken the event over."""
    found: defaultdict[int, Told] = defaultdict(Told)
    sums: dict[int, tuple[int, int]] = {}
    for outcome in event.outcomes:
        match outcome:
            case Filled():
                for order in _sides(outcome, live, accounts):
                    lots, quote = sums.get(order.seq) or _sums_before(order, event)
                    sums[order.seq] = lots, quote = lots + outcome.quantity_lots, quote + outcome.quote_atoms
                    market = live.markets[order.market].market
                    item = messages.execution(order, market, outcome, event.at_us, lots, quote)
                    found[order.account].fills.append(item)
            case OrderAccepted(order=seq, account=account) if account in accounts:
                known = live.order_by_seq(seq) or live.recently_closed(seq)
                if known is not None:
                    found[account].placed.append(_state(known.as_placed(), live, "new"))
            case OrderFilled(order=seq, account=account) | OrderCancelled(order=seq, account=account):
                closed = live.recently_closed(seq)
                if account in accounts and closed is not None:
                    found[account].ends.append(_state(closed, live, ENDS[closed.status]))
    for seq, kind in _changed(event).items():
        changed = live.order_by_seq(seq)
        if changed is not None and changed.account in accounts:
            found[changed.account].changes.append(_state(changed, live, kind))
    return {account: one for account, one in found.items() if one.parts()}


def _sides(fill: Filled, live: LiveState, accounts: Container[object]) -> Iterable[LiveOrder]:
    """The orders of a fill whose accounts are heard."""
    for seq, account in ((fill.taker_order, fill.taker_account), (fill.maker_order, fill.maker_account)):
        if account in accounts:
            order = live.order_by_seq(seq) or live.recently_closed(seq)
            if order is not None:
                yield order


def _state(order: LiveOrder, live: LiveState, kind: str) -> ExecutionData:
    return messages.order_state(order, live.markets[order.market].market, kind)


def _changed(event: Applied) -> dict[int, str]:
    """The orders that the event changed in other ways than by fills, and how: by the last change of each."""
    changed: dict[int, str] = {}
    for outcome in event.outcomes:
        match outcome:
            case OrderTriggered(order=order):
                changed[order] = "status"
            case OrderAmended(order=order):
                changed[order] = "amended"
            case OrderRepriced(order=order):
                changed[order] = "restated"
            case OrderRefreshed(order=order):
                changed[order] = "iceberg_refill"
            case SelfTradePrevented(mode="decrement", taker_order=taker, maker_order=maker):
                changed[taker] = changed[maker] = "restated"
    return changed


def _sums_before(order: LiveOrder, event: Applied) -> tuple[int, int]:
    """What the order had filled before the event: lots and quote atoms."""
    lots, quote = order.filled_lots, order.filled_quote_atoms
    for outcome in event.outcomes:
        if type(outcome) is Filled and order.seq in (outcome.taker_order, outcome.maker_order):
            lots -= outcome.quantity_lots
            quote -= outcome.quote_atoms
    return lots, quote
