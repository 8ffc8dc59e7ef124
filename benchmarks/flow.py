"""The order flow of the durable, REST and stream benchmarks: limit orders around a price, half of them immediate-or-cancel."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from trading.engine.commands import CancelAll, Command, Credit, PlaceOrder
from trading.journal.append import append
from trading.journal.records import Draft, draft, new_command_id

MARKET = "BTC/USD"
MID_TICKS = 6_400_000
SPREAD_TICKS = 500
ACCOUNTS = range(1001, 1101)
STAKE_ATOMS = 10**17


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


def order_drafts(count: int, seed: int) -> Iterator[Draft]:
    """So many orders of the flow, of ACCOUNTS, ready for the journal; each is made when it is wanted."""
    rng = random.Random(seed)
    return (_draft(_place(rng)) for _ in range(count))


def cancel_drafts() -> Iterator[Draft]:
    """Cancels of all that is open, ready for the journal."""
    return (_draft(CancelAll(account=account)) for account in ACCOUNTS)


def fund(url: str) -> None:
    """Credits every one of ACCOUNTS with more than it will need."""
    stakes: list[Command] = [
        Credit(account=account, asset=asset, amount_atoms=STAKE_ATOMS, source="faucet", reference="benchmark")
        for account in ACCOUNTS
        for asset in ("BTC", "USD")
    ]
    with psycopg.connect(url, autocommit=True) as connection:
        append(connection, [_draft(stake) for stake in stakes], now_us=time.time_ns() // 1000)


def _place(rng: random.Random) -> PlaceOrder:
    order = draw(rng)
    return PlaceOrder(
        account=rng.choice(ACCOUNTS),
        market=MARKET,
        side=order.side,  # type: ignore[arg-type]
        type="limit",
        time_in_force=order.time_in_force,  # type: ignore[arg-type]
        price_ticks=order.price_ticks,
        quantity_lots=order.quantity_lots,
    )


def _draft(command: Command) -> Draft:
    return draft(command, command_id=new_command_id(), request_id="benchmark")
