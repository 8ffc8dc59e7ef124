"""What a batch of events changes in the read models: assets, markets, orders, trades, fills, candles, what is held for
withdrawals. The books are apart.
"""

from collections.abc import Sequence

from trading.applied import Applied

from . import candles, markets, orders, steps, withdrawals
from .orders import OrderBatch

TABLES = ("asset", "market", "trading_order", "order_step", "trade", "fill", "candle", "withdrawal_hold")
"""The tables that are written here alone, so that they can be made anew. Those that others refer to come first."""

PREPARE = f"{orders.PREPARE};{steps.PREPARE};{candles.PREPARE}"


def statements(batch: Sequence[Applied]) -> list[str]:
    """The statements that write the batch, for one transaction on a connection that has executed PREPARE."""
    batched = OrderBatch()
    for event in batch:
        batched.add(event)
    return [
        *markets.statements(batch),
        *batched.statements(),
        *candles.statements(batch),
        *withdrawals.statements(batch),
    ]
