"""Pairs and assets by the names that clients use: ``BTCUSD``, and ``BTC/USD``.

A pair's name is its two assets' without the slash, unless another market's would be read first.
"""

from trading.instruments import Asset, Market
from trading.live import LiveState, MarketState

from .errors import UNKNOWN_PAIR, Refused
from .fields import Fields

PAIRS_LIMIT = 1000
UNKNOWN_ASSET = "EQuery:Unknown asset"


def pair_name(live: LiveState, market: Market) -> str:
    short = market.name.replace("/", "")
    return short if _found(live, short) is live.markets[market.name] else market.name


def pair(live: LiveState, name: str) -> MarketState:
    """Raises Refused."""
    state = _found(live, name)
    if state is None:
        raise Refused(UNKNOWN_PAIR)
    return state


def pairs(live: LiveState, fields: Fields) -> list[MarketState]:
    """Those of the field ``pair``; without it all. Raises Refused."""
    names = fields.names("pair", most=PAIRS_LIMIT)
    return [pair(live, name) for name in names] or [state for _, state in sorted(live.markets.items())]


def asset(live: LiveState, name: str) -> Asset:
    """Raises Refused."""
    known = live.assets.get(name)
    if known is None:
        raise Refused(UNKNOWN_ASSET)
    return known


def _found(live: LiveState, name: str) -> MarketState | None:
    state = live.markets.get(name)
    for place in range(1, min(len(name), 25)):
        if state is not None:
            break
        state = live.markets.get(f"{name[:place]}/{name[place:]}")
    return state
