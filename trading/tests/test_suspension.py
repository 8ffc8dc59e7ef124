"""The engine is suspended and resumed: in every process at once, over a restart, and each market comes back as it was."""

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

import pytest

from accounts.problems import Problem
from tests.fixtures import Database
from trading import gateway
from trading.batches import place_batch
from trading.closures import Closure, Mark, closure_of, mark_of
from trading.engine.commands import Credit, DefineAsset, DefineMarket, MarketState, SetMarketState
from trading.faucet import draw
from trading.market_states import set_market_state
from trading.runtime import Runtime
from trading.shapes.requests import AmendRequest, BatchRequest, OrderRequest
from trading.stream.hub import Hub
from trading.suspension import resume, suspend

from .test_replicas import until
from .world import ALICE, MARKET, do, open_market, serving

OPERATOR = uuid.UUID("00000000-0000-7000-8000-000000000001")
TODAY = dt.date(2026, 1, 1)
OTHERS = ("ETH/USD", "LTC/USD", "XMR/USD")
CALL: dict[str, Any] = {"request_id": "test"}
BY: dict[str, Any] = {"by": OPERATOR, **CALL}


def market_of(name: str) -> DefineMarket:
    base, _, quote = name.partition("/")
    return replace(MARKET, market=name, base=base, quote=quote)


async def list_market(runtime: Runtime, name: str, state: MarketState = "open") -> None:
    asset = name.partition("/")[0]
    await do(runtime, DefineAsset(asset=asset, name=asset, kind="crypto", decimals=8, trading_decimals=8))
    await do(runtime, market_of(name))
    credit = Credit(account=ALICE, asset=asset, amount_atoms=10**10, source="faucet", reference="test")
    await do(runtime, credit)
    if state != "open":
        await do(runtime, SetMarketState(market=name, state=state, reason="a test"))


def states(runtime: Runtime) -> dict[str, str]:
    return {name: state.market.state for name, state in runtime.live.markets.items()}


def order(client_order_id: str | None = None, market: str = "BTC/USD") -> OrderRequest:
    return OrderRequest(
        market=market, side="sell", type="limit", price="20", quantity="1", client_order_id=client_order_id
    )


async def place(runtime: Runtime, request: OrderRequest) -> gateway.Placed:
    return await gateway.place_order(runtime, account=ALICE, request=request, idempotency_key=None, **CALL)


async def refusal(call: Any) -> str:
    with pytest.raises(Problem) as refused:
        await call
    return refused.value.kind.code


async def test_f149_every_process_knows_and_each_market_has_its_state_again(database: Database) -> None:
    before = {"BTC/USD": "open", "ETH/USD": "post_only", "LTC/USD": "halted", "XMR/USD": "auction"}
    async with serving() as first:
        await open_market(first)
        for name in OTHERS:
            await list_market(first, name, before[name])  # type: ignore[arg-type]
        async with serving() as second:
            last = first.live.seq
            seq = await suspend(first, words="a test", **BY)
            assert seq == last + len(before)
            await until(lambda: second.live.seq == seq)
            for runtime in (first, second):
                assert (runtime.engine_phase, len(runtime.notices)) == ("suspended", 1)
                assert states(runtime) == dict.fromkeys(before, "cancel_only") | {"LTC/USD": "halted"}
                assert await refusal(place(runtime, order())) == "engine_suspended"
            assert await suspend(second, words="once more", **BY) == seq
    async with serving() as third:
        assert (third.engine_phase, third.live.seq) == ("suspended", seq)
        assert await refusal(place(third, order())) == "engine_suspended"
        assert await resume(third, words="a test", **BY) == seq + len(before)
        assert (third.engine_phase, third.notices, states(third)) == ("open", [], before)
        assert await resume(third, words="once more", **BY) == seq + len(before)
        assert (await place(third, order())).created


async def test_what_is_there_can_be_cancelled_and_what_was_taken_before_is_told_again(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        first, second = [(await place(runtime, order(name))).order for name in ("a", "b")]
        await suspend(runtime, words="a test", **BY)
        again = await place(runtime, order("a"))
        assert (again.created, again.order.id) == (False, first.id)
        batch = BatchRequest(orders=[order("b"), order("c")])
        told = await place_batch(runtime, account=ALICE, request=batch, idempotency_key=None, **CALL)
        assert told.items[0].id == second.id
        assert told.items[1]["code"] == "engine_suspended"
        smaller = AmendRequest(quantity="0.5")
        amending = gateway.amend_order(runtime, account=ALICE, reference=first.id, request=smaller, **CALL)
        assert await refusal(amending) == "engine_suspended"
        replacing = gateway.replace_order(runtime, account=ALICE, reference=first.id, request=order(), **CALL)
        assert await refusal(replacing) == "engine_suspended"
        assert await refusal(gateway.preview_order(runtime, account=ALICE, request=order())) == "engine_suspended"
        drawing = draw(runtime, account=ALICE, asset="BTC", quantity="1", today=TODAY, idempotency_key=None, **CALL)
        assert await refusal(drawing) == "engine_suspended"
        assert await gateway.cancel_after(runtime, account=ALICE, timeout_ms=60_000, **CALL) is not None
        cancelled = await gateway.cancel_order(runtime, account=ALICE, reference=first.id, **CALL)
        assert cancelled.status == "cancelled"
        assert await gateway.cancel_all(runtime, account=ALICE, market=None, side=None, **CALL) == 1


async def test_a_market_that_is_halted_meanwhile_stays_halted_and_no_other_state_is_taken(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await suspend(runtime, words="a test", **BY)
        wanted: dict[str, Any] = {"market": "BTC/USD", "reason": "its node is away", **BY}
        for state in ("open", "post_only", "auction"):
            assert await refusal(set_market_state(runtime, state=state, **wanted)) == "engine_suspended"
        await set_market_state(runtime, state="halted", **wanted)
        assert (runtime.engine_phase, states(runtime)) == ("suspended", {"BTC/USD": "halted"})
        await resume(runtime, words="a test", **BY)
        assert (runtime.engine_phase, states(runtime)) == ("open", {"BTC/USD": "halted"})
        await set_market_state(runtime, state="open", **wanted)
        assert (await place(runtime, order())).created


async def test_a_market_that_is_listed_meanwhile_takes_its_first_order_when_the_engine_is_resumed(
    database: Database,
) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await suspend(runtime, words="a test", **BY)
        await list_market(runtime, "ETH/USD")
        assert await refusal(place(runtime, order(market="ETH/USD"))) == "engine_suspended"
        await resume(runtime, words="a test", **BY)
        assert (await place(runtime, order(market="ETH/USD"))).created


async def test_the_stream_tells_the_suspension_and_its_end(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        hub = Hub(runtime)
        told = []
        for act in (suspend, resume):
            await act(runtime, words="a test", **BY)
            told.append((hub.status().system, hub.status().engine, len(hub.status().notices)))
        assert told == [("cancel_only", "suspended", 1), ("online", "open", 0)]
        await hub.close()


async def test_nobody_suspends_the_engine_by_the_words_of_a_reason(database: Database) -> None:
    mark = Mark(closure=Closure(phase="suspended"), then="open")
    assert mark_of(mark.reason("why")) == mark
    assert mark_of("a market: engine suspended, then open: why") is None
    assert closure_of([None, mark]) == mark.closure and closure_of([None]) is None
    async with serving() as runtime:
        await open_market(runtime)
        wanted: dict[str, Any] = {"market": "BTC/USD", "state": "cancel_only", "reason": mark.reason("x"), **BY}
        assert await refusal(set_market_state(runtime, **wanted)) == "invalid_field"
