"""Journal, engine thread, projector and live state together, on a real database, in this process."""

import asyncio
import random

import psycopg
import pytest

import ledger.queries
from tests.fixtures import Database
from trading import queries
from trading.api.http import Request
from trading.api.public import get_assets
from trading.custody_terms import CustodyTerms
from trading.database import conninfo
from trading.engine.commands import CancelOrder, PlaceOrder
from trading.engine.outcomes import Filled, OrderAccepted, OrderFilled, OrderRejected
from trading.engine.snapshot import state_hash
from trading.journal.append import append
from trading.journal.records import draft, new_command_id
from trading.replica import Replica, ReplicaSettings
from trading.runtime import Runtime
from trading.verify import verify

from .world import ALICE, BOB, WAIT_LIMIT_S, do, limit, open_market, serving


async def trade_at_random(runtime: Runtime, seed: int, count: int) -> None:
    rng = random.Random(seed)
    placed: list[tuple[int, int]] = []
    for _ in range(count):
        account = rng.choice((ALICE, BOB))
        if placed and rng.random() < 0.3:
            owner, order = rng.choice(placed)
            await do(runtime, CancelOrder(account=owner, order=order))
        else:
            side = rng.choice(("buy", "sell"))
            answer = await do(runtime, limit(account, side, rng.randrange(95, 106), rng.randrange(1, 50)))
            placed.append((account, answer.seq))


def findings(database: Database) -> list[str]:
    with database.connect() as connection:
        return verify(connection).findings


