"""Assets, markets and their data; the exchange's state."""

from typing import Literal

from msgspec import Struct

from trading.engine.commands import MarketState, Side

from .notices import Announcement


class TimeBody(Struct):
    at: str
    unix_us: int


class StatusBody(Struct):
    """``notices``: what everybody is told, in words; ``announcements``: those of the staff among them, with their fields."""

    engine: Literal["open", "suspended", "winding_down"]
    markets: dict[str, str]
    notices: list[str]
    sequence: int
    announcements: list[Announcement]


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


class HealthBody(Struct):
    """``waiting``: commands that are not answered yet."""

    status: Literal["ok", "unavailable"]
    parts: dict[str, str]
    sequence: int
    projected_sequence: int
    waiting: int
