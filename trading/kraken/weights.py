"""What the calls of the Kraken dialect count by the rate limits, the same as the calls of REST that do the same."""

from typing import NamedTuple


class Weight(NamedTuple):
    """``weight``: for the account, of public calls for the address. ``orders``: of the account's, in a batch for each."""

    weight: int = 1
    orders: int = 0


HISTORY = Weight(5)
ORDER = Weight(1, 1)
FUNDING = Weight(2)

WEIGHTS = {
    "public/Time": Weight(),
    "public/SystemStatus": Weight(),
    "public/Assets": Weight(),
    "public/AssetPairs": Weight(),
    "public/Ticker": HISTORY,
    "public/OHLC": HISTORY,
    "public/Depth": Weight(),
    "public/Trades": HISTORY,
    "private/Balance": Weight(),
    "private/BalanceEx": Weight(),
    "private/TradeBalance": Weight(),
    "private/OpenOrders": HISTORY,
    "private/ClosedOrders": HISTORY,
    "private/QueryOrders": HISTORY,
    "private/TradesHistory": HISTORY,
    "private/QueryTrades": HISTORY,
    "private/Ledgers": HISTORY,
    "private/QueryLedgers": HISTORY,
    "private/TradeVolume": HISTORY,
    "private/GetWebSocketsToken": Weight(),
    "private/AddOrder": ORDER,
    "private/AddOrderBatch": ORDER,
    "private/AmendOrder": ORDER,
    "private/EditOrder": ORDER,
    "private/CancelOrder": Weight(),
    "private/CancelOrderBatch": Weight(),
    "private/CancelAll": Weight(),
    "private/CancelAllOrdersAfter": Weight(),
    "private/DepositMethods": Weight(),
    "private/DepositAddresses": FUNDING,
    "private/DepositStatus": FUNDING,
    "private/WithdrawAddresses": FUNDING,
    "private/WithdrawStatus": FUNDING,
    "private/Withdraw": FUNDING,
    "private/WithdrawCancel": FUNDING,
}
"""By call, as its path goes on after ``/0/``."""
