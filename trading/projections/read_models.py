"""What a batch of events changes in the read models: assets, markets, orders, trades, fills, candles. The books are apart."""

from collections.abc import Sequence

from trading.engine.commands import DefineAsset, DefineMarket, SetMarketState
from trading.fold import Applied

from . import candles, markets, orders
from .orders import OrderBatch

TABLES = ("asset", "market", "trading_order", "trade", "fill", "candle")
"""The tables that are written here alone, so that they can be made anew. Those that others refer to come first."""

PREPARE = f"{orders.PREPARE};{candles.PREPARE}"


def statements(batch: Sequence[Applied]) -> list[str]:
    """The statements that write the batch, for one transaction on a connection that has executed PREPARE."""
    batched, listings = OrderBatch(), []
    for event in batch:
        if isinstance(event.command, DefineAsset | DefineMarket | SetMarketState):
            listings += markets.statements(event)
        else:
            batched.add(event)
    return [*listings, *batched.statements(), *candles.statements(batch)]
