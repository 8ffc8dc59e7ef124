"""Several processes on one journal, and what a process does when the journal or the database is not what it should be."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from django.test.utils import override_settings

from accounts.problems import Problem
from tests.fixtures import Database
from trading import replica
from trading import runtime as runtime_module
from trading.engine.commands import CancelAfter, CancelAll, CancelOrder, Options
from trading.engine.outcomes import OrderCancelled
from trading.gateway import cancel_order, find_order
from trading.inbox import Overloaded
from trading.journal.append import append
from trading.journal.records import Draft, draft, new_command_id
from trading.outcome_chain import CHECKPOINT_EVENTS
from trading.publications import Submission
from trading.replica import ReplicaStopped
from trading.runtime import CommandRefused, Runtime
from trading.verify import verify

from .world import ALICE, BOB, WAIT_LIMIT_S, do, limit, open_market, serving


def some_orders(count: int) -> list[Draft]:
    """Orders far from each other, so that all of them rest."""
    return [
        draft(limit(ALICE, "sell", 200 + number % 50, 1), command_id=new_command_id(), request_id="test")
        for number in range(count)
    ]


async def until(condition: Callable[[], bool], limit_s: float = WAIT_LIMIT_S) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.005)


@contextmanager
def without_guards(database: Database, *tables: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection that may change what nobody may change."""
    with database.connect_as_owner() as connection:
        for table in tables:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield connection
        for table in tables:
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


async def test_a_command_sent_to_every_process_has_one_effect_and_one_answer(database: Database) -> None:
    async with serving() as first, serving() as second, serving() as third:
        await open_market(first)
        for number in range(30):
            order, command_id = limit(ALICE, "sell", 200 + number, 1), new_command_id()
            answers = await asyncio.gather(
                *(do(one, order, command_id) for one in (first, second, third) for _ in range(2))
            )
            assert len({answer.seq for answer in answers}) == 1
            assert sum(answer.applied is not None for answer in answers) == 1
            other = await do(second, limit(ALICE, "sell", 200 + number, 2), command_id)
            assert other.conflict and other.seq == answers[0].seq
        assert len(list(first.live.open_orders(ALICE))) == 30


