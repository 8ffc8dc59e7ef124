"""What an account was told since an event, made again from the read models: for a client that resumes after a cut.

Any process makes the same of it, also after a restart, since the read models are the same. Runs in a worker thread, in one
transaction: what it gives is everything after the event asked for, up to and with the read models' checkpoint.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, NamedTuple

import psycopg

import ledger.queries
from accounts.problems import Problem
from trading import queries
from trading.engine.commands import Options, PlaceOrder
from trading.engine.numbers import leg_of
from trading.engine.outcomes import Filled
from trading.instruments import Asset, Market
from trading.journal.read import head_seq, records_by_seq
from trading.journal.records import decode
from trading.live import LiveOrder
from trading.order_facts import OPEN_STATUSES, age, brought
from trading.problems import SEQUENCE_TOO_OLD
from trading.queries import OrderRow

from . import messages
from .executions import ENDS, Told
from .shapes import BalanceData, ExecutionData

Connection = psycopg.Connection[tuple[Any, ...]]

EVENTS_LIMIT = 1_000_000
"""How many events back a client may resume from."""
ITEMS_LIMIT = 10_000
"""How many orders, steps and fills, or balances, may have to be read for it."""

_KINDS = {"triggered": "status", "amended": "amended", "repriced": "restated", "refreshed": "iceberg_refill"}
"""What a step of an order is called as exec_type."""


class Missed(NamedTuple):
    """By event, oldest first, the messages that it made. ``upto``: nothing after this event is in it."""

    events: list[tuple[int, list[list[Any]]]]
    upto: int


class Step(NamedTuple):
    place: int
    kind: str
    details: Mapping[str, Any]


@dataclass(slots=True)
class Happened:
    """What one event did to one order. ``placed``: where among the event's outcomes it began; None if it was there before."""

    at_us: int
    placed: int | None = None
    steps: list[Step] = field(default_factory=list)
    fills: list[Filled] = field(default_factory=list)


def executions(connection: Connection, *, account: int, after: int, markets: Mapping[str, Market]) -> Missed:
    """Raises Problem sequence_too_old."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        upto = _checkpoint(connection, after)
        rows = queries.orders_changed_after(connection, account=account, seq=after, limit=ITEMS_LIMIT + 1)
        _check_count(rows)
        happened, placings = _read(connection, rows, after)
    told: defaultdict[int, _Event] = defaultdict(_Event)
    for row in rows:
        _tell(row, placings[row.seq], happened[row.seq], after, markets[row.market], told)
    return Missed([(seq, told[seq].parts()) for seq in sorted(told)], upto)


def balances(connection: Connection, *, account: int, after: int, assets: Mapping[str, Asset]) -> Missed:
    """Raises Problem sequence_too_old."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        upto = _checkpoint(connection, after)
        rows = ledger.queries.positions_since(connection, owner=account, cause=after, limit=ITEMS_LIMIT + 1)
        _check_count(rows)
    events: list[tuple[int, list[list[Any]]]] = []
    for cause, changed in groupby(rows, key=lambda row: row[0]):
        data: list[BalanceData] = [
            messages.balance(assets[asset], balance - held, held) for _, asset, balance, held in changed
        ]
        events.append((cause, [data]))
    return Missed(events, upto)


def _checkpoint(connection: Connection, after: int) -> int:
    if head_seq(connection) - after > EVENTS_LIMIT:
        raise Problem(SEQUENCE_TOO_OLD, f"At most {EVENTS_LIMIT:,} events back. Subscribe without from_sequence.")
    return queries.read_models_at(connection)


def _check_count(found: Sequence[object]) -> None:
    if len(found) > ITEMS_LIMIT:
        raise Problem(SEQUENCE_TOO_OLD, f"More than {ITEMS_LIMIT:,} changes since. Subscribe without from_sequence.")


# Reading


