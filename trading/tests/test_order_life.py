"""One order's whole life, from the read models: plain orders, those that wait and change, and those that bring others."""

from dataclasses import replace

from tests.fixtures import Database
from trading import queries
from trading.engine.commands import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    CancelReplace,
    Leg,
    Options,
    PlaceOrder,
    SetOwner,
    Tick,
)
from trading.engine.numbers import leg_number
from trading.order_facts import age, leg_id
from trading.runtime import Runtime

from .world import ALICE, BOB, do, limit, open_market, serving


async def placed(runtime: Runtime, order: PlaceOrder) -> int:
    """The number of the order."""
    answer = await do(runtime, order)
    assert answer.applied is not None
    return answer.seq


async def life(runtime: Runtime, order_id: str) -> list[queries.LifeStep]:
    steps = await runtime.read(queries.order_life, order_id=order_id)
    assert [step.seq for step in steps] == sorted(step.seq for step in steps)
    assert [step.at_us for step in steps] == sorted(step.at_us for step in steps)
    return steps


def identity(runtime: Runtime, number: int) -> str:
    order = runtime.live.order_by_seq(number) or runtime.live.recently_closed(number)
    assert order is not None
    return order.order_id


def kinds(steps: list[queries.LifeStep]) -> list[str]:
    return [step.kind for step in steps]


