"""The bounds of an order. They keep every product of one order below 10^18 quote atoms, which 64 bits hold."""

from typing import Final

MAXIMUM_PRICE_TICKS: Final = 10**12
MAXIMUM_QUANTITY_LOTS: Final = 10**12
MAXIMUM_NOTIONAL_ATOMS: Final = 10**18
