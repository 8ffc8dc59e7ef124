"""A small market for tests that run the threads of a serving process: assets, one market, funded accounts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trading.engine.commands import Command, Credit, DefineAsset, DefineMarket, FeeTier, PlaceOrder, Side
from trading.journal.records import derived_command_id, new_command_id
from trading.publications import Answer
from trading.runtime import Runtime

WAIT_LIMIT_S = 60.0
"""Long, for the machine may be slow or busy."""

MARKET = DefineMarket(
    market="BTC/USD",
    base="BTC",
    quote="USD",
    tick_atoms=10**6,
    lot_atoms=10**3,
    minimum_lots=1,
    minimum_notional_atoms=1,
    maximum_open_orders=1000,
    fee_tiers=(FeeTier(maker_ppm=1000, taker_ppm=2000),),
)
LISTING: tuple[Command, ...] = (
    DefineAsset(asset="BTC", name="Bitcoin", kind="crypto", decimals=8, trading_decimals=8),
    DefineAsset(asset="USD", name="US dollar", kind="fiat", decimals=8, trading_decimals=2),
    MARKET,
)
ALICE, BOB = 1, 2
STAKES: tuple[Command, ...] = tuple(
    Credit(account=account, asset=asset, amount_atoms=atoms, source="faucet", reference="test")
    for account in (ALICE, BOB)
    for asset, atoms in (("BTC", 100 * 10**8), ("USD", 10_000_000 * 10**8))
)
OPENING = LISTING + STAKES
"""What opens the market: seven events."""


@asynccontextmanager
async def serving() -> AsyncIterator[Runtime]:
    """A runtime on Django's database, ready."""
    runtime = Runtime()
    runtime.start()
    try:
        async with asyncio.timeout(WAIT_LIMIT_S):
            while not runtime.health().ready:
                await asyncio.sleep(0.005)
        yield runtime
    finally:
        await runtime.stop()


async def do(runtime: Runtime, command: Command, command_id: str | None = None) -> Answer:
    return await runtime.submit(command, command_id=command_id or new_command_id(), request_id="test")


async def open_market(runtime: Runtime) -> None:
    """Lists the market and funds ALICE and BOB with 100 BTC and 10,000,000 USD each; safe to repeat."""
    for command in OPENING:
        await do(runtime, command, derived_command_id("opening", repr(command)))


def limit(account: int, side: Side, price_ticks: int, lots: int, client_order_id: str | None = None) -> PlaceOrder:
    return PlaceOrder(
        account=account,
        market="BTC/USD",
        side=side,
        type="limit",
        time_in_force="GTC",
        price_ticks=price_ticks,
        quantity_lots=lots,
        client_order_id=client_order_id,
    )