async def test_f38_a_plain_orders_life_needs_no_rows_of_its_own(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        number = await placed(runtime, limit(ALICE, "sell", 100, 10, "plain"))
        for _ in range(2):
            await placed(runtime, limit(BOB, "buy", 100, 3))
        await do(runtime, CancelOrder(account=ALICE, order=number))
        steps = await life(runtime, identity(runtime, number))
        assert kinds(steps) == ["placed", "fill", "fill", "cancelled"]
        assert steps[0].details["client_order_id"] == "plain" and steps[0].details["quantity_lots"] == 10
        assert [step.details["quantity_lots"] for step in steps[1:3]] == [3, 3]
        assert steps[-1].details == {"reason": "user_cancelled"}
        rejected = await placed(runtime, limit(ALICE, "sell", 100, 10**12))
        assert kinds(await life(runtime, identity(runtime, rejected))) == ["placed", "rejected"]
        assert await runtime.read(queries.order_life, order_id="00000000-0000-4000-8000-000000000000") == []
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM order_step").fetchone() == (0,)


async def test_f13_f38_an_iceberg_amended_and_refreshed(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        iceberg = replace(limit(ALICE, "sell", 100, 10), options=Options(display_lots=4))
        number = await placed(runtime, iceberg)
        await placed(runtime, limit(BOB, "buy", 100, 4))
        await do(runtime, AmendOrder(account=ALICE, order=number, price_ticks=101, quantity_lots=9))
        await placed(runtime, limit(BOB, "buy", 101, 5))
        steps = await life(runtime, identity(runtime, number))
        assert kinds(steps) == ["placed", "fill", "refreshed", "amended", "fill", "refreshed", "fill", "filled"]
        assert (steps[0].details["price_ticks"], steps[0].details["quantity_lots"]) == (100, 10), "as it was then"
        assert (steps[3].details["price_ticks"], steps[3].details["previous_price_ticks"]) == (101, 100)
        row = await runtime.read(queries.order_by_id, order_id=identity(runtime, number))
        assert row is not None
        assert (row.price_ticks, row.quantity_lots, row.filled_lots, row.status) == (101, 9, 9, "filled")
        assert row.options == Options(display_lots=4)


async def test_f14_f38_a_stop_that_waits_is_amended_triggered_and_cancelled(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        stop = replace(limit(ALICE, "sell", 90, 5), type="stop_limit", options=Options(trigger_ticks=95))
        number = await placed(runtime, stop)
        (waiting,) = await runtime.read(queries.orders_by_number, numbers=[number])
        assert (waiting.status, runtime.live.order_by_seq(number).status) == ("waiting", "waiting")  # type: ignore[union-attr]
        await do(runtime, AmendOrder(account=ALICE, order=number, trigger_ticks=97))
        await placed(runtime, limit(BOB, "buy", 97, 3))
        await placed(runtime, limit(ALICE, "sell", 97, 1))
        steps = await life(runtime, identity(runtime, number))
        assert kinds(steps) == ["placed", "waiting", "amended", "triggered", "fill"]
        assert [step.details.get("trigger_ticks") for step in steps[1:3]] == [95, 97]
        (row,) = await runtime.read(queries.orders_by_number, numbers=[number])
        assert (row.status, row.filled_lots, row.options) == ("open", 2, Options(trigger_ticks=97))
        await do(runtime, CancelAll(account=ALICE))
        assert kinds(await life(runtime, identity(runtime, number)))[-1] == "cancelled"


async def test_f11_f38_self_trade_prevention_takes_from_both(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        await do(runtime, SetOwner(account=BOB, owner=ALICE))
        maker = await placed(runtime, limit(ALICE, "sell", 100, 10))
        less = Options(self_trade_prevention="decrement")
        taker = await placed(runtime, replace(limit(BOB, "buy", 100, 4), options=less))
        assert kinds(await life(runtime, identity(runtime, maker))) == ["placed", "prevented"]
        assert kinds(await life(runtime, identity(runtime, taker))) == ["placed", "prevented", "cancelled"]
        larger = await placed(runtime, replace(limit(BOB, "buy", 100, 9), options=less))
        rows = await runtime.read(queries.orders_by_number, numbers=[maker, taker, larger])
        assert [(row.quantity_lots, row.status, row.reason) for row in rows] == [
            (6, "cancelled", "self_trade"),
            (4, "cancelled", "self_trade"),
            (3, "open", None),
        ]
        assert runtime.live.order_by_seq(larger).quantity_lots == 3  # type: ignore[union-attr]


async def test_f8_an_expired_order_says_so_everywhere(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        soon = Options(expires_at_us=runtime.live.at_us + 400_000)
        number = await placed(runtime, replace(limit(ALICE, "sell", 100, 5), time_in_force="GTD", options=soon))
        await placed(runtime, limit(BOB, "buy", 100, 1))
        while (runtime.live.order_by_seq(number)) is not None:
            await do(runtime, Tick())
        steps = await life(runtime, identity(runtime, number))
        assert kinds(steps) == ["placed", "fill", "expired"]
        (row,) = await runtime.read(queries.closed_orders, account=ALICE, market=None, before=None, limit=5)
        assert (row.status, row.reason, runtime.live.recently_closed(number).status) == (
            "expired",
            "expired",
            "expired",
        )  # type: ignore[union-attr]


BRACKET = (Leg(type="limit", price_ticks=120), Leg(type="stop_limit", price_ticks=80, trigger_ticks=90))


async def test_f17_f38_legs_are_orders_of_their_own_and_stand_in_their_parents_life(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        options = Options(on_fill=BRACKET, self_trade_prevention="cancel_oldest", keep_on_disconnect=True)
        parent = await placed(runtime, replace(limit(ALICE, "buy", 100, 10), options=options))
        other = await placed(runtime, limit(ALICE, "buy", 50, 1))
        await placed(runtime, limit(BOB, "sell", 100, 10))
        steps = await life(runtime, identity(runtime, parent))
        assert kinds(steps) == ["placed", "fill", "filled", "leg", "leg"]
        first, second = leg_number(parent, 1), leg_number(parent, 2)
        assert [step.details["order"] for step in steps[3:]] == [first, second]
        legs = [runtime.live.order_by_seq(number) for number in (first, second)]
        rows = await runtime.read(queries.orders_by_number, numbers=[first, second])
        inherited = Options(self_trade_prevention="cancel_oldest", keep_on_disconnect=True)
        assert [row.options for row in rows] == [inherited, replace(inherited, trigger_ticks=90)]
        for row, leg in zip(rows, legs, strict=True):
            assert leg is not None
            assert (row.order_id, row.options, row.status) == (leg.order_id, leg.options, leg.status)
            assert row.order_id == leg_id(row.seq)
        assert [row.status for row in rows] == ["open", "waiting"]
        assert kinds(await life(runtime, rows[1].order_id)) == ["placed", "waiting"]
        await do(runtime, CancelOrder(account=ALICE, order=first))
        steps = await life(runtime, rows[1].order_id)
        assert kinds(steps) == ["placed", "waiting", "cancelled"]
        assert steps[-1].details == {"reason": "one_cancels_other"}
        await do(runtime, CancelOrder(account=ALICE, order=other))
        newest = await runtime.read(queries.closed_orders, account=ALICE, market=None, before=None, limit=2)
        older = await runtime.read(
            queries.closed_orders, account=ALICE, market=None, before=age(newest[-1].seq), limit=9
        )
        assert [row.seq for row in [*newest, *older]] == [other, second, first, parent]


async def test_f16_f38_an_oco_leg_stands_before_its_parents_end(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        options = Options(oco=Leg(type="stop_limit", price_ticks=80, trigger_ticks=90))
        parent = await placed(runtime, replace(limit(ALICE, "sell", 100, 10), options=options))
        await placed(runtime, limit(BOB, "buy", 100, 4))
        assert kinds(await life(runtime, identity(runtime, parent))) == ["placed", "leg", "fill"]
        leg = leg_number(parent, 1)
        assert kinds(await life(runtime, leg_id(leg))) == ["placed", "waiting", "cancelled"]


async def test_f20_a_replacement_is_an_order_of_its_event(database: Database) -> None:
    async with serving() as runtime:
        await open_market(runtime)
        first = await placed(runtime, limit(ALICE, "sell", 100, 10))
        place = limit(ALICE, "sell", 101, 5)
        second = await do(runtime, CancelReplace(account=ALICE, order=first, place=place))
        failed = await do(runtime, CancelReplace(account=ALICE, order=first, place=place))
        foreign = await do(runtime, CancelReplace(account=BOB, order=first, place=place))
        assert kinds(await life(runtime, identity(runtime, first))) == ["placed", "cancelled"]
        assert kinds(await life(runtime, identity(runtime, second.seq))) == ["placed"]
        rows = await runtime.read(queries.orders_by_number, numbers=[second.seq, failed.seq, foreign.seq])
        assert [(row.seq, row.status, row.reason) for row in rows] == [
            (second.seq, "open", None),
            (failed.seq, "rejected", "cancel_failed"),
        ]
