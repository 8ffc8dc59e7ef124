"""The shapes of the wire contract: one schema for JSON, MessagePack, the stream and OpenAPI.

Amounts are decimal strings, times RFC 3339 in UTC with microseconds. A request refuses fields that it does not know: a
misspelt ``post_only`` must not become a taker order.
"""

import datetime as dt
import time
from functools import lru_cache
from typing import Annotated, Any, Literal, Protocol, overload

import msgspec
from msgspec import Meta, Struct

from .engine.commands import Leg, MarketState, Options, OrderType, PostOnly, SelfTradePrevention, Side, TimeInForce
from .engine.numbers import leg_number
from .instruments import Market
from .order_facts import NO_OPTIONS, leg_id

Amount = Annotated[
    str,
    Meta(
        max_length=61,
        description="A decimal number, without sign or exponent.",
        extra_json_schema={"pattern": r"^[0-9]{1,30}(\.[0-9]{1,30})?$"},
    ),
]
Number = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "number"})]
"""A decimal number as a JSON number, its text as it is. For the shapes of others, which have no decimal strings."""
MarketName = Annotated[str, Meta(max_length=25, description="BASE/QUOTE, as BTC/USD.", examples=["BTC/USD"])]
AssetName = Annotated[str, Meta(max_length=12, examples=["BTC"])]
ClientOrderId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._~:-]{1,64}$", description="Idempotency key of the order, yours alone.")
]
LIMIT_TYPES = frozenset(("limit", "stop_limit", "take_profit_limit"))
"""Types whose price is a limit; of the others it is a slippage cap."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Limit = Annotated[int, Meta(ge=1, le=1000)]
Cursor = Annotated[str, Meta(pattern=r"^[0-9]{1,18}$", description="next_cursor of the page before.")]


class LegRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """An order that depends on another, and has its quantity from there. Good till cancelled."""

    type: OrderType
    price: Amount | None = None
    slippage_price: Amount | None = None
    trigger_price: Amount | None = None
    trailing_offset: Amount | None = None


class PegRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The price that an order follows, ``offset`` away from it: a buy below, a sell above."""

    reference: Literal["best_bid", "best_offer"]
    offset: Amount = "0"


class OrderRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """An order to place.

    ``oco``: the other leg; the one that acts first cancels the other. ``on_fill``: one order, or two of which one cancels the
    other, of the opposite side for what this one has filled when it ends. ``peg``: ``price`` is then the limit of where it goes.
    """

    market: MarketName
    side: Side
    type: OrderType
    quantity: Amount | None = None
    quote_quantity: Amount | None = None
    price: Amount | None = None
    slippage_price: Amount | None = None
    time_in_force: TimeInForce | None = None
    expires_at: dt.datetime | None = None
    post_only: PostOnly = "none"
    self_trade_prevention: SelfTradePrevention = "cancel_newest"
    display_quantity: Amount | None = None
    trigger_price: Amount | None = None
    trailing_offset: Amount | None = None
    client_order_id: ClientOrderId | None = None
    deadline_at: dt.datetime | None = None
    keep_on_disconnect: bool = False
    oco: LegRequest | None = None
    on_fill: Annotated[list[LegRequest], Meta(max_length=2)] = []
    peg: PegRequest | None = None
    validate_only: bool = False


class AmendRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What an open order is to be from now on. ``quantity`` is the whole order's, its filled part included."""

    quantity: Amount | None = None
    price: Amount | None = None
    trigger_price: Amount | None = None
    deadline_at: dt.datetime | None = None


class BatchRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Orders to place one right after the other. ``replace``: my open orders in ``market`` are cancelled before."""

    orders: Annotated[list[OrderRequest], Meta(min_length=1, max_length=100)]
    replace: bool = False
    market: MarketName | None = None


class CancelAfterRequest(Struct, forbid_unknown_fields=True):
    """All my orders are cancelled after so long, unless I ask again before. 0: not any more."""

    timeout_ms: Annotated[int, Meta(ge=0, le=86_400_000)]


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


class BalanceBody(Struct):
    asset: str
    total: str
    available: str
    held: str


class BalanceList(Struct):
    items: list[BalanceBody]
    next_cursor: str | None
    sequence: int


class LedgerLine(Struct):
    id: int
    asset: str
    amount: str
    balance: str
    kind: str
    cause: str
    at: str
    sequence: int


class LedgerPage(Struct):
    items: list[LedgerLine]
    next_cursor: str | None


Totp = Annotated[
    str,
    Meta(
        max_length=32,
        description="Where the account has a second factor: a code of the app, or a recovery code, unless one was proven"
        " on this session within five minutes.",
    ),
]


class TransferRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is to go where: to one of my own trading accounts by its id, or to another person by e-mail."""

    asset: AssetName
    quantity: Amount
    to_account: Annotated[int, Meta(ge=1, le=2**62)] | None = None
    to_email: Annotated[str, Meta(max_length=254)] | None = None
    totp: Totp | None = None