async def test_an_answer_is_committed_applied_and_readable(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        sell = await do(runtime, limit(ALICE, "sell", 100, 10))
        buy = await do(runtime, limit(BOB, "buy", 101, 4))
        assert sell.applied is not None and type(sell.applied.outcomes[0]) is OrderAccepted
        assert buy.applied is not None
        assert [type(outcome) for outcome in buy.applied.outcomes[:3]] == [OrderAccepted, Filled, OrderFilled]
        with database.connect() as connection:
            assert connection.execute("SELECT max(seq) FROM order_event").fetchone() == (buy.seq,)
        assert runtime.live.seq == buy.seq
        assert runtime.live.markets["BTC/USD"].depth.asks.top(5) == [(100, 6)]
        (fill,) = await runtime.read(queries.fills, account=BOB, limit=10)
        assert (fill.price_ticks, fill.quantity_lots, fill.liquidity) == (100, 4, "taker")


async def test_a_restart_ends_with_the_same_state_and_the_same_live_view(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await trade_at_random(runtime, seed=1, count=200)
        before = state_hash(runtime.replica.fold.engine), _picture(runtime)
    async with serving() as runtime:
        assert (state_hash(runtime.replica.fold.engine), _picture(runtime)) == before
    assert findings(database) == []


async def test_two_replicas_on_one_journal_come_to_the_same_state(database: Database) -> None:
    async with serving() as first:
        await open_market(first)
        async with serving() as second:
            await asyncio.gather(trade_at_random(first, 1, 100), trade_at_random(second, 2, 100))
            await _level(first, second)
            assert state_hash(first.replica.fold.engine) == state_hash(second.replica.fold.engine)
            assert _picture(first) == _picture(second)


async def test_a_repeated_command_has_one_effect_and_a_different_one_conflicts(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        command_id = new_command_id()
        order = limit(ALICE, "sell", 100, 10, "mine")
        answers = await asyncio.gather(*(do(runtime, order, command_id) for _ in range(10)))
        again = await do(runtime, order, command_id)
        other = await do(runtime, limit(ALICE, "sell", 100, 11, "mine"), command_id)
        assert {answer.seq for answer in [*answers, again]} == {answers[0].seq}
        assert sum(answer.applied is not None for answer in answers) == 1
        assert again.applied is None and not again.conflict
        assert other.conflict
        assert len(list(runtime.live.open_orders(ALICE))) == 1


async def test_events_of_another_process_are_folded_before_our_own(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        with database.connect() as connection:
            theirs = draft(limit(ALICE, "sell", 100, 10), command_id=new_command_id(), request_id="other")
            append(connection, [theirs], now_us=1)
        answer = await do(runtime, limit(BOB, "buy", 100, 10))
        assert answer.applied is not None
        assert any(type(outcome) is Filled for outcome in answer.applied.outcomes)


async def test_cut_connections_lose_and_double_nothing(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        answers: list[int] = []

        async def place(number: int) -> None:
            answer = await do(runtime, limit(ALICE, "sell", 200 + number % 50, 1))
            answers.append(answer.seq)

        async def cut() -> None:
            for _ in range(8):
                await asyncio.sleep(0.02)
                with database.connect() as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND application_name IN ('kontor-engine', 'kontor-projector')"
                    )

        cutting = asyncio.create_task(cut())
        while not cutting.done():
            await asyncio.gather(*(place(number) for number in range(20)))
        await cutting
        assert len(set(answers)) == len(answers)
        assert len(list(runtime.live.open_orders(ALICE))) == len(answers)
        await runtime.projected(runtime.live.seq)
    assert findings(database) == []


async def test_a_database_that_only_reads_for_a_while_stops_nobody(database: Database) -> None:
    """As a standby does before it is promoted: writes are refused, and go on when it takes them again."""

    def set_read_only(value: str) -> None:
        with database.connect_as_owner() as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = {value}')
        with database.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name IN ('kontor-engine', 'kontor-projector')"
            )

    async with serving() as runtime:
        await open_market(runtime)
        with database.connect() as connection:
            append(
                connection, [draft(limit(ALICE, "sell", 100, 1), command_id=new_command_id(), request_id="x")], now_us=1
            )
            set_read_only("on")
        waiting = asyncio.create_task(do(runtime, limit(BOB, "buy", 100, 1)))
        done, _ = await asyncio.wait((waiting,), timeout=1.0)
        assert not done and runtime.health().ready
        set_read_only("off")
        answer = await waiting
        await runtime.projected(answer.seq)
    assert findings(database) == []


async def test_a_database_lost_while_the_live_state_is_made_is_asked_again(database: Database) -> None:
    caught_up: list[int] = []

    def make(replica: Replica) -> None:
        caught_up.append(replica.fold.seq)
        if len(caught_up) == 1:
            raise psycopg.OperationalError("the connection is lost")

    settings = ReplicaSettings(conninfo=conninfo(), poll_s=0.01, batch_limit=10, inbox_limit=10)
    replica = Replica(
        settings,
        restore_at_most=lambda: 0,
        on_caught_up=make,
        publish=lambda publication: None,
        project=lambda applied: None,
        on_restored=lambda fold: None,
        on_stopped=lambda error: None,
    )
    replica.start()
    async with asyncio.timeout(WAIT_LIMIT_S):
        while len(caught_up) < 2:
            await asyncio.sleep(0.005)
    replica.stop()
    assert replica.stopped_because is None


async def test_every_event_is_projected_once_by_two_projectors(database: Database) -> None:
    async with serving() as first:
        await open_market(first)
        async with serving() as second:
            await asyncio.gather(trade_at_random(first, 1, 60), trade_at_random(second, 2, 60))
            await _level(first, second)
            await first.projected(first.live.seq)
            await second.projected(second.live.seq)
            assert first.health().ready and second.health().ready
    assert findings(database) == []


async def test_a_projector_takes_over_from_one_that_is_gone(database: Database) -> None:
    async with serving() as first:
        await open_market(first)
        await first.projected(first.live.seq)
        async with serving() as second:
            await do(second, limit(ALICE, "sell", 100, 1))
            await second.projected(second.live.seq)
            await asyncio.to_thread(first.projector.stop)
            answer = await do(second, limit(ALICE, "sell", 100, 1))
            await second.projected(answer.seq)
            with database.connect() as connection:
                assert connection.execute("SELECT seq FROM projection_checkpoint").fetchone() == (answer.seq,)
    assert findings(database) == []


async def test_a_database_that_lost_data_stops_the_replica(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        with database.connect_as_owner() as connection:
            connection.execute("ALTER TABLE journal_head DISABLE TRIGGER journal_head_guard")
            connection.execute("UPDATE journal_head SET seq = seq - 1")
        async with asyncio.timeout(WAIT_LIMIT_S):
            while runtime.health().ready:
                await asyncio.sleep(0.005)
        assert "DatabaseLostData" in runtime.health().parts["engine"]


async def test_a_refused_order_is_in_the_read_models_with_its_reason(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        answer = await do(runtime, limit(ALICE, "buy", 10**11, 10**3))
        assert answer.applied is not None and type(answer.applied.outcomes[0]) is OrderRejected
        (row,) = await runtime.read(queries.closed_orders, account=ALICE, market=None, before=None, limit=1)
        assert (row.status, row.reason) == ("rejected", "insufficient_funds")


async def test_read_models_equal_what_a_naive_reading_of_the_outcomes_says(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        trades: list[tuple[int, int, int, int]] = []
        filled: dict[int, int] = {}
        rng = random.Random(7)
        for _ in range(300):
            order = limit(
                rng.choice((ALICE, BOB)), rng.choice(("buy", "sell")), rng.randrange(95, 106), rng.randrange(1, 50)
            )
            answer = await do(runtime, order)
            assert answer.applied is not None
            for outcome in answer.applied.outcomes:
                if isinstance(outcome, Filled):
                    trades.append((outcome.trade, answer.applied.at_us, outcome.price_ticks, outcome.quantity_lots))
                    for number in (outcome.taker_order, outcome.maker_order):
                        filled[number] = filled.get(number, 0) + outcome.quantity_lots
        await runtime.projected(runtime.live.seq)
        balances = {
            (account, asset): sum(both)
            for account in (ALICE, BOB)
            for asset, both in runtime.live.balances[account].items()
        }
    assert trades
    with database.connect() as connection:
        rows = connection.execute("SELECT id, at_us, price_ticks, quantity_lots FROM trade ORDER BY id").fetchall()
        assert rows == trades
        orders = dict(connection.execute("SELECT seq, filled_lots FROM trading_order WHERE filled_lots > 0").fetchall())
        assert orders == filled
        for width_s in (60, 3600, 86400):
            stored = connection.execute(
                "SELECT start_us, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, trades FROM candle"
                " WHERE interval_s = %s ORDER BY start_us",
                (width_s,),
            ).fetchall()
            assert stored == _naive_candles(trades, width_s * 1_000_000)
        booked = ledger.queries.balances(connection)
        assert {(a, b): atoms for (a, b, kind), atoms in booked.items() if kind == "user"} == balances
    assert findings(database) == []


def _naive_candles(trades: list[tuple[int, int, int, int]], width_us: int) -> list[tuple[int, ...]]:
    groups: dict[int, list[tuple[int, int]]] = {}
    for _, at_us, price, lots in trades:
        groups.setdefault(at_us // width_us * width_us, []).append((price, lots))
    return [
        (
            start,
            group[0][0],
            max(price for price, _ in group),
            min(price for price, _ in group),
            group[-1][0],
            sum(lots for _, lots in group),
            len(group),
        )
        for start, group in sorted(groups.items())
    ]


def _picture(runtime: Runtime) -> dict[str, object]:
    """Everything that the live state answers from."""
    live = runtime.live
    state = live.markets["BTC/USD"]
    return {
        "seq": live.seq,
        "balances": {a: {k: v for k, v in held.items() if v != (0, 0)} for a, held in live.balances.items()},
        "bids": state.depth.bids.top(1000),
        "asks": state.depth.asks.top(1000),
        "trades": list(state.trades),
        "orders": [
            [
                (o.seq, o.order_id, o.filled_lots, o.filled_quote_atoms, o.fee_atoms, o.updated_seq)
                for o in live.open_orders(a)
            ]
            for a in (ALICE, BOB)
        ],
        "ticker": state.ticker.window(live.at_us),
    }


async def _level(first: Runtime, second: Runtime) -> None:
    async with asyncio.timeout(WAIT_LIMIT_S):
        while first.live.seq != second.live.seq:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "UPDATE order_event SET body = replace(body::text, '\"price_ticks\":100', '\"price_ticks\":101')::json WHERE seq = 8",
            "event 8",
        ),
        ("UPDATE order_event SET at_us = at_us + 1 WHERE seq = 5", "event 5"),
        ("UPDATE order_event SET kind = 'CancelAll' WHERE seq = 8", "event 8"),
        ("UPDATE order_event SET account_id = 2 WHERE seq = 8", "event 8"),
        ("UPDATE order_event SET hash = sha256('x') WHERE seq = 6", "event 6"),
        ("UPDATE order_event SET request_id = 'tesu' WHERE seq = 8", "event 8"),
        ("UPDATE order_event SET format = 1 WHERE seq = 8", "event 8"),
        ("UPDATE order_event SET format = 3 WHERE seq = 8", "event 8"),
        ("UPDATE order_event SET market = 'BTC/USE' WHERE seq = 8", "event 8"),
        ("UPDATE order_event SET market = NULL WHERE seq = 8", "event 8"),
        ("UPDATE order_event SET command_id = gen_random_uuid() WHERE seq = 8", "event 8"),
        ("UPDATE order_event SET seq = 1000 WHERE seq = 9", "event 9"),
        ("UPDATE journal_head SET hash = sha256('x')", "the head's hash is not that of event 10"),
        ("UPDATE journal_head SET at_us = at_us + 1", "the head's time is not that of event 10"),
        ("UPDATE journal_head SET seq = seq + 1", "the head says event 11, the last row is 10"),
        ("DELETE FROM order_event WHERE seq = 7", "event 7 is missing"),
    ],
)
async def test_verify_names_the_first_altered_event(database: Database, change: str, said: str) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        for price in (100, 101, 102):
            await do(runtime, limit(ALICE, "sell", price, 1))
    assert findings(database) == []
    with database.connect_as_owner() as connection:
        connection.execute(
            "ALTER TABLE order_event DISABLE TRIGGER USER; ALTER TABLE journal_head DISABLE TRIGGER USER"
        )
        connection.execute(change)
    assert any(said in finding for finding in findings(database)), findings(database)


async def test_verify_sees_a_ledger_that_differs_from_the_engine(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
    with database.connect_as_owner() as connection:
        connection.execute(
            "WITH entry AS (INSERT INTO ledger_entry (cause, at_us) VALUES (999, 0))"
            " INSERT INTO ledger_posting (cause, account_id, kind, amount, balance, held)"
            " SELECT 999, id, 'theft', amount, balance + amount, 7 FROM ledger_account"
            " JOIN (VALUES (1, 5), (2, -5)) AS t (owner, amount) USING (owner) WHERE asset = 'BTC' AND kind = 'user'"
        )
    found = findings(database)
    assert any("account 1 has 10000000000 BTC in the engine, 10000000005 in the ledger" in f for f in found)
    assert any("account 2 holds 0 BTC in the engine, 7 in the ledger" in f for f in found)


def test_order_command_equality_is_what_idempotency_compares() -> None:
    order = PlaceOrder(account=1, market="BTC/USD", side="buy", type="market", time_in_force="IOC", quantity_lots=1)
    assert draft(order, command_id="x", request_id="a").body == draft(order, command_id="y", request_id="b").body


async def test_the_terms_of_custody_are_told_with_the_assets(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        rules = ((10**7, 1), (None, 6))
        terms = CustodyTerms(is_deposited=True, minimum_deposit_atoms=10_000, confirmations=rules)
        runtime.custody_terms = {"BTC": terms}
        reply = await get_assets(runtime, Request({"method": "GET", "path": "/", "headers": [], "query_string": b""}))
    bitcoin, dollar = (next(one for one in reply.body.items if one.asset == name) for name in ("BTC", "USD"))
    assert (bitcoin.deposit, bitcoin.minimum_deposit, bitcoin.confirmations) == (True, "0.00010000", 1)
    by_amount = [(one.up_to, one.confirmations) for one in bitcoin.confirmations_by_amount]
    assert by_amount == [("0.10000000", 1), (None, 6)]
    assert (bitcoin.withdrawal, bitcoin.withdrawal_fee) == (False, None)
    assert (dollar.deposit, dollar.confirmations, dollar.confirmations_by_amount) == (False, None, [])
