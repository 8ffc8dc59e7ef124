"""Packed batches come to the same outcomes and the same state as objects do, whatever the amounts."""

import hashlib

import pytest

from trading.engine.commands import CancelOrder, Credit, Event, PlaceOrder, Tick
from trading.engine.engine import Engine, InvariantBroken
from trading.engine.outcomes import Outcome
from trading.engine.packed import COMMAND, pack
from trading.engine.snapshot import dump, load, state_hash
from trading.engine.unpacking import unpack
from trading.tests.engine import flow
from trading.tests.engine.desk import ALICE, BOB, BTC_USD, Desk


def kinds(outcomes: list[Outcome]) -> list[tuple[str, Outcome]]:
    """With the name of each outcome: as tuples, facts of different classes can be equal."""
    return [(type(outcome).__name__, outcome) for outcome in outcomes]


def is_packable(event: Event, engine: Engine) -> bool:
    try:
        pack(event, engine)
    except ValueError:
        return False
    return True


def test_packed_commands_come_to_the_same_as_objects_among_all_other_commands() -> None:
    objects, packed = Engine(), Engine()
    batch: list[Event] = []
    expected: list[list[Outcome]] = []
    count = 0

    def flush() -> None:
        told = unpack(packed.apply_packed(b"".join(pack(event, packed) for event in batch)), packed)
        assert [kinds(one) for one in told] == [kinds(one) for one in expected]
        if packed.seq % 20 == 0:
            assert state_hash(packed) == state_hash(objects)
        batch.clear()
        expected.clear()

    for event in flow.events(seed=31, count=8_000):
        if is_packable(event, objects):
            count += 1
            batch.append(event)
            expected.append(objects.apply(event))
        else:
            flush()
            assert kinds(packed.apply(event)) == kinds(objects.apply(event))
    flush()
    assert count > 1_000


def test_the_bytes_are_the_same_native_and_interpreted() -> None:
    """This hash was taken of the interpreted engine; the same test runs against the native one."""
    desk = Desk(maximum_open_orders=10_000)
    events = [
        Event(desk.seq + 1 + n, desk.seq + 1 + n, command)
        for n, command in enumerate(
            PlaceOrder(
                account=ALICE if n % 2 else BOB,
                market=BTC_USD,
                side="sell" if n % 2 else "buy",
                type="limit",
                time_in_force="IOC" if n % 7 == 0 else "GTC",
                price_ticks=100 + (n * 7919) % 13,
                quantity_lots=1 + n % 9,
            )
            if n % 5
            else CancelOrder(account=BOB, order=desk.seq + n)
            for n in range(300)
        )
    ]
    words = desk.engine.apply_packed(b"".join(pack(event, desk.engine) for event in events))
    assert hashlib.sha256(words).hexdigest() == BYTES_HASH


BYTES_HASH = "ab75bb526b3c3bb9270c0fb1fd330fea13c0e16d095864c2d798a3bcec15de6a"


def test_amounts_beyond_a_word_are_told_whole() -> None:
    desk = Desk()
    desk.do(Credit(account=ALICE, asset="BTC", amount_atoms=10**30, source="faucet", reference="much"))
    twin = load(dump(desk.engine))
    placed = PlaceOrder(
        account=ALICE,
        market=BTC_USD,
        side="sell",
        type="limit",
        time_in_force="GTC",
        price_ticks=100,
        quantity_lots=5,
    )
    commands = [placed, CancelOrder(account=ALICE, order=desk.seq + 1)]
    events = [Event(desk.seq + 1 + n, desk.seq + 1 + n, command) for n, command in enumerate(commands)]
    told = unpack(desk.engine.apply_packed(b"".join(pack(event, twin) for event in events)), twin)
    assert [kinds(one) for one in told] == [kinds(twin.apply(event)) for event in events]


def test_what_is_not_plain_is_not_packed() -> None:
    desk = Desk()
    for command in (
        Tick(),
        PlaceOrder(account=ALICE, market="DOGE/USD", side="buy", type="limit", time_in_force="GTC"),
        PlaceOrder(account=ALICE, market=BTC_USD, side="buy", type="stop", time_in_force="GTC"),
        PlaceOrder(account=ALICE, market=BTC_USD, side="buy", type="limit", time_in_force="GTC", quantity_lots=5),
        PlaceOrder(account=0, market=BTC_USD, side="buy", type="limit", time_in_force="GTC"),
    ):
        with pytest.raises(ValueError, match="cannot be packed"):
            pack(Event(1, 1, command), desk.engine)


def test_after_a_time_that_goes_back_objects_go_on() -> None:
    desk = Desk()
    with pytest.raises(InvariantBroken):
        desk.engine.apply_packed(COMMAND.pack(2, 0, ALICE, 7, 0))
    assert desk.cancel(ALICE, 7)
