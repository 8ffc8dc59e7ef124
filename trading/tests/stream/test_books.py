"""Who follows the recipe has the server's book at every sequence, order by order too, whatever happens and whatever is lost."""

import asyncio
import random
from decimal import Decimal
from typing import Any

import pytest

from tests.fixtures import Database
from trading.publications import QueuedOrder, queued_orders
from trading.stream.books import BookKind
from trading.tests.all_types import ACCOUNTS, MARKETS, Traders
from trading.tests.world import WAIT_LIMIT_S

from .desk import Desk, Listener, opened
from .recipes import Book, GapSeen, Orders

KINDS = (BookKind(10), BookKind(25), BookKind(10, group_ticks=3), BookKind(1000, group_ticks=1))
ROUNDS, MOST_ROUNDS, TOGETHER = 120, 1200, 4
"""As many as it takes until enough has happened: the clock takes part in what comes of a seed."""
DROPPED = 0.1

Levels = list[tuple[str, str]]


def server_book(desk: Desk, symbol: str, kind: BookKind) -> tuple[Levels, Levels]:
    state = desk.runtime.live.markets[symbol]
    sides = []
    for side in (state.depth.bids, state.depth.asks):
        levels = side.grouped(kind.depth, kind.group_ticks) if kind.group_ticks else side.top(kind.depth)
        sides.append([(state.market.price(price), state.market.quantity(lots)) for price, lots in levels])
    return sides[0], sides[1]


@pytest.mark.parametrize("seed", [1, 2])
async def test_f61_f62_a_book_by_the_recipe_is_the_servers_at_every_sequence(database: Database, seed: int) -> None:
    async with opened() as desk:
        draw, gaps, compared = random.Random(seed), 0, 0
        truth: dict[tuple[str, BookKind, int], tuple[Levels, Levels]] = {}
        wanted = [(symbol, kind) for symbol in MARKETS for kind in KINDS]

        def remember() -> None:
            for symbol, kind in wanted:
                truth[symbol, kind, desk.runtime.live.seq] = server_book(desk, symbol, kind)

        desk.on_batch_calls.append(remember)
        remember()
        listeners = {one: Listener() for one in wanted}
        books = {one: Book(one[1].depth) for one in wanted}
        for (symbol, kind), listener in listeners.items():
            listener.post(desk.channels.add_book(listener.client, symbol, kind))
        traders = Traders(seed)
        for number in range(MOST_ROUNDS):
            if number >= ROUNDS and gaps > 10 and compared > 150:
                break
            await desk.trade(traders, 1, TOGETHER)
            for (symbol, kind), listener in listeners.items():
                book = books[symbol, kind]
                for message in await listener.take():
                    if message["type"] == "update" and draw.random() < DROPPED:
                        continue
                    try:
                        book.apply(message)
                    except GapSeen:
                        gaps += 1
                        await listener.take()
                        listener.post(desk.channels.add_book(listener.client, symbol, kind))
                        (snapshot,) = await listener.take()
                        book.apply(snapshot)
                    assert (book.best("bids"), book.best("asks")) == truth[symbol, kind, book.sequence]
                    compared += 1
        assert gaps > 10 and compared > 150


async def read_all(
    desk: Desk, symbol: str, listeners: dict[Any, Listener], books: dict[Any, Orders]
) -> list[QueuedOrder]:
    """Lets all read what they were sent; the engine's queues at the event that they have come to. Timers bring events, too."""
    while True:
        seq, found = await desk.runtime.ask(lambda engine: (engine.seq, queued_orders(engine.markets[symbol])))
        for key, listener in listeners.items():
            for message in await listener.take():
                books[key].apply(message)
        if seq == desk.runtime.live.seq:
            return found


