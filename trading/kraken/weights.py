"""What the calls of the Kraken dialect count by the rate limits, the same as the calls of REST that do the same."""

from typing import NamedTuple


class Weight(NamedTuple):
    """``weight``: for the account, of public calls for the address. ``orders``: of the account's, in a batch for each."""

    weight: int = 1
    orders: int = 0


HISTORY = Weight(5)
ORDER = Weight(1, 1)

WEIGHTS = {
    "public/Time": Weight(),
    "public/SystemStatus": Weight(),
    "public/Assets": Weight(),
    "public/AssetPairs": Weight(),
    "public/Ticker": HISTORY,
    "public/OHLC": HISTORY,
    "public/Depth": Weight(),
    "public/Trades": HISTORY,
}
"""By call, as its path goes on after ``/0/``."""
