"""The order flow of the durable, REST and stream benchmarks: limit orders around a price, half of them immediate-or-cancel."""

import random
from dataclasses import dataclass

MID_TICKS = 6_400_000
SPREAD_TICKS = 500


@dataclass(frozen=True, slots=True)
class FlowOrder:
    """Price in ticks of 0.01 USD, quantity in lots of 0.00001 BTC."""

    side: str
    price_ticks: int
    quantity_lots: int
    time_in_force: str

    @property
    def price(self) -> str:
        return f"{self.price_ticks // 100}.{self.price_ticks % 100:02d}"

    @property
    def quantity(self) -> str:
        return f"{self.quantity_lots // 100_000}.{self.quantity_lots % 100_000:05d}"


def draw(rng: random.Random) -> FlowOrder:
    return FlowOrder(
        side=rng.choice(("buy", "sell")),
        price_ticks=MID_TICKS + rng.randrange(-SPREAD_TICKS, SPREAD_TICKS),
        quantity_lots=rng.randrange(10, 1000),
        time_in_force=rng.choice(("GTC", "IOC")),
    )
