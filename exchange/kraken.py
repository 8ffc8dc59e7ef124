"""The Kraken dialect, put together of what trading and funding answer."""

from funding.kraken import CALLS as FUNDING_CALLS
from trading.kraken.application import Dialect
from trading.kraken.table import CALLS as TRADING_CALLS

DIALECT = Dialect([*TRADING_CALLS, *FUNDING_CALLS])