class TransferBody(Struct, kw_only=True):
    """A transfer that was carried out, by the event ``sequence``."""

    id: str
    asset: str
    quantity: str
    to_account: int | None
    to_email: str | None
    sequence: int


class FaucetRequest(Struct, forbid_unknown_fields=True):
    asset: AssetName
    quantity: Amount


class FaucetBody(Struct):
    asset: str
    quantity: str
    sequence: int


class TimeBody(Struct):
    at: str
    unix_us: int


class StatusBody(Struct):
    engine: Literal["open", "suspended", "winding_down"]
    markets: dict[str, str]
    notices: list[str]
    sequence: int


class ConfirmationsBody(Struct):
    """``up_to``: an amount; null for all that is more."""

    up_to: str | None
    confirmations: int


class AssetBody(Struct):
    """``confirmations``: what the smallest deposit takes."""

    asset: str
    name: str
    kind: Literal["crypto", "token", "fiat"]
    decimals: int
    trading_decimals: int
    deposit: bool
    withdrawal: bool
    withdrawal_fee: str | None
    minimum_deposit: str | None
    minimum_withdrawal: str | None
    confirmations: int | None
    confirmations_by_amount: list[ConfirmationsBody]


class AssetList(Struct):
    items: list[AssetBody]
    next_cursor: str | None


class MarketBody(Struct):
    market: str
    base: str
    quote: str
    state: MarketState
    tick_size: str
    lot_size: str
    minimum_quantity: str
    minimum_notional: str
    price_band: str | None
    max_open_orders: int
    maker_fee: str
    taker_fee: str


class MarketList(Struct):
    items: list[MarketBody]
    next_cursor: str | None


class FeeTierBody(Struct):
    tier: int
    maker_fee: str
    taker_fee: str


class MarketFees(Struct):
    market: str
    fee_asset: str
    tiers: list[FeeTierBody]


class FeesBody(Struct):
    items: list[MarketFees]
    next_cursor: str | None


class OrderbookBody(Struct):
    """Levels as [price, quantity], best first."""

    market: str
    sequence: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class TradeBody(Struct):
    id: int
    market: str
    price: str
    quantity: str
    quote_quantity: str
    taker_side: Side
    at: str
    sequence: int


class TradeList(Struct):
    items: list[TradeBody]
    next_cursor: str | None


CandleBody = tuple[int, str, str, str, str, str, str, int]
"""start_us, open, high, low, close, volume, quote_volume, trades"""


class CandleList(Struct):
    items: list[CandleBody]
    next_cursor: str | None


class TickerBody(Struct):
    market: str
    last: str | None
    bid: str | None
    ask: str | None
    open: str | None
    high: str | None
    low: str | None
    volume: str
    quote_volume: str
    change: str | None
    at: str


class TickerList(Struct):
    items: list[TickerBody]
    next_cursor: str | None


class StreamToken(Struct):
    token: str
    expires_at: str


class HealthBody(Struct):
    """``waiting``: commands that are not answered yet."""

    status: Literal["ok", "unavailable"]
    parts: dict[str, str]
    sequence: int
    projected_sequence: int
    waiting: int


class ProblemBody(Struct, kw_only=True, omit_defaults=True):
    """RFC 9457. ``code`` is for programs, ``detail`` for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    order_id: str | None = None
    sequence: int | None = None
    errors: dict[str, list[str]] | None = None
    retry_after_s: int | None = None


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


def at_text(at_us: int) -> str:
    """RFC 3339 with microseconds, UTC."""
    second, us = divmod(at_us, 1_000_000)
    return f"{_second_text(second)}.{us:06d}Z"


@overload
def datetime_text(at: dt.datetime) -> str: ...


@overload
def datetime_text(at: None) -> None: ...


def datetime_text(at: dt.datetime | None) -> str | None:
    """A time of the database, as at_text says it."""
    return None if at is None else at_text((at - _EPOCH) // dt.timedelta(microseconds=1))


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def fraction_text(ppm: int) -> str:
    """Parts per million as a decimal fraction."""
    if ppm < 0:
        return f"-{fraction_text(-ppm)}"
    return f"{ppm // 1_000_000}.{ppm % 1_000_000:06d}".rstrip("0").ljust(3, "0")


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


json_encoder = msgspec.json.Encoder()
msgpack_encoder = msgspec.msgpack.Encoder()
