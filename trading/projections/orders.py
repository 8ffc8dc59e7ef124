"""Orders, trades and fills as rows: what a batch of events adds, and how it changes orders that were there."""

from dataclasses import replace

import msgspec

from trading.applied import Applied
from trading.bulk import column, rows_from
from trading.engine.commands import PlaceOrder
from trading.engine.numbers import PARENT_MASK
from trading.engine.outcomes import (
    BalanceChanged,
    Filled,
    LegPlaced,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderRefreshed,
    OrderRejected,
    OrderRepriced,
    OrderRested,
    OrderTriggered,
    OrderWaiting,
    Outcome,
    SelfTradePrevented,
)
from trading.journal.records import given
from trading.order_facts import (
    brought,
    cancelled_reason,
    cancelled_status,
    is_pegged,
    leg_id,
    leg_order,
    reduced_orders,
)

from . import steps
from .steps import Row

PREPARE = f"""
PREPARE put_orders (text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text,
                    text, text, text, text) AS
    INSERT INTO trading_order (seq, id, account_id, client_order_id, market, side, type, time_in_force, post_only,
        price_ticks, quantity_lots, budget_atoms, filled_lots, filled_quote_atoms, fee_atoms, status, reason,
        created_at_us, updated_at_us, updated_seq, options)
    SELECT seq::bigint, id::uuid, account::bigint, nullif(client, ''), market, side, type, tif, post_only,
           nullif(price, '')::bigint, nullif(quantity, '')::bigint, nullif(budget, '')::numeric, filled::bigint,
           quote::numeric, fee::numeric, status, nullif(reason, ''), created::bigint, updated::bigint,
           updated_seq::bigint, nullif(options, '')::jsonb
      FROM {rows_from(1, 21)} AS t (seq, id, account, client, market, side, type, tif, post_only, price, quantity,
           budget, filled, quote, fee, status, reason, created, updated, updated_seq, options, n);
PREPARE complete_legs (text) AS
    UPDATE trading_order l SET options = nullif(coalesce(l.options, '{{}}') || jsonb_strip_nulls(jsonb_build_object(
        'self_trade_prevention', p.options -> 'self_trade_prevention',
        'keep_on_disconnect', p.options -> 'keep_on_disconnect')), '{{}}')
    FROM {rows_from(1, 1)} AS c (seq, n) JOIN trading_order p ON p.seq = c.seq::bigint & {PARENT_MASK}
    WHERE l.seq = c.seq::bigint;
PREPARE amend_orders (text, text, text, text, text) AS
    UPDATE trading_order o SET
        price_ticks = CASE WHEN o.options ? 'peg' THEN o.price_ticks
            ELSE coalesce(nullif(c.price, '')::bigint, o.price_ticks) END,
        quantity_lots = CASE WHEN o.quantity_lots IS NOT NULL
            THEN coalesce(nullif(c.quantity, '')::bigint, o.quantity_lots) - c.less::bigint END,
        options = CASE WHEN coalesce(c.trigger, '') = '' THEN o.options
            ELSE o.options || jsonb_build_object('trigger_ticks', c.trigger::bigint) END
    FROM {rows_from(1, 5)} AS c (seq, price, quantity, less, trigger, n)
    WHERE o.seq = c.seq::bigint;
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
    """What a batch does to one order. ``placed``: the order as it was placed, if that is in the batch, with its id and time.

    ``price``, ``quantity`` and ``trigger`` are what it was changed to, None for no change; ``less`` is what self-trade
    prevention took from its quantity after that.
    """

    placed: PlaceOrder | None = None
    order_id: str = ""
    created_at_us: int = 0
    lots: int = 0
    quote: int = 0
    fee: int = 0
    status: str | None = None
    reason: str | None = None
    at_us: int = 0
    seq: int = 0
    price: int | None = None
    quantity: int | None = None
    less: int = 0
    trigger: int | None = None


class OrderBatch:
    """Collects the orders, trades, fills and rare steps of a batch of events."""

    def __init__(self) -> None:
        self._changes: dict[int, Change] = {}
        self._trades: list[Row] = []
        self._fills: list[Row] = []
        self._legs: list[Row] = []
        self._steps: list[Row] = []

    def add(self, event: Applied) -> None:
        trade = 0
        for place, outcome in enumerate(event.outcomes):
            kind = type(outcome)
            if kind is BalanceChanged or kind is OrderRested:
                continue  # half of all outcomes, and nothing to do
            if kind is Filled:
                self._add_fill(event, outcome)  # type: ignore[arg-type]
                trade = outcome.trade  # type: ignore[union-attr]
            elif kind is OrderAccepted:
                self._placed(event, outcome.order).status = "open"  # type: ignore[union-attr]
            elif kind is OrderFilled:
                self._change(event, outcome.order).status = "filled"  # type: ignore[union-attr]
            elif kind is OrderRejected:
                change = self._placed(event, outcome.order)  # type: ignore[union-attr]
                change.status, change.reason = "rejected", outcome.reason.value  # type: ignore[union-attr]
            elif kind is OrderCancelled:
                change = self._change(event, outcome.order)  # type: ignore[union-attr]
                change.status = cancelled_status(outcome, change.lots)  # type: ignore[arg-type]
                change.reason = cancelled_reason(outcome, event.record.request_id)  # type: ignore[arg-type]
            elif kind in steps.KINDS:
                self._steps += steps.rows(event, place, trade)
                self._add_rare(event, place, outcome)

    def statements(self) -> list[str]:
        """In an order in which no order is ever filled beyond its quantity."""
        changes = self._changes.items()
        new = [_order_row(order, change) for order, change in changes if change.placed is not None]
        old = [(order, change) for order, change in changes if change.placed is None]
        return [
            _execute(name, rows)
            for name, rows in (
                ("put_orders", new),
                ("complete_legs", self._legs),
                ("amend_orders", [_amendment(*one) for one in old if _is_amended(one[1])]),
                ("change_orders", [_change_row(*one) for one in old]),
                ("put_trades", self._trades),
                ("put_fills", self._fills),
                ("put_steps", self._steps),
            )
            if rows
        ]

    def _placed(self, event: Applied, order: int) -> Change:
        """The change of an order that this event brings; a leg's was begun when it was told of."""
        change = self._change(event, order)
        if order == event.seq:
            change.placed, change.order_id, change.created_at_us = brought(event.command), event.command_id, event.at_us
        return change

    def _add_rare(self, event: Applied, place: int, outcome: Outcome) -> None:
        match outcome:
            case OrderWaiting(order=order):
                self._change(event, order).status = "waiting"
            case OrderTriggered(order=order):
                self._change(event, order).status = "open"
            case OrderAmended(order=order):
                change = self._change(event, order)
                change.price, change.quantity, change.less = outcome.price_ticks, outcome.quantity_lots, 0
                change.trigger = change.trigger if outcome.trigger_ticks is None else outcome.trigger_ticks
            case OrderRepriced(order=order, price_ticks=price):
                change = self._change(event, order)
                if change.placed is not None and change.placed.post_only == "reprice":
                    change.price = price
                else:
                    change.status = "waiting" if price is None else "open"
            case OrderRefreshed(order=order):
                self._change(event, order)
            case SelfTradePrevented():
                self._add_prevented(event, place, outcome)
            case LegPlaced(order=order):
                change = self._change(event, order)
                change.placed, change.order_id, change.created_at_us = (
                    leg_order(outcome, None),
                    leg_id(order),
                    event.at_us,
                )
                self._legs.append((order,))

    def _add_prevented(self, event: Applied, place: int, prevented: SelfTradePrevented) -> None:
        for order in (prevented.taker_order, prevented.maker_order):
            self._change(event, order)
        for order in reduced_orders(event.outcomes, place):
            self._change(event, order).less += prevented.prevented_lots

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


