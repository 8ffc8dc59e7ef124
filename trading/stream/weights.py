"""What the stream's methods count by the rate limits, the same as the calls of REST that do the same."""

from typing import NamedTuple

CONNECTION_WEIGHT = 5
"""What opening a connection counts for its address."""


class Weight(NamedTuple):
    """``address``: for the connection's address. ``account`` and ``orders``: for the trading account of the token."""

    address: int = 0
    account: int = 0
    orders: int = 0


WEIGHTS = {
    "ping": Weight(address=1),
    "subscribe": Weight(address=1),
    "unsubscribe": Weight(address=1),
    "add_order": Weight(account=1, orders=1),
    "amend_order": Weight(account=1, orders=1),
    "cancel_order": Weight(account=1),
    "cancel_all": Weight(account=1),
    "batch_add": Weight(account=1, orders=1),
    "batch_cancel": Weight(account=1),
    "cancel_all_orders_after": Weight(account=1),
    "cancel_on_disconnect": Weight(account=1),
}
"""By method; ``orders`` of a batch for each of its orders. Other methods are refused, and count as UNKNOWN."""

UNKNOWN = Weight(address=1)
