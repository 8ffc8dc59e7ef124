"""A shutdown: no new orders at once, the end when no order is open or the time is over, in every process; and coming up again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from accounts.problems import Problem
from tests.fixtures import Database, manage
from trading import going_down, suspension
from trading.closures import Closure
from trading.going_down import GoingDown
from trading.runtime import Runtime
from trading.stream.hub import Hub

from .test_replicas import until
from .test_suspension import ALICE, BY, CALL, OTHERS, gateway, list_market, order, place, refusal, states
from .world import open_market, serving


class Server:
    """A runtime with what takes it down; ``ended`` says that it would have ended its process."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.ended = False
        self.task = asyncio.ensure_future(GoingDown(runtime, self._end).run())

    def _end(self) -> None:
        self.ended = True


@asynccontextmanager
async def server() -> AsyncIterator[Server]:
    async with serving() as runtime:
        one = Server(runtime)
        yield one
        one.task.cancel()
        with suppress(asyncio.CancelledError):
            await one.task


async def shut_down(runtime: Runtime, timeout_s: float | None) -> Closure:
    closure = Closure(phase="stopped", at_us=time.time_ns() // 1000)
    if timeout_s is not None:
        closure = Closure(phase="winding down", at_us=time.time_ns() // 1000 + int(timeout_s * 1_000_000))
    await suspension.shut_down(runtime, closure=closure, words="a test", **BY)
    return closure


async def test_f148_the_exchange_winds_down_until_no_order_is_open_and_every_process_ends(database: Database) -> None:
    async with server() as first, server() as second:
        await open_market(first.runtime)
        await list_market(first.runtime, OTHERS[0], "halted")
        open_order = (await place(first.runtime, order())).order
        closure = await shut_down(first.runtime, 3600)
        await until(lambda: second.runtime.live.closure == closure)
        for one in (first, second):
            assert one.runtime.engine_phase == "winding_down"
            assert await refusal(place(one.runtime, order())) == "engine_suspended"
        hub = Hub(second.runtime)
        status = hub.status()
        assert (status.engine, len(status.notices), status.shutdown_at is not None) == ("winding_down", 1, True)
        await hub.close()
        await asyncio.sleep(2 * going_down.POLL_S)
        assert not first.ended and not second.ended
        await gateway.cancel_order(second.runtime, account=ALICE, reference=open_order.id, **CALL)
        await until(lambda: first.ended and second.ended)
        stopped = first.runtime.live.seq
    async with server() as third, server() as fourth:
        await until(lambda: third.runtime.live.closure is None and fourth.runtime.live.closure is None)
        assert states(third.runtime) == {"BTC/USD": "open", OTHERS[0]: "halted"}
        assert third.runtime.live.seq == stopped + 2, "it was opened once"
        assert (await place(fourth.runtime, order())).created
        assert not third.ended and not fourth.ended


async def test_when_the_time_is_over_it_goes_down_with_orders_open_and_they_are_there_again(database: Database) -> None:
    async with server() as first:
        await open_market(first.runtime)
        kept = (await place(first.runtime, order("a"))).order
        await shut_down(first.runtime, 0.3)
        await until(lambda: first.ended)
    async with server() as again:
        await until(lambda: again.runtime.live.closure is None)
        assert [one.order_id for one in again.runtime.live.open_orders(ALICE)] == [kept.id]


async def test_immediate_does_not_wait_for_orders(database: Database) -> None:
    async with server() as first, server() as second:
        await open_market(first.runtime)
        await place(first.runtime, order())
        await shut_down(first.runtime, None)
        await until(lambda: first.ended and second.ended)
        assert await refusal(suspension.resume(first.runtime, words="a test", **BY)) == "engine_suspended"


async def test_winding_down_is_called_off_by_resuming(database: Database) -> None:
    async with server() as first:
        await open_market(first.runtime)
        await place(first.runtime, order())
        await shut_down(first.runtime, 1)
        await suspension.resume(first.runtime, words="a test", **BY)
        await asyncio.sleep(1 + 2 * going_down.POLL_S)
        assert (first.ended, first.runtime.engine_phase) == (False, "open")


async def test_an_exchange_that_was_suspended_is_suspended_again(database: Database) -> None:
    async with server() as first:
        await open_market(first.runtime)
        await suspension.suspend(first.runtime, words="a test", **BY)
        await shut_down(first.runtime, 3600)
        await until(lambda: first.ended)
    async with server() as again:
        await until(lambda: again.runtime.engine_phase == "suspended")
        await suspension.resume(again.runtime, words="a test", **BY)
        assert (again.runtime.engine_phase, states(again.runtime)) == ("open", {"BTC/USD": "open"})


async def test_who_starts_while_it_winds_down_goes_on_with_that(database: Database) -> None:
    async with serving() as crashed:
        await open_market(crashed)
        await place(crashed, order())
        await shut_down(crashed, 3600)
    async with server() as again:
        await asyncio.sleep(2 * going_down.POLL_S)
        assert (again.ended, again.runtime.engine_phase) == (False, "winding_down")
        await gateway.cancel_all(again.runtime, account=ALICE, market=None, side=None, **CALL)
        await until(lambda: again.ended)


async def test_who_starts_long_after_the_time_was_over_opens_it_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(going_down, "OVERDUE_US", 0)
    async with serving() as crashed:
        await open_market(crashed)
        await place(crashed, order())
        await shut_down(crashed, 0.001)
    async with server() as again:
        await until(lambda: again.runtime.engine_phase == "open")
        assert not again.ended


async def test_without_a_market_there_is_nothing_to_say_it_by(database: Database) -> None:
    async with serving() as runtime:
        with pytest.raises(Problem) as refused:
            await shut_down(runtime, None)
        assert refused.value.kind.code == "unknown_market"


async def test_manage_py_wind_down_says_it_too(database: Database) -> None:
    async with server() as first:
        await open_market(first.runtime)
        await place(first.runtime, order())
        said = await asyncio.to_thread(manage, "wind_down", "--reason", "a new version", url=database.url)
        assert "goes down at" in said.stdout
        await until(lambda: first.runtime.engine_phase == "winding_down")
        said = await asyncio.to_thread(
            manage, "wind_down", "--immediate", "--reason", "at once", url=database.url, check=False
        )
        assert "goes down now" in said.stdout, said.stderr
        await until(lambda: first.ended)
