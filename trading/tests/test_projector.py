"""The process that writes the read models: killed, refused, too slow, stopped. Orders are taken all the while."""

import asyncio
import itertools
import os
import signal
from pathlib import Path

import psycopg
import pytest

from tests.fixtures import Database
from trading import queries
from trading.projections import projector as module
from trading.runtime import Runtime

from .test_replicas import until, without_guards
from .test_runtime import findings, trade_at_random
from .world import ALICE, BOB, WAIT_LIMIT_S, do, limit, open_market, serving


def pid_of_projector(runtime: Runtime) -> int:
    pid = runtime.projector.pid
    assert pid is not None
    return pid


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def checkpoint(database: Database) -> int:
    with database.connect() as connection:
        row = connection.execute("SELECT seq FROM projection_checkpoint").fetchone()
    return int(str(row and row[0]))


async def test_a_killed_process_is_followed_by_another_and_nothing_is_lost(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        pids: set[int] = set()

        async def trade() -> None:
            """As long as there is somebody to kill, so that there is always something to write."""
            for seed in itertools.count():
                if len(pids) == 4:
                    return
                await trade_at_random(runtime, seed=seed, count=50)

        trading = asyncio.create_task(trade())
        for _ in range(4):
            await until(lambda before=runtime.projector.seq: runtime.projector.seq > before)  # type: ignore[misc]
            pids.add(pid := pid_of_projector(runtime))
            os.kill(pid, signal.SIGKILL)
            await until(lambda gone=pid: runtime.projector.pid != gone)  # type: ignore[misc]
        await trading
        await runtime.projected(runtime.live.seq)
        assert runtime.health().ready
        assert len(pids) == 4
        (fill, *_) = await runtime.read(queries.fills, account=BOB, limit=10)
        assert fill.quantity_lots > 0
    assert findings(database) == []
    assert not any(is_running(pid) for pid in pids)


async def test_health_says_that_the_process_was_killed_until_another_writes(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await runtime.projected(runtime.live.seq)
        pid = pid_of_projector(runtime)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not runtime.health().ready)
        assert runtime.health().parts["projector"] == "its process ended with -9; another is started"
        answer = await do(runtime, limit(ALICE, "sell", 200, 1))
        await runtime.projected(answer.seq)
        assert runtime.health().ready
        assert pid_of_projector(runtime) != pid


async def test_while_no_process_can_write_orders_are_taken_and_written_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await runtime.projected(runtime.live.seq)
        monkeypatch.setattr(module, "RESTART_S", 0.02)
        monkeypatch.setattr(module, "COMMAND", ("false",))
        before = runtime.projector.seq
        os.kill(pid_of_projector(runtime), signal.SIGKILL)
        await until(lambda: runtime.projector.interrupted_because is not None)
        for price in range(200, 220):
            await do(runtime, limit(ALICE, "sell", price, 1))
        assert runtime.projector.seq == before
        monkeypatch.setattr(module, "COMMAND", ("/nowhere/python",))
        await until(lambda: "no process could be started" in runtime.health().parts["projector"])
        monkeypatch.undo()
        await runtime.projected(runtime.live.seq)
        assert runtime.health().ready
    assert findings(database) == []


async def test_what_the_database_refuses_stops_the_projector_and_no_orders(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await runtime.projected(runtime.live.seq)
        before = runtime.projector.seq
        with without_guards(database, "trading_order") as owner:
            owner.execute("ALTER TABLE trading_order ADD CONSTRAINT nothing CHECK (seq < 0) NOT VALID")
        await do(runtime, limit(ALICE, "sell", 200, 1))
        await until(lambda: runtime.projector.stopped_because is not None)
        assert runtime.health().parts["projector"].startswith("CheckViolation: ")
        assert runtime.health().parts["engine"] == "ok"
        assert (await do(runtime, limit(ALICE, "sell", 201, 1))).applied is not None
        assert checkpoint(database) == before
        with without_guards(database, "trading_order") as owner:
            owner.execute("ALTER TABLE trading_order DROP CONSTRAINT nothing")
        pid = pid_of_projector(runtime)
        await until(lambda: not is_running(pid))
    async with serving() as runtime:
        await runtime.projected(runtime.live.seq)
    assert findings(database) == []


async def test_the_engine_waits_for_read_models_that_are_far_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_EVENTS", 10)
    async with serving() as runtime:
        await open_market(runtime)
        await runtime.projected(runtime.live.seq)
        before = runtime.projector.seq
        with database.connect() as holder, holder.transaction():
            holder.execute("SELECT FROM projection_checkpoint FOR UPDATE")
            waiting = [asyncio.create_task(do(runtime, limit(ALICE, "sell", 200, 1))) for _ in range(10)]
            await asyncio.wait_for(asyncio.gather(*waiting), WAIT_LIMIT_S)
            beyond = asyncio.create_task(do(runtime, limit(ALICE, "sell", 200, 1)))
            done, _ = await asyncio.wait((beyond,), timeout=0.3)
            assert not done
            assert runtime.projector.seq == before
        assert (await asyncio.wait_for(beyond, WAIT_LIMIT_S)).applied is not None
        await runtime.projected(runtime.live.seq)
    assert findings(database) == []


async def test_signals_to_the_whole_group_do_not_end_the_process_before_all_is_written(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await runtime.projected(runtime.live.seq)
        pid = pid_of_projector(runtime)
        with database.connect() as holder, holder.transaction():
            holder.execute("SELECT FROM projection_checkpoint FOR UPDATE")
            last = await do(runtime, limit(ALICE, "sell", 200, 1))
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(pid, number)
            stopping = asyncio.create_task(runtime.stop())
            done, _ = await asyncio.wait((stopping,), timeout=0.3)
            assert not done and is_running(pid)
        await stopping
        assert checkpoint(database) == last.seq
        assert not is_running(pid)


async def test_a_process_killed_while_all_ends_is_followed_by_one_that_writes_the_rest(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await runtime.projected(runtime.live.seq)
        with database.connect() as holder, holder.transaction():
            holder.execute("SELECT FROM projection_checkpoint FOR UPDATE")
            last = await do(runtime, limit(ALICE, "sell", 200, 1))
            stopping = asyncio.create_task(runtime.stop())
            await asyncio.wait((stopping,), timeout=0.1)
            os.kill(pid_of_projector(runtime), signal.SIGKILL)
            await asyncio.wait((stopping,), timeout=0.1)
        await stopping
        assert checkpoint(database) == last.seq


async def test_a_stop_does_not_wait_for_ever_for_a_database_that_is_held(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await runtime.projected(runtime.live.seq)
        with database.connect() as holder, holder.transaction():
            holder.execute("SELECT FROM projection_checkpoint FOR UPDATE")
            for account, side in ((ALICE, "sell"), (BOB, "buy")):
                await do(runtime, limit(account, side, 200, 1))  # type: ignore[arg-type]
            pid = pid_of_projector(runtime)
            await asyncio.to_thread(runtime.projector.stop, 0.2)
            assert not is_running(pid)
    async with serving() as runtime:
        await runtime.projected(runtime.live.seq)
    assert findings(database) == []


async def test_the_projector_says_that_its_database_is_not_there_before_it_starts_anything() -> None:
    projector = module.Projector(
        "host=/nowhere dbname=none",
        loop=asyncio.get_running_loop(),
        on_progress=lambda seq: None,
        on_stopped=lambda error: None,
    )
    with pytest.raises(psycopg.OperationalError):
        projector.start()
    assert projector.pid is None
    await asyncio.to_thread(projector.stop, 1.0)
