"""Commands per second through ``Engine.apply``: balances, holds, fees and outcomes included, one core, no journal."""

import gc
from statistics import median
from time import perf_counter

from benchmarks.workload import BUY, CANCEL, FNV_OFFSET, IOC, SELL, USERS, Workload, fingerprint, generate
from trading.engine.commands import (
    CancelOrder,
    Command,
    Credit,
    DefineAsset,
    DefineMarket,
    Event,
    FeeTier,
    PlaceOrder,
    SetRules,
)
from trading.engine.engine import Engine
from trading.engine.outcomes import CommandRejected, Filled, OrderRejected
from trading.engine.rules import LATEST
from trading.engine.snapshot import state_hash

RUNS = 3
STAKE_ATOMS = 10**15
MARKET = "BTC/USD"
LISTING: tuple[Command, ...] = (
    SetRules(version=LATEST),
    DefineAsset(asset="BTC", name="Bitcoin", kind="crypto", decimals=8, trading_decimals=8),
    DefineAsset(asset="USD", name="US dollar", kind="fiat", decimals=2, trading_decimals=2),
    DefineMarket(
        market=MARKET,
        base="BTC",
        quote="USD",
        tick_atoms=100,
        lot_atoms=10**6,
        minimum_lots=1,
        minimum_notional_atoms=1,
        maximum_open_orders=10_000,
        fee_tiers=(FeeTier(maker_ppm=1_500, taker_ppm=2_500),),
    ),
)


def _account(user: int, side: int) -> int:
    return 2 * user + side


PRELUDE = LISTING + tuple(
    Credit(account=_account(user, side), asset=asset, amount_atoms=STAKE_ATOMS, source="faucet", reference="benchmark")
    for user in range(1, USERS + 1)
    for side, asset in ((BUY, "USD"), (SELL, "BTC"))
)


def run(commands: int = 200_000) -> dict[str, float]:
    """The median of three runs. Raises RuntimeError if the trades are not those of the workload."""
    workload = generate(commands)
    events = _events(workload)
    verified = _verify(workload, events)
    rates = []
    for _ in range(RUNS):
        engine, elapsed_s = _fold(events)
        if state_hash(engine) != verified:
            raise RuntimeError("a timed run ended in another state than the verified one")
        rates.append(commands / elapsed_s)
    return {"engine_commands_per_s": median(rates)}


def _fold(events: list[Event]) -> tuple[Engine, float]:
    """Folds the events into a new engine and drops the outcomes; returns it with the seconds that the flow took."""
    engine = _funded_engine()
    apply = engine.apply
    gc.collect()
    gc.freeze()
    started_s = perf_counter()
    for event in events:
        apply(event)
    elapsed_s = perf_counter() - started_s
    gc.unfreeze()
    return engine, elapsed_s


def _verify(workload: Workload, events: list[Event]) -> str:
    """Checks that the engine makes the workload's trades; returns the hash of its state after them."""
    engine = _funded_engine()
    order_of = {event.seq: record.order for event, record in zip(events, workload.records, strict=True)}
    trades, seen = 0, FNV_OFFSET
    for event in events:
        for outcome in engine.apply(event):
            if isinstance(outcome, (OrderRejected, CommandRejected)):
                raise RuntimeError(f"event {event.seq}: {outcome}")
            if isinstance(outcome, Filled):
                trades += 1
                taker, maker = order_of[outcome.taker_order], order_of[outcome.maker_order]
                seen = fingerprint(seen, taker, maker, outcome.price_ticks, outcome.quantity_lots)
    if (trades, seen) != (workload.trades, workload.fingerprint):
        raise RuntimeError(f"{trades} trades {seen:016x}, not {workload.trades} trades {workload.fingerprint:016x}")
    return state_hash(engine)


def _funded_engine() -> Engine:
    engine = Engine()
    for seq, command in enumerate(PRELUDE, start=1):
        engine.apply(Event(seq=seq, at_us=seq, command=command))
    return engine


def _events(workload: Workload) -> list[Event]:
    """The flow as events after the prelude. An account has one side only, for the flow does not prevent self-trade."""
    placed: dict[int, tuple[int, int]] = {}
    events = []
    for seq, record in enumerate(workload.records, start=len(PRELUDE) + 1):
        command: Command
        if record.kind == CANCEL:
            account, number = placed[record.order]
            command = CancelOrder(account=account, order=number)
        else:
            account = _account(record.user, record.side)
            placed[record.order] = (account, seq)
            command = PlaceOrder(
                account=account,
                market=MARKET,
                side="buy" if record.side == BUY else "sell",
                type="limit",
                time_in_force="IOC" if record.kind == IOC else "GTC",
                quantity_lots=record.lots,
                budget_atoms=None,
                price_ticks=record.price_ticks,
                post_only="none",
                client_order_id=None,
            )
        events.append(Event(seq=seq, at_us=seq, command=command))
    return events


def main() -> None:
    for name, value in run().items():
        print(f"{name} {value:,.0f}")


if __name__ == "__main__":
    main()