@pytest.mark.parametrize("seed", [3, 4])
async def test_f64_the_book_order_by_order_is_the_engines(database: Database, seed: int) -> None:
    """Of every queue, in icebergs, pegs, auctions and self-trades, joined in the middle of it all; with the own places."""
    async with opened() as desk:
        traders, symbol = Traders(seed), MARKETS[0]
        await desk.trade(traders, 20, TOGETHER)
        listeners = {(depth, account): Listener() for depth in (10, 1000) for account in (None, *ACCOUNTS)}
        books = {one: Orders(one[0]) for one in listeners}
        opening = asyncio.gather(
            *(desk.channels.add_level3(one.client, symbol, *key) for key, one in listeners.items())
        )
        await desk.trade(traders, 3, TOGETHER)
        for listener, snapshot in zip(listeners.values(), await opening, strict=True):
            before = await listener.take()
            listener.post(snapshot)
            assert all(message["type"] == "update" for message in before), "it is posted after the acknowledgement"
        # What came between a snapshot and its posting is older than it, or follows it: here all is one connection's order.
        for key, listener in listeners.items():
            desk.channels.remove_client(listener.client)
            listener.close()
            listeners[key] = Listener()
            listeners[key].post(await desk.channels.add_level3(listeners[key].client, symbol, *key))
        for number in range(MOST_ROUNDS):
            if number >= ROUNDS and all(book.events > 10 for book in books.values()):
                break
            await desk.trade(traders, 1, TOGETHER)
            found = await read_all(desk, symbol, listeners, books)
            market = desk.runtime.live.markets[symbol].market
            for (depth, account), book in books.items():
                for name, side in (("bids", "buy"), ("asks", "sell")):
                    queue = [
                        (market.price(one.price_ticks), market.quantity(one.lots)) for one in found if one.side == side
                    ]
                    prices = list(dict.fromkeys(price for price, _ in queue))[:depth]
                    assert book.queues(name) == [one for one in queue if one[0] in prices]
                places = book.places()
                shown = {
                    (side, price) for name, side in (("bids", "buy"), ("asks", "sell")) for price, _ in book.best(name)
                }
                mine = {
                    order.order_id
                    for one in found
                    if one.account == account and (one.side, market.price(one.price_ticks)) in shown
                    if (order := desk.runtime.live.order_by_seq(one.number)) is not None
                }
                told = {order_id for order_id, (resting, _, _) in book.own.items() if resting in places}
                assert mine <= told
                for order_id in mine:
                    resting, ahead, quantity = book.own[order_id]
                    assert places[resting] == (ahead, Decimal(quantity))
        assert all(book.events > 10 for book in books.values())


async def test_f64_ids_are_not_the_same_in_another_market_process_or_peak(database: Database) -> None:
    async with opened() as desk:
        traders = Traders(5)
        while not all(desk.runtime.live.markets[symbol].depth.bids.lots for symbol in MARKETS):
            await desk.trade(traders, 1, TOGETHER)
        seen: list[set[str]] = []
        for symbol in (*MARKETS, MARKETS[0]):
            listener = Listener()
            listener.post(await desk.channels.add_level3(listener.client, symbol, 1000, None))
            (message,) = await listener.take()
            (data,) = message["data"]
            seen.append({order["order_id"] for side in ("bids", "asks") for order in data[side]})
            desk.channels.remove_client(listener.client)
        assert all(seen) and not seen[0] & seen[1] and not seen[0] & seen[2], "a book begun anew has new ids"


async def test_f66_a_throttled_book_obeys_its_interval_and_ends_with_the_last_state(database: Database) -> None:
    async with opened() as desk:
        loop, symbol = asyncio.get_running_loop(), MARKETS[0]
        kind = BookKind(25, interval_ms=200)
        listener, book = Listener(), Book(25)
        posted: list[float] = []
        listener.post(desk.channels.add_book(listener.client, symbol, kind))
        traders = Traders(6)
        began = loop.time()
        while len(posted) < 6:
            await desk.trade(traders, 1, 3)
            for message in await listener.take():
                posted.append(loop.time())
                book.apply(message)
        assert len(posted) <= 2 + (loop.time() - began) / 0.2, "a snapshot, then at most five in a second"
        late = Listener()
        late.post(desk.channels.add_book(late.client, symbol, kind))
        late_book = Book(25)
        async with asyncio.timeout(WAIT_LIMIT_S):
            while (book.best("bids"), book.best("asks")) != server_book(desk, symbol, kind) or (
                late_book.best("bids") != book.best("bids")
            ):
                await asyncio.sleep(0.01)
                for one, keeper in ((listener, book), (late, late_book)):
                    for message in await one.take():
                        keeper.apply(message)
