"""The oracle: the exchange's rules once more (docs/matching.md), in lists and loops, written to be read by a trader.

It shares commands, outcomes and numbers with the engine, nothing else. It keeps what each account owns in all; what is
held is added up anew from the open orders whenever somebody asks. A market's orders stand in one list, and every search
goes through all of it. A match is first worked out as a plan on paper; whether it is allowed is seen from the plan.

- ``world``: orders, markets, owned amounts, holds; how an order opens, rests, trades and closes
- ``definitions``: what makes an asset and a market; ``shapes``: what makes an order
- ``matching``: the plan of a taker, and what carries it out
- ``waiting``: orders that a trade price triggers
- ``placing``, ``amending``, ``auction``, ``pegs``: as their names say
- ``cascade``: what orders have set off
- ``exchange``: one event from its time to its balances
"""

from .exchange import Oracle
from .world import NaiveMarket, NaiveOrder

__all__ = ["NaiveMarket", "NaiveOrder", "Oracle"]
