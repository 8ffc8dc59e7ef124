"""The shapes of what ``/stream`` writes: answers, and what the channels carry. They follow Kraken's WebSocket v2.

Numbers are JSON numbers that carry the exact decimal text, so they are made of text. Times are RFC 3339 in UTC with
microseconds. A field that is UNSET is left out.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from trading.engine.commands import SelfTradePrevention, Side
from trading.shapes.fields import Number
from trading.shapes.notices import Announcement

Channel = Literal["book", "level3", "trade", "ticker", "ohlc", "status", "executions", "balances"]

# Answers


class Subscribed(Struct, kw_only=True, omit_defaults=True):
    channel: Channel
    symbol: str | UnsetType = UNSET
    depth: int | UnsetType = UNSET
    interval_ms: int | UnsetType = UNSET
    group: Number | UnsetType = UNSET
    interval: int | UnsetType = UNSET
    snapshot: bool | UnsetType = UNSET
    from_sequence: int | UnsetType = UNSET
    cancel_on_disconnect: bool | UnsetType = UNSET


class OrderAdded(Struct):
    order_id: str
    cl_ord_id: str | None
    order_status: str


class OrderValid(Struct):
    """The answer of ``validate``: what would become of the order, as REST tells it."""

    preview: dict[str, Any]


class OrderAmended(Struct):
    amend_id: str
    order_id: str
    cl_ord_id: str | None


class OrderCancelled(Struct):
    order_id: str
    cl_ord_id: str | None


class Refused(Struct):
    """One order of several that was refused."""

    error: str
    code: str
    cl_ord_id: str | None = None


def _or_refused(done: type[Struct]) -> dict[str, Any]:
    return {"anyOf": [{"$ref": f"#/components/schemas/{shape.__name__}"} for shape in (done, Refused)]}


AddedItem = Annotated[Any, Meta(extra_json_schema=_or_refused(OrderAdded))]
CancelledItem = Annotated[Any, Meta(extra_json_schema=_or_refused(OrderCancelled))]


class BatchAdded(Struct):
    """One item for each order, in their order."""

    orders: list[AddedItem]
    cancelled: int


class BatchCancelled(Struct):
    count: int
    orders: list[CancelledItem]


class Counted(Struct):
    count: int


class SwitchSet(Struct, rename={"current_time": "currentTime", "trigger_time": "triggerTime"}):
    current_time: str
    trigger_time: str | None


class DisconnectSet(Struct):
    enabled: bool
    timeout_ms: int | None


RESULTS: dict[str, tuple[type[Struct], ...]] = {
    "subscribe": (Subscribed,),
    "unsubscribe": (Subscribed,),
    "ping": (),
    "add_order": (OrderAdded, OrderValid),
    "amend_order": (OrderAmended,),
    "cancel_order": (OrderCancelled,),
    "cancel_all": (Counted,),
    "batch_add": (BatchAdded,),
    "batch_cancel": (BatchCancelled,),
    "cancel_all_orders_after": (SwitchSet,),
    "cancel_on_disconnect": (DisconnectSet,),
}
"""What each method gives as ``result``."""


class Answer(Struct, kw_only=True, omit_defaults=True):
    """Done. ``ping`` is answered as ``pong``."""

    method: str
    success: Literal[True]
    time_in: str
    time_out: str
    result: Any = UNSET
    req_id: int | UnsetType = UNSET
    orders_cancelled: int | UnsetType = UNSET


class Refusal(Struct, kw_only=True, omit_defaults=True):
    """Not done. ``code`` is for programs, one of those that REST has; ``error`` for people."""

    method: str
    success: Literal[False]
    error: str
    code: str
    time_in: str
    time_out: str
    order_id: str | UnsetType = UNSET
    sequence: int | UnsetType = UNSET
    errors: dict[str, list[str]] | UnsetType = UNSET
    retry_after_s: int | UnsetType = UNSET
    req_id: int | UnsetType = UNSET


# What the channels carry


class Level(Struct):
    price: Number
    qty: Number


class BookData(Struct):
    symbol: str
    bids: list[Level]
    asks: list[Level]
    checksum: int
    timestamp: str


class RestingOrder(Struct, kw_only=True, omit_defaults=True):
    """``order_id`` is nobody's: it says only which order of this market an update is about. ``event``: of updates."""

    event: Literal["add", "modify", "delete"] | UnsetType = UNSET
    order_id: str
    limit_price: Number
    order_qty: Number
    timestamp: str


class OwnPlace(Struct):
    """Where an own order stands in its queue. ``resting_id`` is its id among ``bids`` and ``asks``."""

    order_id: str
    cl_ord_id: str | None
    resting_id: str
    side: Side
    limit_price: Number
    order_qty: Number
    orders_ahead: int
    qty_ahead: Number


