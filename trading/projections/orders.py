"""Orders, trades and fills as rows: what a batch of events adds, and how it changes orders that were there."""

import msgspec

from trading.bulk import column, rows_from
from trading.engine.commands import PlaceOrder
from trading.engine.outcomes import Filled, OrderAccepted, OrderCancelled, OrderFilled, OrderRejected
from trading.fold import Applied
from trading.live import cancelled_status

PREPARE = f"""
PREPARE put_orders (text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text,
                    text, text, text) AS
    INSERT INTO trading_order (seq, id, account_id, client_order_id, market, side, type, time_in_force, post_only,
        price_ticks, quantity_lots, budget_atoms, filled_lots, filled_quote_atoms, fee_atoms, status, reason,
        created_at_us, updated_at_us, updated_seq)
    SELECT seq::bigint, id::uuid, account::bigint, nullif(client, ''), market, side, type, tif, post_only,
           nullif(price, '')::bigint, nullif(quantity, '')::bigint, nullif(budget, '')::numeric, filled::bigint,
           quote::numeric, fee::numeric, status, nullif(reason, ''), created::bigint, updated::bigint, updated_seq::bigint
      FROM {rows_from(1, 20)} AS t (seq, id, account, client, market, side, type, tif, post_only, price, quantity,
           budget, filled, quote, fee, status, reason, created, updated, updated_seq, n);
PREPARE change_orders (text, text, text, text, text, text, text, text) AS
    UPDATE trading_order o SET
        filled_lots = o.filled_lots + c.lots::bigint,
        filled_quote_atoms = o.filled_quote_atoms + c.quote::numeric,
        fee_atoms = o.fee_atoms + c.fee::numeric,
        status = coalesce(nullif(c.status, ''), o.status),
        reason = coalesce(nullif(c.reason, ''), o.reason),
        updated_at_us = c.at_us::bigint,
        updated_seq = c.updated_seq::bigint
    FROM {rows_from(1, 8)} AS c (seq, lots, quote, fee, status, reason, at_us, updated_seq, n)
    WHERE o.seq = c.seq::bigint;
PREPARE put_trades (text, text, text, text, text, text, text, text) AS
    INSERT INTO trade (id, seq, market, at_us, price_ticks, quantity_lots, quote_atoms, taker_side)
    SELECT id::bigint, seq::bigint, market, at_us::bigint, price::bigint, lots::bigint, quote::numeric, side
      FROM {rows_from(1, 8)} AS t (id, seq, market, at_us, price, lots, quote, side, n);
PREPARE put_fills (text, text, text, text, text, text, text) AS
    INSERT INTO fill (id, trade_id, order_seq, account_id, side, liquidity, fee_atoms)
    SELECT id::bigint, trade::bigint, seq::bigint, account::bigint, side, liquidity, fee::numeric
      FROM {rows_from(1, 7)} AS t (id, trade, seq, account, side, liquidity, fee, n)
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
    """Collects the orders, trades and fills of a batch of events."""

    def __init__(self) -> None:
        self._changes: dict[int, Change] = {}
        self._trades: list[tuple[object, ...]] = []
        self._fills: list[tuple[object, ...]] = []

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
                change.status, change.reason = "rejected", outcome.reason.value  # type: ignore[union-attr]
            elif kind is OrderCancelled:
                change = self._change(event, outcome.order)  # type: ignore[union-attr]
                change.status = cancelled_status(outcome, change.lots)  # type: ignore[arg-type]
                change.reason = outcome.reason.value  # type: ignore[union-attr]

    def statements(self) -> list[str]:
        new = [_order_row(change) for change in self._changes.values() if change.placed is not None]
        old = [_change_row(order, change) for order, change in self._changes.items() if change.placed is None]
        return [
            _execute(name, rows)
            for name, rows in (
                ("put_orders", new),
                ("change_orders", old),
                ("put_trades", self._trades),
                ("put_fills", self._fills),
            )
            if rows
        ]

    def _change(self, event: Applied, order: int) -> Change:
        change = self._changes.get(order)
        if change is None:
            change = self._changes[order] = Change()
        change.at_us, change.seq = event.at_us, event.seq
        return change

    def _add_fill(self, event: Applied, fill: Filled) -> None:
        taker, maker, trade = fill.taker_order, fill.maker_order, fill.trade
        side = fill.taker_side
        lots, quote = fill.quantity_lots, fill.quote_atoms
        self._trades.append((trade, event.seq, fill.market, event.at_us, fill.price_ticks, lots, quote, side))
        self._fills.append((2 * trade - 1, trade, taker, fill.taker_account, side, "taker", fill.taker_fee_atoms))
        maker_side = "sell" if side == "buy" else "buy"
        self._fills.append((2 * trade, trade, maker, fill.maker_account, maker_side, "maker", fill.maker_fee_atoms))
        for order, fee in ((taker, fill.taker_fee_atoms), (maker, fill.maker_fee_atoms)):
            change = self._change(event, order)
            change.lots += lots
            change.quote += quote
            change.fee += fee


def _order_row(change: Change) -> tuple[object, ...]:
    event = change.placed
    if event is None or type(event.command) is not PlaceOrder or change.status is None:
        raise ValueError(f"not a complete order: {change}")
    command = event.command
    return (
        event.seq,
        event.command_id,
        command.account,
        command.client_order_id,
        command.market,
        command.side,
        command.type,
        command.time_in_force,
        command.post_only,
        command.price_ticks,
        command.quantity_lots,
        command.budget_atoms,
        change.lots,
        change.quote,
        change.fee,
        change.status,
        change.reason,
        event.at_us,
        change.at_us,
        change.seq,
    )


def _change_row(order: int, change: Change) -> tuple[object, ...]:
    return (
        order,
        change.lots,
        change.quote,
        change.fee,
        change.status,
        change.reason,
        change.at_us,
        change.seq,
    )


def _execute(name: str, rows: list[tuple[object, ...]]) -> str:
    return f"EXECUTE {name}({', '.join(map(column, zip(*rows, strict=True)))})"