def _read(
    connection: Connection, rows: Sequence[OrderRow], after: int
) -> tuple[dict[int, dict[int, Happened]], dict[int, PlaceOrder]]:
    """By order: what each event did to it, and how it was placed. Fills only those after the event asked for."""
    happened: dict[int, dict[int, Happened]] = {row.seq: {} for row in rows}
    numbers = list(happened)
    placings: dict[int, PlaceOrder] = {}
    records = records_by_seq(connection, [number for number in numbers if not leg_of(number)])
    for row in rows:
        if (record := records.get(row.seq)) is not None and (place := brought(decode(record))) is not None:
            placings[row.seq] = place
            happened[row.seq][row.seq] = Happened(row.created_at_us, placed=-1)
    by_number = {row.seq: row for row in rows}
    for number, seq, place_, at_us, kind, details in _steps(connection, numbers):
        one = happened[number].setdefault(seq, Happened(at_us))
        if kind == "leg":
            one.placed = place_
            placings[number] = _leg(by_number[number], details)
        else:
            one.steps.append(Step(place_, kind, details))
    for number, at_us, seq, fill in _fills(connection, numbers, after):
        happened[number].setdefault(seq, Happened(at_us)).fills.append(fill)
    for row in rows:
        happened[row.seq].setdefault(row.updated_seq, Happened(row.updated_at_us))
    return happened, placings


def _steps(connection: Connection, numbers: list[int]) -> list[tuple[Any, ...]]:
    rows = connection.execute(
        "SELECT order_seq, seq, place, at_us, kind, details FROM order_step WHERE order_seq = ANY(%s)"
        " ORDER BY order_seq, seq, place LIMIT %s",
        (numbers, ITEMS_LIMIT + 1),
    ).fetchall()
    _check_count(rows)
    return rows


def _fills(connection: Connection, numbers: list[int], after: int) -> Iterator[tuple[int, int, int, Filled]]:
    """(order, time, event, fill), oldest first. Of a fill only what its order's owner is told."""
    rows = connection.execute(
        "SELECT f.order_seq, t.at_us, t.seq, t.id, t.market, t.price_ticks, t.quantity_lots, t.quote_atoms, f.fee_atoms,"
        " f.liquidity FROM fill f JOIN trade t ON t.id = f.trade_id WHERE f.order_seq = ANY(%s) AND t.seq > %s"
        " ORDER BY t.id LIMIT %s",
        (numbers, after, ITEMS_LIMIT + 1),
    ).fetchall()
    _check_count(rows)
    for number, at_us, seq, trade, market, price, lots, quote, fee, liquidity in rows:
        is_taker = liquidity == "taker"
        yield (
            number,
            at_us,
            seq,
            Filled(
                trade=trade,
                market=market,
                price_ticks=price,
                quantity_lots=lots,
                base_atoms=0,
                quote_atoms=int(quote),
                taker_side="buy",
                taker_order=number if is_taker else 0,
                taker_account=0,
                taker_fee_atoms=int(fee) if is_taker else 0,
                maker_order=0 if is_taker else number,
                maker_account=0,
                maker_fee_atoms=0 if is_taker else int(fee),
                maker_remaining_lots=0,
                rounding_atoms=0,
            ),
        )


def _leg(row: OrderRow, details: Mapping[str, Any]) -> PlaceOrder:
    """A leg as it was placed; what it has from its parent is in its row."""
    options = replace(row.options or Options(), trigger_ticks=details.get("trigger_ticks"))
    return PlaceOrder(
        account=row.account,
        market=row.market,
        side=row.side,
        type=row.type,
        time_in_force="GTC",
        quantity_lots=details["quantity_lots"],
        price_ticks=details.get("price_ticks"),
        options=None if options == Options() else options,
    )


# Telling


class _Event:
    """What one event tells, each item with what it is ordered by."""

    def __init__(self) -> None:
        self.placed: list[tuple[Any, ExecutionData]] = []
        self.fills: list[tuple[Any, ExecutionData]] = []
        self.changes: list[tuple[Any, ExecutionData]] = []
        self.ends: list[tuple[Any, ExecutionData]] = []

    def parts(self) -> list[list[ExecutionData]]:
        return Told(*map(_in_order, (self.placed, self.fills, self.changes, self.ends))).parts()