def _order_row(order: int, change: Change) -> Row:
    place = change.placed
    if place is None or change.status is None:
        raise ValueError(f"not a complete order: {change}")
    price, quantity, options = place.price_ticks, place.quantity_lots, place.options
    if _is_amended(change):
        price = price if change.price is None or is_pegged(options) else change.price
        quantity = None if quantity is None else (change.quantity or quantity) - change.less
        options = (
            options if options is None or change.trigger is None else replace(options, trigger_ticks=change.trigger)
        )
    return (
        order,
        change.order_id,
        place.account,
        place.client_order_id,
        place.market,
        place.side,
        place.type,
        place.time_in_force,
        place.post_only,
        price,
        quantity,
        place.budget_atoms,
        change.lots,
        change.quote,
        change.fee,
        change.status,
        change.reason,
        change.created_at_us,
        change.at_us,
        change.seq,
        None if options is None else msgspec.json.encode(given(options)).decode(),
    )


def _is_amended(change: Change) -> bool:
    return change.less != 0 or not (change.price is None and change.quantity is None and change.trigger is None)


def _amendment(order: int, change: Change) -> Row:
    return order, change.price, change.quantity, change.less, change.trigger


def _change_row(order: int, change: Change) -> Row:
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


def _execute(name: str, rows: list[Row]) -> str:
    return f"EXECUTE {name}({', '.join(map(column, zip(*rows, strict=True)))})"
