"""Orders, trades and fills as rows. New rows go by COPY, changes of older orders by one UPDATE per batch."""

import msgspec
import psycopg

from trading.engine.commands import PlaceOrder
from trading.engine.outcomes import Filled, OrderAccepted, OrderCancelled, OrderFilled, OrderRejected
from trading.live import cancelled_status
from trading.replica import Applied

Connection = psycopg.Connection[tuple[object, ...]]

_COPY_ORDERS = (
    "COPY trading_order (seq, id, account_id, client_order_id, market, side, type, time_in_force, post_only,"
    " price_ticks, quantity_lots, budget_atoms, filled_lots, filled_quote_atoms, fee_atoms, status, reason,"
    " created_at_us, updated_at_us, updated_seq) FROM STDIN"
)
_COPY_TRADES = "COPY trade (id, seq, market, at_us, price_ticks, quantity_lots, quote_atoms, taker_side) FROM STDIN"
_COPY_FILLS = "COPY fill (trade_id, order_seq, account_id, side, liquidity, fee_atoms) FROM STDIN"
_UPDATE_ORDERS = """
UPDATE trading_order o SET
    filled_lots = o.filled_lots + c.lots,
    filled_quote_atoms = o.filled_quote_atoms + c.quote,
    fee_atoms = o.fee_atoms + c.fee,
    status = coalesce(c.status, o.status),
    reason = coalesce(c.reason, o.reason),
    updated_at_us = c.at_us,
    updated_seq = c.updated_seq
FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])
     AS c(seq, lots, quote, fee, status, reason, at_us, updated_seq)
WHERE o.seq = c.seq
"""


class Change(msgspec.Struct):
    """What a batch does to one order. ``placed`` is its event if that is in the batch."""

    placed: Applied | None = None
    lots: int = 0
    quote: int = 0
    fee: int = 0
    status: str | None = None
    reason: str | None = None
    at_us: int = 0
    seq: int = 0


class OrderBatch:
    """Collects the orders, trades and fills of a batch of events, then writes them."""

    def __init__(self) -> None:
        self._changes: dict[int, Change] = {}
        self._trades: list[str] = []
        self._fills: list[str] = []

    def add(self, event: Applied) -> None:
        if type(event.command) is PlaceOrder:
            self._changes[event.seq] = Change(placed=event)
        for outcome in event.outcomes:
            kind = type(outcome)
            if kind is Filled:
                self._add_fill(event, outcome)  # type: ignore[arg-type]
            elif kind is OrderAccepted:
                self._change(event, outcome.order).status = "open"  # type: ignore[union-attr]
            elif kind is OrderFilled:
                self._change(event, outcome.order).status = "filled"  # type: ignore[union-attr]
            elif kind is OrderRejected:
                change = self._change(event, outcome.order)  # type: ignore[union-attr]
                change.status, change.reason = "rejected", outcome.reason  # type: ignore[union-attr]
            elif kind is OrderCancelled:
                change = self._change(event, outcome.order)  # type: ignore[union-attr]
                change.status = cancelled_status(outcome, change.lots)  # type: ignore[arg-type]
                change.reason = outcome.reason  # type: ignore[union-attr]

    def write(self, connection: Connection) -> None:
        new = [change for change in self._changes.values() if change.placed is not None]
        old = [(number, change) for number, change in self._changes.items() if change.placed is None]
        with connection.cursor() as cursor:
            for statement, rows in (
                (_COPY_ORDERS, [_order_row(change) for change in new]),
                (_COPY_TRADES, self._trades),
                (_COPY_FILLS, self._fills),
            ):
                if rows:
                    with cursor.copy(statement) as copy:
                        copy.write("".join(rows))
            if old:
                cursor.execute(_UPDATE_ORDERS, _columns(old))

    def _change(self, event: Applied, order: int) -> Change:
        change = self._changes.get(order)
        if change is None:
            change = self._changes[order] = Change()
        change.at_us, change.seq = event.at_us, event.seq
        return change

    def _add_fill(self, event: Applied, fill: Filled) -> None:
        maker_side = "sell" if fill.taker_side == "buy" else "buy"
        self._trades.append(
            f"{fill.trade}\t{event.seq}\t{fill.market}\t{event.at_us}\t{fill.price_ticks}\t{fill.quantity_lots}\t"
            f"{fill.quote_atoms}\t{fill.taker_side}\n"
        )
        self._fills.append(
            f"{fill.trade}\t{fill.taker_order}\t{fill.taker_account}\t{fill.taker_side}\ttaker\t"
            f"{fill.taker_fee_atoms}\n"
            f"{fill.trade}\t{fill.maker_order}\t{fill.maker_account}\t{maker_side}\tmaker\t{fill.maker_fee_atoms}\n"
        )
        for order, fee in ((fill.taker_order, fill.taker_fee_atoms), (fill.maker_order, fill.maker_fee_atoms)):
            change = self._change(event, order)
            change.lots += fill.quantity_lots
            change.quote += fill.quote_atoms
            change.fee += fee


def _order_row(change: Change) -> str:
    event = change.placed
    if event is None or type(event.command) is not PlaceOrder or change.status is None:
        raise ValueError(f"not a complete order: {change}")
    command = event.command
    client_order_id = "\\N" if command.client_order_id is None else command.client_order_id
    return (
        f"{event.seq}\t{event.command_id}\t{command.account}\t{client_order_id}\t{command.market}\t{command.side}\t"
        f"{command.type}\t{command.time_in_force}\t{command.post_only}\t{_or_null(command.price_ticks)}\t"
        f"{_or_null(command.quantity_lots)}\t{_or_null(command.budget_atoms)}\t{change.lots}\t{change.quote}\t"
        f"{change.fee}\t{change.status}\t{_or_null(change.reason)}\t{event.at_us}\t{change.at_us}\t{change.seq}\n"
    )


def _or_null(value: int | str | None) -> int | str:
    return "\\N" if value is None else value


def _columns(old: list[tuple[int, Change]]) -> list[list[object]]:
    return [
        [number for number, _ in old],
        [change.lots for _, change in old],
        [change.quote for _, change in old],
        [change.fee for _, change in old],
        [change.status for _, change in old],
        [change.reason for _, change in old],
        [change.at_us for _, change in old],
        [change.seq for _, change in old],
    ]
