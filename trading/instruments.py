"""Assets and markets as the edge sees them: how ticks, lots and atoms are written and read."""

from dataclasses import dataclass
from functools import lru_cache

from trading import amounts
from trading.engine.commands import DefineAsset, DefineMarket, MarketState

TEXTS_KEPT = 1024
"""Prices lie close to each other, and one order's quantities are few: most texts are asked for again soon."""


class OffTick(ValueError):
    """The price is not a whole number of ticks."""


class OffLot(ValueError):
    """The quantity is not a whole number of lots."""


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset and its notation: at least the trading decimals, all others where the value needs them."""

    definition: DefineAsset

    def text(self, atoms: int) -> str:
        return amounts.shown(atoms, self.definition.decimals, self.definition.trading_decimals)

    def parse(self, text: str) -> int:
        """Atoms. Raises NotADecimal or TooPrecise."""
        return amounts.parse(text, self.definition.decimals)


class Market:
    """A market and its notation: prices with the tick's decimals, quantities with the lot's."""

    __slots__ = (
        "_lot_text",
        "_lot_units",
        "_tick_text",
        "_tick_units",
        "base",
        "definition",
        "lot_decimals",
        "quote",
        "state",
        "tick_decimals",
    )

    def __init__(self, definition: DefineMarket, base: Asset, quote: Asset, state: MarketState = "open") -> None:
        self.definition = definition
        self.base = base
        self.quote = quote
        self.state: MarketState = state
        self.tick_decimals = amounts.places(definition.tick_atoms, quote.definition.decimals)
        self.lot_decimals = amounts.places(definition.lot_atoms, base.definition.decimals)
        self._tick_units: int = definition.tick_atoms // 10 ** (quote.definition.decimals - self.tick_decimals)
        self._lot_units: int = definition.lot_atoms // 10 ** (base.definition.decimals - self.lot_decimals)
        self._tick_text = lru_cache(maxsize=TEXTS_KEPT)(amounts.Fixed(self.tick_decimals))
        self._lot_text = lru_cache(maxsize=TEXTS_KEPT)(amounts.Fixed(self.lot_decimals))

    @property
    def name(self) -> str:
        return self.definition.market

    @property
    def tick_lot_atoms(self) -> int:
        """Quote atoms of one lot at a price of one tick."""
        atoms: int = self.definition.tick_atoms * self.definition.lot_atoms // 10**self.base.definition.decimals
        return atoms

    def price(self, ticks: int) -> str:
        return self._tick_text(ticks * self._tick_units)

    def quantity(self, lots: int) -> str:
        return self._lot_text(lots * self._lot_units)

    def average_price(self, quote_atoms: int, lots: int) -> str:
        """Quote per base, rounded down to the quote asset's atoms; of use to read, not to reckon with."""
        base_atoms = lots * self.definition.lot_atoms
        atoms = quote_atoms * 10**self.base.definition.decimals // base_atoms
        return amounts.shown(atoms, self.quote.definition.decimals, self.tick_decimals)

    def parse_price(self, text: str) -> int:
        """Ticks. Raises NotADecimal or OffTick."""
        try:
            units = amounts.parse(text, self.tick_decimals)
        except amounts.TooPrecise:
            units = -1
        if units < 0 or units % self._tick_units:
            raise OffTick(f"A price in {self.name} is a multiple of {self.price(1)}.")
        return units // self._tick_units

    def parse_quantity(self, text: str) -> int:
        """Lots. Raises NotADecimal or OffLot."""
        try:
            units = amounts.parse(text, self.lot_decimals)
        except amounts.TooPrecise:
            units = -1
        if units < 0 or units % self._lot_units:
            raise OffLot(f"A quantity in {self.name} is a multiple of {self.quantity(1)}.")
        return units // self._lot_units
