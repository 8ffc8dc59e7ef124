"""The other engines: what each is, and what it does beside matching."""

from typing import NamedTuple


class Does(NamedTuple):
    """What an engine does for an order. The fewer of these, the less it has to compute."""

    balances: str
    fees: str
    self_trade_prevention: str
    order_types: str
    replay: str
    ids: str


class Peer(NamedTuple):
    """``commands``: how many of the workload it is fed. ``not_driven``: why it is not measured."""

    name: str
    made_in: str
    commands: int
    does: Does
    not_driven: str = ""

    @property
    def driver(self) -> str:
        return self.name.replace("-", "_")


OURS = Does(
    balances="balances and holds",
    fees="maker and taker, by tier",
    self_trade_prevention="yes",
    order_types="see docs/matching.md",
    replay="from the journal; snapshots with a hash",
    ids="numbers of the journal",
)
NOTHING = Does("none", "none", "none", "limit, market", "no", "numbers of its own")

PEERS = (
    Peer("bourse", "Rust", 200_000, NOTHING._replace(order_types="limit, market, amend", replay="snapshot as JSON")),
    Peer("cython-orderbook", "Cython", 200_000, NOTHING._replace(ids="texts of its own")),
    Peer("lightmatchingengine", "Python", 200_000, NOTHING),
    Peer("pyorderbook", "Python", 200_000, NOTHING._replace(order_types="limit", ids="random UUIDs")),
    Peer("order-matching", "Python", 4_000, NOTHING._replace(order_types="limit, market, expiry", ids="the caller's")),
    Peer(
        "nautilus_trader",
        "Rust and Cython",
        0,
        NOTHING,
        not_driven="its matching engine fills a strategy's orders from recorded market data; orders do not meet each other",
    ),
)
