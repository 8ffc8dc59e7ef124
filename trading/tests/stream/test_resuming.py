"""A private channel resumed at any event, at any process, tells exactly what would have been heard without the cut."""

import random
from typing import Any

import pytest

from accounts.problems import Problem
from tests.fixtures import Database
from trading.stream import history, messages
from trading.tests.all_types import ACCOUNTS, Traders
from trading.tests.world import serving

from .desk import Desk, Listener, Message, opened

ROUNDS, TOGETHER = 80, 5
CUTS = 12


async def resume(desk: Desk, channel: Any, account: int, after: int) -> tuple[Listener, list[Message]]:
    """A new client, and what it is told before it is released."""
    listener = Listener()
    missed = await desk.channels.missed(listener.client, channel, account, after)
    previous = after
    for sequence, parts in missed.events:
        for part, data in enumerate(parts, start=1):
            numbers = (part, len(parts)) if channel == "executions" else ()
            listener.post(messages.update(channel, data, sequence, previous, *numbers))
        previous = sequence
        await listener.client.room()
    desk.channels.release(listener.client, channel, account, missed.upto)
    return listener, await listener.take()


def executions(told: list[Message]) -> list[Any]:
    """What matters, in order; items of one message are about different orders or trades and have none."""
    return [
        (
            one["sequence"],
            one["part"],
            one["parts"],
            sorted(one["data"], key=lambda item: sorted(map(str, item.items()))),
        )
        for one in told
    ]


@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_f68_executions_resumed_anywhere_are_those_that_were_told(database: Database, seed: int) -> None:
    draw = random.Random(seed)
    async with opened() as desk:
        start = desk.runtime.live.seq
        whole = {account: Listener() for account in ACCOUNTS}
        for account, listener in whole.items():
            desk.channels.add_executions(listener.client, account)
        told: dict[int, list[Message]] = {account: [] for account in ACCOUNTS}
        cuts: list[tuple[int, int, Listener, list[Message]]] = []
        traders = Traders(seed)
        for number in range(ROUNDS):
            await desk.trade(traders, 1, TOGETHER)
            for account, listener in whole.items():
                told[account] += await listener.take()
            if number % (ROUNDS // CUTS) == 0:
                account, after = draw.choice(ACCOUNTS), draw.randint(start, desk.runtime.live.seq)
                cuts.append((account, after, *await resume(desk, "executions", account, after)))
        async with serving() as other:
            elsewhere = Desk(other)
            assert other.live.seq >= max(one["sequence"] for one in told[ACCOUNTS[0]])
            for account in ACCOUNTS:
                after = draw.randint(start, desk.runtime.live.seq - 1)
                cuts.append((account, after, *await resume(elsewhere, "executions", account, after)))
            for account, listener in whole.items():
                told[account] += await listener.take()
            for account, after, listener, first in cuts:
                heard = first + await listener.take()
                expected = [one for one in told[account] if one["sequence"] > after]
                last = expected[-1]["sequence"] if expected else after
                heard = [one for one in heard if one["sequence"] <= last]
                assert executions(heard) == executions(expected)
                known = after
                for one in heard:
                    assert one["previous_sequence"] <= known, "no gap is seen where there is none"
                    known = one["sequence"]


async def test_f68_balances_resumed_anywhere_end_as_the_engine_has_them(database: Database) -> None:
    draw = random.Random(5)
    async with opened() as desk:
        start, traders = desk.runtime.live.seq, Traders(5)
        for _ in range(10):
            await desk.trade(traders, 4, TOGETHER)
            account, after = draw.choice(ACCOUNTS), draw.randint(start, desk.runtime.live.seq)
            before = Listener()
            before.post(desk.channels.add_balances(before.client, account))
            listener, first = await resume(desk, "balances", account, after)
            await desk.trade(traders, 2, TOGETHER)
            heard = first + await listener.take()
            assert [one["sequence"] for one in heard] == sorted({one["sequence"] for one in heard})
            assert all(one["sequence"] > after for one in heard)
            final: dict[str, tuple[str, str, str]] = {}
            for message in heard:
                final |= {one["asset"]: (one["balance"], one["available"], one["held"]) for one in message["data"]}
            live = desk.runtime.live
            for asset, shown in final.items():
                available, held = live.balance(account, asset)
                texts = (live.assets[asset].text(atoms) for atoms in (available + held, available, held))
                assert shown == tuple(texts)
            changed = {one["asset"] for message in (await before.take())[1:] for one in message["data"]}
            assert changed <= final.keys()


async def test_f68_too_far_back_and_too_far_ahead_are_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as desk:
        await desk.trade(Traders(6), 10, TOGETHER)
        for after, events, items, code in (
            (0, 20, 10_000, "sequence_too_old"),
            (0, 10_000, 0, "sequence_too_old"),
            (desk.runtime.live.seq + 1000, 10_000, 10_000, "invalid_parameter"),
        ):
            monkeypatch.setattr(history, "EVENTS_LIMIT", events)
            monkeypatch.setattr(history, "ITEMS_LIMIT", items)
            listener = Listener()
            with pytest.raises(Problem) as refused:
                await desk.channels.missed(listener.client, "executions", ACCOUNTS[0], after)
            assert refused.value.kind.code == code
            assert not listener.client.subscriptions
