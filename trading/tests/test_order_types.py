"""Every type of order through journal, engine, live state, read models and books: what each shows is what the engine has."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.fixtures import Database
from trading import queries
from trading.engine.commands import Command, SetMarketState
from trading.engine.engine import Engine
from trading.journal.records import derived_command_id, new_command_id
from trading.live import LiveOrder
from trading.models import OrderStep
from trading.order_facts import OPEN_STATUSES, is_pegged
from trading.outcome_chain import KINDS
from trading.runtime import Runtime
from trading.verify import verify

from .all_types import ACCOUNTS, MARKETS, OPENING, Traders
from .test_rebuild import rebuild
from .world import do, serving

ROUNDS, MOST_ROUNDS, TOGETHER = 150, 1500, 20
TOLD = {kind.__name__ for kind in KINDS} - {
    *("AssetDefined", "MarketDefined", "RulesSet", "OwnerSet", "FeeTierSet", "CreditReversed", "Transferred"),
    *("WithdrawalHeld", "WithdrawalReleased", "WithdrawalSettled", "CustodyMoved"),
}
"""Every kind of outcome that random traders bring about."""


async def trade(runtime: Runtime, seed: int) -> Counter[str]:
    """Lets all trade until every kind of outcome was told; returns how often each was.

    The clock takes part in it, so what comes of a seed is not always the same.
    """
    for command in OPENING:
        await do(runtime, command, derived_command_id("all types", repr(command)))
    traders, told = Traders(seed), Counter[str]()
    for number in range(MOST_ROUNDS):
        if number >= ROUNDS and told.keys() >= TOLD:
            break
        known = [order for account in ACCOUNTS for order in runtime.live.open_orders(account)]
        commands: list[tuple[str, Command]] = [(new_command_id(), traders.command(known)) for _ in range(TOGETHER)]
        answers = await runtime.submit_together(commands, request_id="test")
        assert [answer.seq for answer in answers] == list(range(answers[0].seq, answers[0].seq + TOGETHER))
        for answer in answers:
            assert answer.applied is not None
            told.update(type(outcome).__name__ for outcome in answer.applied.outcomes)
    for market in MARKETS:
        await do(runtime, SetMarketState(market=market, state="open", reason="so that orders stay"))
    for number in range(100):
        await do(runtime, traders.order(ACCOUNTS[number % len(ACCOUNTS)]))
    return told


def shown(runtime: Runtime) -> dict[str, Any]:
    """All that the live state shows of orders, balances and books."""
    live = runtime.live
    return {
        "orders": {
            order.seq: {name: getattr(order, name) for name in LiveOrder.__slots__}
            for account in ACCOUNTS
            for order in live.open_orders(account)
        },
        "balances": {a: {k: v for k, v in held.items() if v != (0, 0)} for a, held in live.balances.items()},
        "books": {
            name: (live.markets[name].depth.bids.top(1000), live.markets[name].depth.asks.top(1000)) for name in MARKETS
        },
        "states": {name: live.markets[name].market.state for name in MARKETS},
    }


def of_the_engine(engine: Engine) -> tuple[int, dict[int, tuple[object, ...]], dict[str, Any]]:
    """The event, each open order and the books as the engine has them."""
    books = {
        name: (market.book.levels("buy", 1000), market.book.levels("sell", 1000))
        for name, market in engine.markets.items()
    }
    orders: dict[int, tuple[object, ...]] = {
        order.number: (
            order.account,
            order.market,
            order.side,
            order.quantity_lots,
            order.filled_lots,
            order.filled_quote_atoms,
            "waiting" if order.level is None else "open",
            order.price_ticks or None,
        )
        for order in engine.orders.values()
    }
    return engine.seq, orders, books


async def at_rest(runtime: Runtime) -> tuple[dict[int, tuple[object, ...]], dict[str, Any], dict[str, Any]]:
    """Orders and books of the engine, and what is shown, at one event: timers may bring another at any time."""
    while True:
        seq, orders, books = await runtime.ask(of_the_engine)
        if runtime.live.seq == seq:
            return orders, books, shown(runtime)


@pytest.mark.parametrize("seed", [3, 4])
async def test_what_is_shown_is_what_the_engine_has_and_stays_so_after_a_restart(database: Database, seed: int) -> None:
    async with serving() as runtime:
        told = await trade(runtime, seed)
        engine, books, before = await at_rest(runtime)
        assert before["orders"].keys() == engine.keys() and len(engine) > 5
        for number, order in before["orders"].items():
            account, market, side, lots, filled, quote, status, price = engine[number]
            assert (order["account"], order["market"], order["side"]) == (account, market, side)
            assert (order["filled_lots"], order["filled_quote_atoms"], order["status"]) == (filled, quote, status)
            assert order["budget_atoms"] or order["quantity_lots"] == lots
            assert is_pegged(order["options"]) or order["price_ticks"] == price
        assert before["books"] == books
        assert told.keys() >= TOLD
    async with serving() as runtime, serving() as other:
        _, _, after = await at_rest(runtime)
        assert after["states"] == before["states"]
        unchanged = after["orders"].keys() & before["orders"].keys()  # what expired meanwhile is gone
        assert all(after["orders"][number] == before["orders"][number] for number in unchanged) and unchanged
        while other.live.seq != runtime.live.seq:
            await other.catch_up()
        assert shown(other) == shown(runtime)
        await runtime.projected(runtime.live.seq)
        assert not any((await asyncio.to_thread(rebuild, database, compare=True)).different.values())
        await check_lives(runtime)
    with database.connect() as connection:
        assert verify(connection).findings == []


async def check_lives(runtime: Runtime) -> None:
    """Every order's life begins with its placing, goes on in order, adds up to what was filled, and ends as it ended."""
    kinds: set[str] = set()
    for row in await runtime.read(some_orders):
        life = await runtime.read(queries.order_life, order_id=row.order_id)
        own = [step for step in life if "order" not in step.details]
        kinds.update(step.kind for step in life)
        assert own[0].kind == "placed" and [step.seq for step in life] == sorted(step.seq for step in life)
        assert sum(step.details["quantity_lots"] for step in own if step.kind == "fill") == row.filled_lots
        ends = [step.kind for step in own if step.kind in ("filled", "cancelled", "expired", "rejected")]
        assert ends == ([] if row.status in OPEN_STATUSES else [row.status])
        assert not ends or own[-1].kind == row.status
    assert kinds >= set(OrderStep.Kind.values) | {"placed", "fill", "filled", "cancelled", "expired", "rejected"}


def some_orders(connection: queries.Connection) -> list[queries.OrderRow]:
    """One order in five, and of every kind of step one that has it."""
    numbers = connection.execute(
        "SELECT seq FROM trading_order WHERE seq % 5 = 0"
        " UNION (SELECT DISTINCT ON (kind) order_seq FROM order_step ORDER BY kind, order_seq)"
    ).fetchall()
    return queries.orders_by_number(connection, [row[0] for row in numbers])
