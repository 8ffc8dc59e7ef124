"""What customers ask for, and how often: every kind of order and cancel, and every read. Drawn from one seeded source.

Orders are for BTC/USD, small, and around one price. More come to rest than are taken, so that customers reach the number of
open orders that they allow themselves and cancel: the book is deep, and new orders keep coming.
"""

import random
from dataclasses import dataclass
from typing import Literal

from benchmarks.flow import FlowOrder, draw

MARKET = "BTC/USD"
Group = Literal["order", "cancel", "read"]
SPREAD_TICKS = 500


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request; ``weight`` of all weights is its share."""

    name: str
    group: Group
    weight: float
    path: str = "/trade/orders"


LIMIT = Kind("limit", "order", 26)
CANCEL_BY_ID = Kind("cancel by id", "cancel", 5)
CANCEL_BY_CLIENT_ID = Kind("cancel by client id", "cancel", 5)
CANCEL_ALL = Kind("cancel all", "cancel", 0.1)

KINDS = (
    LIMIT,
    Kind("market", "order", 4),
    Kind("ioc", "order", 8),
    Kind("fok", "order", 4),
    Kind("post-only", "order", 16),
    CANCEL_BY_ID,
    CANCEL_BY_CLIENT_ID,
    CANCEL_ALL,
    Kind("open orders", "read", 3, "/trade/orders?status=open"),
    Kind("closed orders", "read", 3, "/trade/orders?status=closed"),
    Kind("fills", "read", 3, "/trade/fills"),
    Kind("balances", "read", 4, "/account/balances"),
    Kind("ledger", "read", 3, "/account/ledger"),
    Kind("order book", "read", 4, f"/public/orderbook?market={MARKET}"),
    Kind("candles", "read", 1.5, f"/public/candles?market={MARKET}&limit=60"),
)
_WEIGHTS = [kind.weight for kind in KINDS]


def draw_kind(rng: random.Random) -> Kind:
    return rng.choices(KINDS, _WEIGHTS)[0]


def order_body(kind: Kind, rng: random.Random, client_order_id: str) -> bytes:
    """The JSON of an order of this kind."""
    order = draw(rng)
    terms = _TERMS[kind.name]
    price = "" if kind.name == "market" else f'"price":"{_price(kind, order)}",'
    return (
        f'{{"market":"{MARKET}","side":"{order.side}",{price}"quantity":"{order.quantity}",{terms},'
        f'"client_order_id":"{client_order_id}"}}'
    ).encode()


_TERMS = {
    "limit": '"type":"limit"',
    "market": '"type":"market"',
    "ioc": '"type":"limit","time_in_force":"IOC"',
    "fok": '"type":"limit","time_in_force":"FOK"',
    "post-only": '"type":"limit","post_only":"reject"',
}


def _price(kind: Kind, order: FlowOrder) -> str:
    """A post-only order is put aside by the spread, so that most of them may rest."""
    if kind.name != "post-only":
        return order.price
    aside = -SPREAD_TICKS if order.side == "buy" else SPREAD_TICKS
    return FlowOrder(order.side, order.price_ticks + aside, order.quantity_lots, order.time_in_force).price
