"""What goes into the engine thread and what comes out of it: submissions, and for each batch one publication with the answers.

Made on the engine thread, handed to the event loop, and not changed after that.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .applied import Applied
from .engine.commands import Side
from .engine.market import Market
from .engine.outcomes import (
    AuctionUncrossed,
    Filled,
    OrderAmended,
    OrderCancelled,
    OrderRefreshed,
    OrderRepriced,
    OrderRested,
    SelfTradePrevented,
)
from .journal.append import Appended
from .journal.records import Draft, is_same

Level = tuple[str, Side, int]
"""Market, side and price in ticks."""

Levels = list[tuple[int, int]]
"""Prices in ticks with the lots shown there, best first."""

ALL_LEVELS = 1 << 62

_TOUCHING = frozenset(
    (
        Filled,
        OrderRested,
        OrderCancelled,
        OrderRefreshed,
        SelfTradePrevented,
        OrderAmended,
        OrderRepriced,
        AuctionUncrossed,
    )
)
"""Outcomes after which a level may show something else."""


class Answer(NamedTuple):
    """What became of one submission.

    ``applied`` is None for a repeated command: its outcomes were told the first time, ``seq`` says which event it is.
    ``conflict``: the id was used for another command, nothing happened. ``refused``: the database does not take what the
    command holds, nothing happened. ``perhaps_ours``: of a repeated command, that it may have been this very submission
    that wrote it, when its first attempt ended with an error.
    """

    seq: int
    applied: Applied | None
    conflict: bool
    refused: str | None = None
    perhaps_ours: bool = False


class Submission(NamedTuple):
    """A command waiting for the journal. ``future`` is the caller's: handed back in the publication, not touched here; None
    if nobody waits for the answer. ``is_joined``: the next submission is appended right after this one, or neither is.
    """

    draft: Draft
    future: "asyncio.Future[Answer] | None"
    is_joined: bool = False


class Publication(NamedTuple):
    """What one batch changed: events in sequence, the book levels they touched as they stand now, and the answers.

    ``books``: bids and asks of the markets of which more may have changed than can be told level by level.
    """

    applied: list[Applied]
    levels: dict[Level, int]
    books: dict[str, tuple[Levels, Levels]]
    answers: list[tuple[Submission, Answer]]


def publication(
    applied: list[Applied], answers: list[tuple[Submission, Answer]], markets: Mapping[str, Market]
) -> Publication:
    """Of these events, with the book levels that they touched in the engine's markets."""
    touched: dict[Level, int] = {}
    uncrossed: set[str] = set()
    for event in applied:
        for outcome in event.outcomes:
            if type(outcome) not in _TOUCHING:
                continue
            match outcome:
                case Filled(market=market, taker_side=side, price_ticks=price):
                    touched[market, "sell" if side == "buy" else "buy", price] = 0
                case (
                    OrderRested(market=market, side=side, price_ticks=price)
                    | OrderCancelled(market=market, side=side, price_ticks=int(price))
                    | OrderRefreshed(market=market, side=side, price_ticks=price)
                    | SelfTradePrevented(market=market, maker_side=side, price_ticks=price)
                ):
                    touched[market, side, price] = 0
                case OrderAmended(market=market, side=side) | OrderRepriced(market=market, side=side):
                    for moved in (outcome.previous_price_ticks, outcome.price_ticks):
                        if moved is not None:
                            touched[market, side, moved] = 0
                case AuctionUncrossed(market=market):
                    uncrossed.add(market)  # its orders rested anywhere, and all trade at one price
    for market, side, price in touched:
        touched[market, side, price] = markets[market].book.level_lots(side, price)
    return Publication(applied, touched, {market: book_levels(markets[market]) for market in uncrossed}, answers)


def book_levels(market: Market) -> tuple[Levels, Levels]:
    """All bids and asks of a market, best first."""
    return market.book.levels("buy", ALL_LEVELS), market.book.levels("sell", ALL_LEVELS)


def groups(batch: Iterable[Submission]) -> list[list[Submission]]:
    """The batch in parts that must not be parted."""
    parts: list[list[Submission]] = [[]]
    for submission in batch:
        parts[-1].append(submission)
        if not submission.is_joined:
            parts.append([])
    return parts[:-1]


def answers(
    batch: Iterable[Submission], applied: Iterable[Applied], appended: Appended, *, is_retry: bool
) -> list[tuple[Submission, Answer]]:
    """One answer for each submission: the first of a new id gets its outcomes, others learn whether they agree.

    ``is_retry``: the batch was tried before, with an unknown outcome.
    """
    records = {record.command_id: record for record in appended.records} | appended.repeated
    fresh = {event.command_id: event for event in applied}
    told = []
    for submission in batch:
        wanted = submission.draft
        record = records[wanted.command_id]
        conflict = not is_same(record, wanted)
        first = None if conflict else fresh.pop(wanted.command_id, None)
        told.append((submission, Answer(record.seq, first, conflict, perhaps_ours=is_retry)))
    return told


class QueuedOrder(NamedTuple):
    """An order in its queue. ``lots``: what the book shows of it. ``at_us``: when it last changed."""

    number: int
    account: int
    side: Side
    price_ticks: int
    lots: int
    remaining_lots: int
    at_us: int


def queued_orders(market: Market) -> list[QueuedOrder]:
    """All orders in the book of a market, of each price in the order of its queue."""
    return [
        QueuedOrder(
            order.number,
            order.account,
            order.side,
            level.price_ticks,
            order.shown_lots,
            order.remaining_lots,
            order.updated_at_us,
        )
        for side in (market.book.bids, market.book.asks)
        for level in side
        for order in level
    ]
