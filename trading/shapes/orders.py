"""Orders and fills as they are told."""

from typing import Annotated, Any, Literal, Protocol

from msgspec import Meta, Struct

from trading.engine.commands import Leg, Options, OrderType, SelfTradePrevention, Side
from trading.engine.numbers import leg_number
from trading.instruments import Market
from trading.order_facts import NO_OPTIONS, leg_id

from .fields import LIMIT_TYPES
from .texts import at_text


class FeeBody(Struct):
    asset: str
    amount: str


class FillBody(Struct, kw_only=True, omit_defaults=True):
    """One fill. In GET /trade/fills with its order, market, side and sequence."""

    id: int
    price: str
    quantity: str
    quote_quantity: str
    fee: str
    fee_asset: str
    liquidity: Literal["maker", "taker"]
    at: str
    order_id: str | None = None
    market: str | None = None
    side: Side | None = None
    sequence: int | None = None


class LegBody(Struct, kw_only=True):
    """A leg as it was asked for. ``id`` is its order's, once there is one."""

    id: str
    type: OrderType
    price: str | None
    slippage_price: str | None
    trigger_price: str | None
    trailing_offset: str | None


class PegBody(Struct, kw_only=True):
    reference: Literal["best_bid", "best_offer"]
    offset: str


class OrderStepBody(Struct, kw_only=True):
    """One step of an order's life. ``details``: what it came with, by the names that orders and fills have.

    ``kind``: ``placed``, ``fill``, ``waiting``, ``triggered``, ``amended``, ``repriced``, ``refreshed``, ``prevented``, ``leg``,
    or how it ended: its last status.
    """

    sequence: int
    at: str
    kind: str
    details: dict[str, Any]


class OrderHistory(Struct):
    """Oldest first."""

    items: list[OrderStepBody]
    next_cursor: str | None


class OrderBody(Struct, kw_only=True):
    """An order as it stands at ``sequence``."""

    id: str
    client_order_id: str | None
    market: str
    side: Side
    type: str
    time_in_force: str
    price: str | None
    slippage_price: str | None
    quantity: str | None
    quote_quantity: str | None
    filled_quantity: str
    remaining_quantity: str | None
    average_price: str | None
    post_only: str
    expires_at: str | None
    self_trade_prevention: SelfTradePrevention
    display_quantity: str | None
    trigger_price: str | None
    trailing_offset: str | None
    deadline_at: str | None
    keep_on_disconnect: bool
    oco: LegBody | None
    on_fill: list[LegBody]
    peg: PegBody | None
    fees: list[FeeBody]
    status: Literal["waiting", "open", "filled", "cancelled", "expired", "rejected"]
    reason: str | None
    created_at: str
    updated_at: str
    sequence: int
    fills: list[FillBody]


class OrderPreview(Struct, kw_only=True):
    """What would become of an order if it were placed now; nothing was done.

    ``quote_quantity`` is what would trade at once, and ``fee`` what that would cost. ``open_quantity`` would stay open, in the
    book at ``price`` or waiting, and hold ``held``.
    """

    market: str
    side: Side
    type: str
    filled_quantity: str
    quote_quantity: str
    average_price: str | None
    fee: str
    fee_asset: str
    open_quantity: str
    price: str | None
    held: str
    held_asset: str


BatchItem = Annotated[
    Any,
    Meta(
        extra_json_schema={
            "anyOf": [{"$ref": "#/components/schemas/OrderBody"}, {"$ref": "#/components/schemas/ProblemBody"}]
        }
    ),
]


class BatchBody(Struct):
    """One item for each order of the request, in its order: the order, or the problem with it.

    ``cancelled``: how many orders were cancelled to be replaced.
    """

    items: list[BatchItem]
    cancelled: int


class CancelAfterBody(Struct):
    """``due_at``: when my orders are cancelled; null for never."""

    due_at: str | None


class OrderList(Struct):
    items: list[OrderBody]
    next_cursor: str | None


class FillList(Struct):
    items: list[FillBody]
    next_cursor: str | None


class Cancelled(Struct):
    cancelled: int


class OrderLike(Protocol):
    """What LiveOrder and queries.OrderRow have in common."""

    seq: Any
    order_id: Any
    account: Any
    client_order_id: Any
    market: Any
    side: Any
    type: Any
    time_in_force: Any
    post_only: Any
    price_ticks: Any
    quantity_lots: Any
    budget_atoms: Any
    filled_lots: Any
    filled_quote_atoms: Any
    fee_atoms: Any
    options: Any
    status: Any
    reason: Any
    created_at_us: Any
    updated_at_us: Any
    updated_seq: Any


def order_body(order: OrderLike, market: Market, fills: list[FillBody]) -> OrderBody:
    is_limit = order.type in LIMIT_TYPES
    options: Options = order.options or NO_OPTIONS
    price = None if order.price_ticks is None else market.price(order.price_ticks)
    lots = order.quantity_lots
    return OrderBody(
        id=order.order_id,
        client_order_id=order.client_order_id,
        market=order.market,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        price=price if is_limit else None,
        slippage_price=None if is_limit else price,
        quantity=None if lots is None else market.quantity(lots),
        quote_quantity=None if order.budget_atoms is None else market.quote.text(order.budget_atoms),
        filled_quantity=market.quantity(order.filled_lots),
        remaining_quantity=None if lots is None else market.quantity(lots - order.filled_lots),
        average_price=(
            market.average_price(order.filled_quote_atoms, order.filled_lots) if order.filled_lots else None
        ),
        post_only=order.post_only,
        expires_at=None if options.expires_at_us is None else at_text(options.expires_at_us),
        self_trade_prevention=options.self_trade_prevention,
        display_quantity=None if options.display_lots is None else market.quantity(options.display_lots),
        trigger_price=None if options.trigger_ticks is None else market.price(options.trigger_ticks),
        trailing_offset=None if options.trailing_ticks is None else market.price(options.trailing_ticks),
        deadline_at=None if options.deadline_us is None else at_text(options.deadline_us),
        keep_on_disconnect=options.keep_on_disconnect,
        oco=None if options.oco is None else _leg_body(options.oco, order.seq, 1, market),
        on_fill=[_leg_body(leg, order.seq, place, market) for place, leg in enumerate(options.on_fill, start=1)],
        peg=None
        if options.peg == "none"
        else PegBody(reference=options.peg, offset=market.price(options.peg_offset_ticks)),
        fees=[FeeBody(market.quote.definition.asset, market.quote.text(order.fee_atoms))] if order.fee_atoms else [],
        status=order.status,
        reason=order.reason,
        created_at=at_text(order.created_at_us),
        updated_at=at_text(order.updated_at_us),
        sequence=order.updated_seq,
        fills=fills,
    )


def _leg_body(leg: Leg, parent: int, place: int, market: Market) -> LegBody:
    is_limit = leg.type in LIMIT_TYPES
    price = None if leg.price_ticks is None else market.price(leg.price_ticks)
    return LegBody(
        id=leg_id(leg_number(parent, place)),
        type=leg.type,
        price=price if is_limit else None,
        slippage_price=None if is_limit else price,
        trigger_price=None if leg.trigger_ticks is None else market.price(leg.trigger_ticks),
        trailing_offset=None if leg.trailing_ticks is None else market.price(leg.trailing_ticks),
    )