async def test_an_order_that_another_process_acknowledged_is_known_and_cancelled_here(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a balancer the next request goes anywhere; nobody may be told that his live order does not exist."""
    monkeypatch.setattr(replica, "CHANNEL", "elsewhere")
    with override_settings(JOURNAL_POLL_MS=60_000):
        async with serving() as first, serving() as second:
            await open_market(first)
            command_id = new_command_id()
            await do(first, limit(ALICE, "sell", 200, 1), command_id)
            assert second.live.order(command_id) is None
            body = await cancel_order(second, account=ALICE, reference=command_id, request_id="test")
            assert (body.id, body.status) == (command_id, "cancelled")
            found = await find_order(first, account=ALICE, reference=command_id)
            assert found.status == "open"  # what it was told; asking by id of what one knows asks nobody else
            with pytest.raises(Problem, match="You have no order of this id"):
                await find_order(second, account=BOB, reference=command_id)


async def test_what_another_process_appends_is_seen_at_once(database: Database) -> None:
    with override_settings(JOURNAL_POLL_MS=60_000):
        async with serving() as first, serving() as second:
            await open_market(first)
            await until(lambda: second.live.seq == first.live.seq)


async def test_nothing_depends_on_being_woken(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "CHANNEL", "elsewhere")
    async with serving() as first, serving() as second:
        await open_market(first)
        await until(lambda: second.live.seq == first.live.seq)


async def test_the_chain_of_outcomes_is_recorded_and_all_processes_agree_on_it(database: Database) -> None:
    async with serving() as first, serving() as second:
        await open_market(first)
        with database.connect() as connection:
            append(connection, some_orders(2 * CHECKPOINT_EVENTS), now_us=1)
            await until(lambda: first.projector.seq == second.projector.seq > 2 * CHECKPOINT_EVENTS)
            rows = connection.execute("SELECT seq, chain FROM outcome_checkpoint ORDER BY seq").fetchall()
        assert [row[0] for row in rows] == [CHECKPOINT_EVENTS, 2 * CHECKPOINT_EVENTS]
        for one in (first, second):
            assert one.replica.fold.chain.last == rows[-1]
            assert one.health().ready


async def test_a_process_that_comes_to_other_outcomes_stops_and_says_where(database: Database) -> None:
    async with serving() as first:
        await open_market(first)
        with database.connect() as connection:
            append(connection, some_orders(CHECKPOINT_EVENTS), now_us=1)
            await until(lambda: first.projector.seq > CHECKPOINT_EVENTS)
        with without_guards(database, "outcome_checkpoint") as owner:
            owner.execute("UPDATE outcome_checkpoint SET chain = sha256('other')")
        second = Runtime()
        second.start()
        await until(lambda: second.replica.stopped_because is not None)
        engine = second.health().parts["engine"]
        assert engine.startswith("OutcomesDiffer: the outcomes of events 1 to 1000"), engine
        assert not second.health().ready and first.health().ready
        await second.stop()
    with database.connect() as connection:
        assert verify(connection).findings[:1] == ["events 1 to 1000 come to other outcomes than when they happened"]


@pytest.mark.parametrize("meanwhile", [0, 5])
async def test_a_journal_that_lost_its_tail_is_not_continued(database: Database, meanwhile: int) -> None:
    """``meanwhile``: so many events were appended to it by somebody else, so its head is not behind."""
    async with serving() as runtime:
        await open_market(runtime)
        for price in (200, 201, 202):
            last = await do(runtime, limit(ALICE, "sell", price, 1))
        await runtime.projected(last.seq)
        with without_guards(database, "order_event", "journal_head") as owner:
            lose_tail(owner, last.seq - 2)
            rows = count(owner)
            if meanwhile:
                append(owner, some_orders(meanwhile), now_us=1)
        with pytest.raises((runtime_module.OutcomeUnknown, replica.ReplicaStopped)):
            for _ in range(100):
                await do(runtime, limit(ALICE, "sell", 300, 1))
        assert "DatabaseLostData" in runtime.health().parts["engine"]
        assert not runtime.health().ready
        with database.connect() as connection:
            assert count(connection) == rows + meanwhile


async def test_what_was_folded_of_a_lost_tail_is_not_written_into_the_books(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await runtime.projected(runtime.live.seq)
        before = runtime.live.seq
        with database.connect() as holder, holder.transaction():
            holder.execute("SELECT FROM projection_checkpoint FOR UPDATE")  # the read models are slow
            for price in (200, 201, 202):
                await do(runtime, limit(ALICE, "sell", price, 1))
            with without_guards(database, "order_event", "journal_head") as owner:
                lose_tail(owner, before)
        await until(lambda: runtime.projector.stopped_because is not None)
        assert "DatabaseLostData" in runtime.health().parts["projector"]
        assert "DatabaseLostData" in runtime.health().parts["engine"]
        with database.connect() as connection:
            assert connection.execute("SELECT seq FROM projection_checkpoint").fetchone() == (before,)
            assert connection.execute("SELECT count(*) FROM trading_order").fetchone() == (0,)
            assert verify(connection).findings == []


def lose_tail(owner: psycopg.Connection[tuple[object, ...]], last: int) -> None:
    """As if the database were a standby that had received nothing after this event."""
    with owner.transaction():
        owner.execute("SELECT FROM journal_head FOR UPDATE")
        owner.execute("DELETE FROM order_event WHERE seq > %s", (last,))
        owner.execute(
            "UPDATE journal_head SET (seq, at_us, hash) ="
            " (SELECT seq, at_us, hash FROM order_event ORDER BY seq DESC LIMIT 1)"
        )


def count(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    row = connection.execute("SELECT count(*) FROM order_event").fetchone()
    return int(str(row and row[0]))


async def test_a_process_stopped_within_its_transaction_does_not_keep_the_journal_from_the_others(
    database: Database,
) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        with database.connect() as stopped:
            stopped.execute(replica.WRITER_SETTINGS)
            stopped.execute("BEGIN; SELECT FROM journal_head FOR UPDATE")
            answer = await asyncio.wait_for(do(runtime, limit(ALICE, "sell", 200, 1)), WAIT_LIMIT_S)
            assert answer.applied is not None
            with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
                stopped.execute("COMMIT")


async def test_a_statement_that_took_too_long_is_done_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "WRITER_SETTINGS", "SET statement_timeout = '100ms'")
    async with serving() as runtime:
        await open_market(runtime)
        before = runtime.live.seq
        with database.connect() as holder, holder.transaction():
            holder.execute("SELECT FROM journal_head FOR UPDATE")
            waiting = asyncio.create_task(do(runtime, limit(ALICE, "sell", 200, 1)))
            await until(lambda: runtime.replica.retrying_since is not None)
        answer = await waiting
        assert answer.applied is not None and answer.seq == before + 1
        with database.connect() as connection:
            assert count(connection) == answer.seq


async def test_a_command_that_the_database_refuses_harms_no_other(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        loop = asyncio.get_running_loop()
        good, bad = (
            some_orders(3),
            Draft(command_id=new_command_id(), kind="CancelAll", account=1, market=None, body=b"{", request_id="bad"),
        )
        futures = [loop.create_future() for _ in range(4)]
        with database.connect() as holder, holder.transaction():
            holder.execute("SELECT FROM journal_head FOR UPDATE")  # so that all four are taken together
            for one, future in zip((good[0], bad, *good[1:]), futures, strict=True):
                runtime.replica.submit(Submission(one, future))
        answers = await asyncio.gather(*futures, return_exceptions=True)
        assert isinstance(answers[1], CommandRefused)
        assert all(answer.applied is not None for answer in (answers[0], *answers[2:]))
        assert runtime.health().ready


async def test_commands_that_are_joined_are_refused_together_and_nobody_else(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        loop = asyncio.get_running_loop()
        bad = Draft(command_id=new_command_id(), kind="Tick", account=None, market=None, body=b"{", request_id="bad")
        futures = [loop.create_future() for _ in range(4)]
        first, second, other, single = map(Submission, (*some_orders(3), bad), futures)
        with database.connect() as holder, holder.transaction():
            holder.execute("SELECT FROM journal_head FOR UPDATE")
            runtime.replica.submit(other)
            runtime.replica.submit_together((first, single, second))
        answers = await asyncio.gather(*futures, return_exceptions=True)
        assert answers.pop(2).applied is not None
        assert all(isinstance(answer, CommandRefused) for answer in answers)
        assert len(list(runtime.live.open_orders(ALICE))) == 1


async def test_what_is_submitted_together_is_consecutive_whoever_else_appends(database: Database) -> None:
    async with serving() as first, serving() as second:
        await open_market(first)

        async def batches(runtime: Runtime, price: int) -> None:
            for _ in range(10):
                commands = [(new_command_id(), limit(ALICE, "sell", price, 1)) for _ in range(7)]
                answers = await runtime.submit_together(commands, request_id="test")
                assert [answer.seq for answer in answers] == list(range(answers[0].seq, answers[0].seq + 7))

        async def singles(runtime: Runtime) -> None:
            for _ in range(30):
                await do(runtime, limit(BOB, "buy", 50, 1))

        await asyncio.gather(batches(first, 200), batches(second, 201), singles(first), singles(second))


async def test_a_repeated_batch_has_one_effect(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        commands = [(new_command_id(), limit(ALICE, "sell", 200 + number, 1)) for number in range(5)]
        once = await runtime.submit_together(commands, request_id="test")
        again = await runtime.submit_together(
            [*commands[:3], (new_command_id(), limit(ALICE, "sell", 300, 1))], request_id="test"
        )
        assert [answer.seq for answer in again[:3]] == [answer.seq for answer in once[:3]]
        assert [answer.applied is None for answer in again] == [True, True, True, False]
        assert len(list(runtime.live.open_orders(ALICE))) == 6


async def test_an_order_that_its_row_does_not_hold_stops_the_process_that_wrote_it(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        written, at_hand = limit(ALICE, "sell", 200, 1), limit(ALICE, "sell", 200, 2)
        one = draft(written, command_id=new_command_id(), request_id="test")
        runtime.replica.submit(Submission(one, None, command=at_hand))
        await until(lambda: runtime.replica.stopped_because is not None)
        assert "reads as another order" in str(runtime.replica.stopped_because)
    async with serving() as other:
        assert [order.quantity_lots for order in other.live.open_orders(ALICE)] == [1]


async def test_a_question_is_answered_between_batches_and_what_it_raises_harms_nobody(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        assert await runtime.ask(lambda engine: engine.seq) == runtime.live.seq
        with pytest.raises(ZeroDivisionError):
            await runtime.ask(lambda engine: engine.seq // 0)
        assert (await do(runtime, limit(ALICE, "sell", 200, 1))).applied is not None
        asked = runtime.replica
    with pytest.raises(ReplicaStopped):
        asked.ask(lambda engine: engine.seq)


async def test_f72_on_a_silent_market_a_timer_brings_one_event_however_many_wait_for_it(database: Database) -> None:
    with override_settings(JOURNAL_POLL_MS=5):
        async with serving() as first, serving() as second, serving() as third:
            await open_market(first)
            for command in (
                CancelAfter(account=ALICE, timeout_us=100_000),
                CancelAfter(account=BOB, timeout_us=200_000),
            ):
                await do(second, command)
            order = await do(third, limit(ALICE, "sell", 200, 1))
            await until(lambda: all(one.live.seq == order.seq + 2 for one in (first, second, third)))
            for one in (first, second, third):
                assert await one.ask(lambda engine: engine.next_timer_us) is None
            assert list(first.live.open_orders(ALICE)) == []
            with database.connect() as connection:
                rows = connection.execute("SELECT at_us, kind FROM order_event WHERE seq > %s", (order.seq,)).fetchall()
            assert [kind for _, kind in rows] == ["Tick", "Tick"]
    with database.connect() as connection:
        assert verify(connection).findings == []


async def test_what_was_set_off_goes_on_without_another_command(database: Database) -> None:
    """No event takes more than a hundred; on a silent market the rest does not wait for somebody to come."""
    async with serving() as runtime:
        await open_market(runtime)
        for _ in range(250):
            stop = limit(ALICE, "sell", 90, 1)
            await do(runtime, replace(stop, type="stop_limit", options=Options(trigger_ticks=100)))
        await do(runtime, limit(BOB, "buy", 100, 251))
        trigger = await do(runtime, limit(ALICE, "sell", 100, 1))
        await until(lambda: list(runtime.live.open_orders(ALICE)) == [])
        assert runtime.live.seq == trigger.seq + 2
    with database.connect() as connection:
        assert verify(connection).findings == []


async def test_a_sequence_that_stands_still_while_a_command_waits_is_not_called_ready(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_module, "STALL_S", 0.2)
    async with serving() as runtime:
        await open_market(runtime)
        with database.connect() as holder, holder.transaction():
            holder.execute("SELECT FROM journal_head FOR UPDATE")
            waiting = asyncio.create_task(do(runtime, limit(ALICE, "sell", 200, 1)))
            await until(lambda: not runtime.health().ready)
            assert "a command has waited" in runtime.health().parts["engine"]
        await waiting
        assert runtime.health().ready


async def test_a_database_that_is_gone_is_not_called_ready(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_module, "STALL_S", 0.2)
    async with serving() as runtime:
        await open_market(runtime)

        def refuse(*_: object) -> int:
            raise psycopg.OperationalError("gone")

        with monkeypatch.context() as patch:
            patch.setattr(replica, "check_head", refuse)
            await until(lambda: not runtime.health().ready)
            assert "the database has not done" in runtime.health().parts["engine"]
        await until(lambda: runtime.health().ready)


async def test_who_cancels_everything_means_the_orders_too_that_he_sent_just_before(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        resting = await do(runtime, limit(BOB, "buy", 50, 1))
        with database.connect() as holder, holder.transaction():
            holder.execute("SELECT FROM journal_head FOR UPDATE")  # so that all wait together
            first = asyncio.create_task(do(runtime, limit(ALICE, "sell", 199, 1)))  # taken, and held up
            await until(lambda: runtime.waiting == 1 and not runtime.replica._inbox)
            order = asyncio.create_task(do(runtime, limit(ALICE, "sell", 200, 1)))
            everything = asyncio.create_task(do(runtime, CancelAll(account=ALICE)))
            single = asyncio.create_task(do(runtime, CancelOrder(account=BOB, order=resting.seq)))
            await until(lambda: len(runtime.replica._inbox) == 3)
        answers = await asyncio.gather(first, single, order, everything)
        assert [answer.seq for answer in answers] == sorted(answer.seq for answer in answers)
        assert list(runtime.live.open_orders(ALICE)) == []


async def test_cancels_pass_while_new_orders_are_refused_because_the_read_models_are_behind(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        orders = [await do(runtime, limit(BOB, "buy", price, 1)) for price in (50, 51)]
        runtime._lag_limit = -1
        with pytest.raises(Overloaded):
            await do(runtime, limit(BOB, "buy", 52, 1))
        for command in (CancelOrder(account=BOB, order=orders[0].seq), CancelAll(account=BOB)):
            answer = await do(runtime, command)
            assert answer.applied is not None and type(answer.applied.outcomes[0]) is OrderCancelled
