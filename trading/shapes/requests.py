"""What is asked for. A field that is not known is refused: a misspelt ``post_only`` must not become a taker order."""

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta, Struct

from trading.engine.commands import (
    OrderType,
    PostOnly,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

from .fields import Amount, AssetName, ClientOrderId, MarketName, Totp


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


class TransferRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is to go where: to one of my own trading accounts by its id, or to another person by e-mail."""

    asset: AssetName
    quantity: Amount
    to_account: Annotated[int, Meta(ge=1, le=2**62)] | None = None
    to_email: Annotated[str, Meta(max_length=254)] | None = None
    totp: Totp | None = None


class FaucetRequest(Struct, forbid_unknown_fields=True):
    asset: AssetName
    quantity: Amount
