"""The shapes of ``/stream``: one schema for what is read, what is written, and the AsyncAPI document.

They follow Kraken's WebSocket v2. Numbers are JSON numbers that carry the exact decimal text, so they are made of text
and read as text. Times are RFC 3339 in UTC with microseconds. A field that is UNSET is left out.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from trading.engine.commands import SelfTradePrevention, Side
from trading.shapes import Number

NULL = msgspec.Raw(b"null")
_NUMERIC = {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]}
_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]}
Numeric = Annotated[msgspec.Raw, Meta(extra_json_schema=_NUMERIC)]
"""A decimal number as a JSON number or as text."""
Texts = Annotated[msgspec.Raw, Meta(extra_json_schema=_TEXTS)]
"""A text or a list of texts."""


def _null() -> msgspec.Raw:
    """A factory, since a schema cannot show such a default."""
    return NULL


def _no_params() -> msgspec.Raw:
    return msgspec.Raw(b"{}")


Channel = Literal["book", "level3", "trade", "ticker", "ohlc", "status", "executions", "balances"]
PUBLIC_CHANNELS = ("book", "level3", "trade", "ticker", "ohlc")
"""Of markets; ``status`` is public too, and of no market."""
PRIVATE_CHANNELS = ("executions", "balances")

# Requests


class Triggers(Struct):
    """When a waiting order acts. ``price_type`` of a trailing stop is ``quote``: ``price`` is then the distance."""

    reference: Literal["last"] = "last"
    price: Numeric = field(default_factory=_null)
    price_type: Literal["static", "quote"] = "static"


class LegParams(Struct):
    """As in REST, but numbers may be JSON numbers."""

    type: str
    price: Numeric = field(default_factory=_null)
    slippage_price: Numeric = field(default_factory=_null)
    trigger_price: Numeric = field(default_factory=_null)
    trailing_offset: Numeric = field(default_factory=_null)


class PegParams(Struct):
    reference: Literal["best_bid", "best_offer"]
    offset: Numeric = field(default_factory=_null)


class OrderParams(Struct):
    """An order to place. Fields of Kraken's that mean nothing here are ignored."""

    symbol: Texts = field(default_factory=_null)
    side: Side | None = None
    order_type: str | None = None
    order_qty: Numeric = field(default_factory=_null)
    cash_order_qty: Numeric = field(default_factory=_null)
    limit_price: Numeric = field(default_factory=_null)
    triggers: Triggers | None = None
    activation_price: Numeric = field(default_factory=_null)
    time_in_force: str | None = None
    expire_time: str | None = None
    deadline: str | None = None
    post_only: bool | Literal["reject", "reprice"] = False
    display_qty: Numeric = field(default_factory=_null)
    stp_type: SelfTradePrevention | None = None
    cl_ord_id: Texts = field(default_factory=_null)
    keep_on_disconnect: bool = False
    oco: LegParams | None = None
    on_fill: list[LegParams] = []
    peg: PegParams | None = None
    margin: bool = False
    reduce_only: bool = False
    validate: bool = False


class AddOrder(OrderParams):
    token: str | None = None


class AmendOrder(Struct):
    """``order_qty`` is the whole order's, its filled part included."""

    token: str | None = None
    order_id: Texts = field(default_factory=_null)
    cl_ord_id: Texts = field(default_factory=_null)
    order_qty: Numeric = field(default_factory=_null)
    limit_price: Numeric = field(default_factory=_null)
    trigger_price: Numeric = field(default_factory=_null)
    deadline: str | None = None


class CancelOrder(Struct):
    token: str | None = None
    order_id: Texts = field(default_factory=_null)
    cl_ord_id: Texts = field(default_factory=_null)


class CancelAll(Struct):
    token: str | None = None


class BatchAdd(Struct):
    """Orders of one market, or each with its own ``symbol``. ``replace``: my open orders in ``symbol`` are cancelled before."""

    token: str | None = None
    symbol: Texts = field(default_factory=_null)
    orders: list[OrderParams] = []
    replace: bool = False
    deadline: str | None = None


class BatchCancel(Struct):
    """``orders``: ids; ``cl_ord_id``: ids of the client's."""

    token: str | None = None
    orders: Texts = field(default_factory=_null)
    cl_ord_id: Texts = field(default_factory=_null)


class CancelAllOrdersAfter(Struct):
    """``timeout`` in seconds; 0: not any more."""

    token: str | None = None
    timeout: Annotated[int, Meta(ge=0, le=86_400)] | None = None


class CancelOnDisconnect(Struct):
    """``timeout_ms``: a connection from which nothing is heard for so long is taken for lost."""

    token: str | None = None
    enabled: bool = True
    timeout_ms: Annotated[int, Meta(ge=1000, le=600_000)] | None = None


class Subscribe(Struct):
    """``depth``, ``interval_ms``, ``group``: of books. ``interval``: of ``ohlc``, in minutes.

    ``from_sequence``: of private channels; the client has been told all up to that event.
    """

    channel: str | None = None
    symbol: Texts = field(default_factory=_null)
    token: str | None = None
    snapshot: bool = True
    depth: int = 10
    interval_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0
    group: Numeric = field(default_factory=_null)
    interval: int = 1
    from_sequence: Annotated[int, Meta(ge=0, le=2**62)] | None = None
    cancel_on_disconnect: bool = False


class Unsubscribe(Struct):
    """Without ``depth``, ``interval_ms``, ``group`` or ``interval``: whatever they were."""

    channel: str | None = None
    symbol: Texts = field(default_factory=_null)
    token: str | None = None
    depth: int | UnsetType = UNSET
    interval_ms: int | UnsetType = UNSET
    group: Numeric = field(default_factory=_null)
    interval: int | UnsetType = UNSET


class Ping(Struct):
    pass


METHODS: dict[str, type[Struct]] = {
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
    "ping": Ping,
    "add_order": AddOrder,
    "amend_order": AmendOrder,
    "cancel_order": CancelOrder,
    "cancel_all": CancelAll,
    "batch_add": BatchAdd,
    "batch_cancel": BatchCancel,
    "cancel_all_orders_after": CancelAllOrdersAfter,
    "cancel_on_disconnect": CancelOnDisconnect,
}
"""What each method takes as ``params``."""


class Frame(Struct):
    """A request as it comes; the parameters are read once it is known whom to answer."""

    method: str
    params: msgspec.Raw = field(default_factory=_no_params)
    req_id: int | None = None


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
    """``system``: Kraken's word for ``engine``. ``shutdown_at``: when this server closes its connections, if it does."""

    api_version: Literal["v2"]
    version: str
    system: Literal["online", "maintenance"]
    engine: Literal["open", "suspended", "winding_down"]
    markets: dict[str, str]
    notices: list[str]
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