def _in_order(items: Iterable[tuple[Any, ExecutionData]]) -> list[ExecutionData]:
    return [item for _, item in sorted(items, key=lambda one: one[0])]


def _tell(
    row: OrderRow,
    placing: PlaceOrder,
    happened: Mapping[int, Happened],
    after: int,
    market: Market,
    told: defaultdict[int, _Event],
) -> None:
    """Goes through the order's life again, and tells what comes after ``after``."""
    order = LiveOrder(row.seq, row.order_id, row.created_at_us, placing)
    later = [fill for one in happened.values() for fill in one.fills]
    order.filled_lots = row.filled_lots - sum(fill.quantity_lots for fill in later)
    order.filled_quote_atoms = row.filled_quote_atoms - sum(fill.quote_atoms for fill in later)
    order.fee_atoms = row.fee_atoms - sum(fill.taker_fee_atoms + fill.maker_fee_atoms for fill in later)
    for seq in sorted(happened):
        one = happened[seq]
        for step in one.steps:
            _apply(order, step)
        if seq <= after:
            continue
        sums = order.filled_lots, order.filled_quote_atoms
        for fill in one.fills:
            order.filled_lots += fill.quantity_lots
            order.filled_quote_atoms += fill.quote_atoms
            order.fee_atoms += fill.taker_fee_atoms + fill.maker_fee_atoms
        order.updated_at_us, order.updated_seq = one.at_us, seq
        if seq == row.updated_seq:
            _become(order, row)
        _tell_event(order, one, sums, market, told[seq])


def _tell_event(order: LiveOrder, one: Happened, sums: tuple[int, int], market: Market, told: _Event) -> None:
    if one.placed is not None:
        told.placed.append(((one.placed,), messages.order_state(order.as_placed(), market, "new")))
    lots, quote = sums
    for fill in one.fills:
        lots, quote = lots + fill.quantity_lots, quote + fill.quote_atoms
        item = messages.execution(order, market, fill, one.at_us, lots, quote)
        told.fills.append(((fill.trade, fill.maker_order), item))
    changes = [
        (step.place, _KINDS.get(step.kind, "restated"))
        for step in one.steps
        if step.kind in _KINDS or (step.kind == "prevented" and step.details["mode"] == "decrement")
    ]
    if order.status not in OPEN_STATUSES:
        last_trade = one.fills[-1].trade if one.fills else 0
        told.ends.append(((last_trade, age(order.seq)), messages.order_state(order, market, ENDS[order.status])))
    elif changes:
        item = messages.order_state(order, market, changes[-1][1])
        told.changes.append(((changes[0][0], age(order.seq)), item))


def _apply(order: LiveOrder, step: Step) -> None:
    """As ``LiveState`` takes the step over."""
    details = step.details
    price, trigger = details.get("price_ticks"), details.get("trigger_ticks")
    pegged = order.options is not None and order.options.peg != "none"
    if step.kind == "waiting":
        order.status = "waiting"
    elif step.kind == "triggered":
        order.status = "open"
    elif step.kind == "amended":
        order.price_ticks = order.price_ticks if pegged else price
        if order.quantity_lots is not None:
            order.quantity_lots = details["quantity_lots"]
        if order.options is not None and trigger is not None:
            order.options = replace(order.options, trigger_ticks=trigger)
    elif step.kind == "repriced" and order.post_only == "reprice":
        order.price_ticks = price
    elif step.kind == "repriced":
        order.status = "waiting" if price is None else "open"
    elif step.kind == "prevented" and details["mode"] == "decrement" and order.quantity_lots is not None:
        order.quantity_lots -= details["prevented_lots"]


def _become(order: LiveOrder, row: OrderRow) -> None:
    """After the last event that changed it the order is as its row has it."""
    order.price_ticks, order.quantity_lots, order.options = row.price_ticks, row.quantity_lots, row.options
    order.status, order.reason = row.status, row.reason