class Level3Data(Struct, kw_only=True, omit_defaults=True):
    """``own``: with a token, own orders whose place is told anew."""

    symbol: str
    bids: list[RestingOrder]
    asks: list[RestingOrder]
    checksum: int
    timestamp: str
    own: list[OwnPlace] | UnsetType = UNSET


class TradeData(Struct):
    symbol: str
    side: Side
    price: Number
    qty: Number
    ord_type: Literal["limit"]
    trade_id: int
    timestamp: str
    sequence: int


class TickerData(Struct):
    symbol: str
    bid: Number | None
    bid_qty: Number
    ask: Number | None
    ask_qty: Number
    last: Number | None
    volume: Number
    quote_volume: Number
    vwap: Number | None
    open: Number | None
    low: Number | None
    high: Number | None
    change: Number | None
    change_pct: Number | None
    timestamp: str


class CandleData(Struct):
    """``interval`` in minutes. ``timestamp``: the candle's end."""

    symbol: str
    open: Number
    high: Number
    low: Number
    close: Number
    trades: int
    volume: Number
    quote_volume: Number
    vwap: Number | None
    interval_begin: str
    interval: int
    timestamp: str


class StatusData(Struct, kw_only=True):
    """``system``: Kraken's word for ``engine``. ``announcements``: the staff's among the ``notices``, with their fields.
    ``shutdown_at``: when this server closes its connections, if it does.
    """

    api_version: Literal["v2"]
    version: str
    system: Literal["online", "cancel_only", "maintenance"]
    engine: Literal["open", "suspended", "winding_down"]
    markets: dict[str, str]
    notices: list[str]
    announcements: list[Announcement]
    shutdown_at: str | None


class FeePaid(Struct):
    asset: str
    qty: Number


class Trigger(Struct):
    reference: Literal["last"]
    price: Number | None
    trailing_offset: Number | None


class ExecutionData(Struct, kw_only=True, omit_defaults=True):
    """An order that is new, was filled, has changed or has ended, as ``exec_type`` says."""

    order_id: str
    cl_ord_id: str | None
    symbol: str
    side: Side
    order_type: str
    limit_price: Number | None
    order_qty: Number | None
    cash_order_qty: Number | None
    time_in_force: str
    post_only: bool
    created_at: str
    stp_type: SelfTradePrevention | UnsetType = UNSET
    expire_time: str | UnsetType = UNSET
    display_qty: Number | UnsetType = UNSET
    triggers: Trigger | UnsetType = UNSET
    exec_type: Literal[
        "new", "trade", "filled", "canceled", "expired", "amended", "restated", "iceberg_refill", "status"
    ]
    exec_id: str | UnsetType = UNSET
    trade_id: int | UnsetType = UNSET
    order_status: Literal["pending_new", "new", "partially_filled", "filled", "canceled", "expired", "rejected"]
    last_qty: Number | UnsetType = UNSET
    last_price: Number | UnsetType = UNSET
    cost: Number | UnsetType = UNSET
    liquidity_ind: Literal["t", "m"] | UnsetType = UNSET
    fees: list[FeePaid] | UnsetType = UNSET
    cum_qty: Number
    cum_cost: Number
    avg_price: Number
    fee_cost: Number | UnsetType = UNSET
    reason: str | UnsetType | None = UNSET
    timestamp: str


class BalanceData(Struct):
    asset: str
    balance: Number
    available: Number
    held: Number


DATA: dict[str, type[Struct]] = {
    "book": BookData,
    "level3": Level3Data,
    "trade": TradeData,
    "ticker": TickerData,
    "ohlc": CandleData,
    "status": StatusData,
    "executions": ExecutionData,
    "balances": BalanceData,
}
"""What each channel carries in ``data``."""


class Message(Struct, kw_only=True, omit_defaults=True):
    """A message of a channel. ``sequence``: the journal's event up to which it tells.

    ``previous_sequence``, in updates: that of the update before it, 0 for the first; greater than the last that was read: a gap.
    ``part`` of ``parts``: of the messages that one event makes for the private channel ``executions``.
    """

    channel: Channel
    type: Literal["snapshot", "update"]
    data: Any
    sequence: int
    previous_sequence: int | UnsetType = UNSET
    part: int | UnsetType = UNSET
    parts: int | UnsetType = UNSET


class Heartbeat(Struct):
    """Nothing else was sent for a second. ``sequence``: the event at which the server is."""

    channel: Literal["heartbeat"]
    sequence: int
