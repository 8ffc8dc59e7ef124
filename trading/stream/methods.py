"""What clients may ask of ``/stream``: the parameters of each method. The fields are Kraken's, and some of ours.

Numbers may be JSON numbers or texts; ``requests`` makes exact texts of them.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from trading.engine.commands import SelfTradePrevention, Side

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


PUBLIC_CHANNELS = ("book", "level3", "trade", "ticker", "ohlc")
"""Of markets; ``status`` is public too, and of no market."""
PRIVATE_CHANNELS = ("executions", "balances")


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
