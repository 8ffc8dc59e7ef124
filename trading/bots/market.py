"""A market as the exchange publishes it: its rules, rounding to them, its best prices. Exact: no float comes near."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Side = Literal["buy", "sell"]
PPM = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """``tick``, ``minimum_notional`` are in the quote asset, ``lot``, ``minimum_quantity`` in the base asset."""

    market: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    minimum_quantity: Decimal
    minimum_notional: Decimal
    maker_fee: Decimal

    def price_down(self, price: Decimal) -> Decimal:
        """The highest whole number of ticks that is not above a positive price, at least one tick."""
        return max(price // self.tick, Decimal(1)) * self.tick

    def price_up(self, price: Decimal) -> Decimal:
        """The lowest whole number of ticks that is not below a positive price."""
        ticks, rest = divmod(price, self.tick)
        return (ticks + 1 if rest else ticks) * self.tick

    def quantity_down(self, quantity: Decimal) -> Decimal:
        """The largest whole number of lots that is not above the quantity."""
        return (quantity // self.lot) * self.lot

    def is_large_enough(self, quantity: Decimal, price: Decimal) -> bool:
        return quantity >= self.minimum_quantity and quantity * price >= self.minimum_notional


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best prices of a market, anybody's; None where that side of the book is empty."""

    bid: Decimal | None
    ask: Decimal | None

    @property
    def mid(self) -> Decimal | None:
        return None if self.bid is None or self.ask is None else (self.bid + self.ask) / 2


def read_rules(body: Mapping[str, str]) -> MarketRules:
    """The rules of one item of GET /public/markets."""
    return MarketRules(
        market=body["market"],
        base=body["base"],
        quote=body["quote"],
        tick=Decimal(body["tick_size"]),
        lot=Decimal(body["lot_size"]),
        minimum_quantity=Decimal(body["minimum_quantity"]),
        minimum_notional=Decimal(body["minimum_notional"]),
        maker_fee=Decimal(body["maker_fee"]),
    )
