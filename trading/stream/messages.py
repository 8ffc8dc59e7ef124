"""The messages of the stream, made of the live state's integers. Numbers are JSON numbers that carry the exact decimal text."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from trading.engine.commands import Options
from trading.engine.outcomes import Filled
from trading.instruments import Asset, Market
from trading.live import LiveOrder, MarketState, TradePrint
from trading.market_data.candles import Candle
from trading.shapes.fields import LIMIT_TYPES
from trading.shapes.texts import at_text

from .shapes import (
    BalanceData,
    BookData,
    CandleData,
    Channel,
    ExecutionData,
    FeePaid,
    Level,
    Message,
    TickerData,
    TradeData,
    Trigger,
)

CHECKSUM_LEVELS = 10
STATUSES = {
    "waiting": "pending_new",
    "open": "new",
    "filled": "filled",
    "cancelled": "canceled",
    "expired": "expired",
    "rejected": "rejected",
}

Levels = Sequence[tuple[int, int]]
encode = msgspec.json.Encoder().encode


def raw(text: str) -> msgspec.Raw:
    """A decimal text as a JSON number."""
    return msgspec.Raw(text.encode())


def snapshot(channel: Channel, data: Iterable[Any], sequence: int) -> str:
    return encode(Message(channel=channel, type="snapshot", data=list(data), sequence=sequence)).decode()


def update(
    channel: Channel,
    data: Iterable[Any],
    sequence: int,
    previous: int,
    part: int | UnsetType = UNSET,
    parts: int | UnsetType = UNSET,
) -> str:
    message = Message(
        channel=channel,
        type="update",
        data=list(data),
        sequence=sequence,
        previous_sequence=previous,
        part=part,
        parts=parts,
    )
    return encode(message).decode()


def book(market: Market, bids: Levels, asks: Levels, checksum_: int, at_us: int) -> BookData:
    """Levels to set, best first; a quantity of 0 removes one. The receiver cuts its book to the depth it asked for."""
    return BookData(
        market.name,
        [_level(market, level) for level in bids],
        [_level(market, level) for level in asks],
        checksum_,
        at_text(at_us),
    )


def checksum(market: Market, bids: Levels, asks: Levels) -> int:
    """CRC-32 of the ten best asks, then bids: price and quantity without point and leading zeros (Kraken's rule)."""
    return zlib.crc32(
        "".join(
            digits(market.price(price)) + digits(market.quantity(lots))
            for side in (asks[:CHECKSUM_LEVELS], bids[:CHECKSUM_LEVELS])
            for price, lots in side
        ).encode()
    )


def digits(text: str) -> str:
    """A decimal text without point and leading zeros."""
    return text.replace(".", "").lstrip("0")


def trade(market: Market, print_: TradePrint) -> TradeData:
    return TradeData(
        market.name,
        print_.taker_side,
        raw(market.price(print_.price_ticks)),
        raw(market.quantity(print_.quantity_lots)),
        "limit",
        print_.id,
        at_text(print_.at_us),
        print_.seq,
    )


def ticker(state: MarketState, now_us: int) -> TickerData:
    market, window = state.market, state.ticker.window(now_us)
    bids, asks = state.depth.bids.top(1), state.depth.asks.top(1)
    change = None if window.last is None or window.open is None else window.last - window.open
    return TickerData(
        symbol=market.name,
        bid=_price(market, bids[0][0] if bids else None),
        bid_qty=raw(market.quantity(bids[0][1] if bids else 0)),
        ask=_price(market, asks[0][0] if asks else None),
        ask_qty=raw(market.quantity(asks[0][1] if asks else 0)),
        last=_price(market, window.last),
        volume=raw(market.quantity(window.volume)),
        quote_volume=raw(market.quote.text(window.quote)),
        vwap=raw(market.average_price(window.quote, window.volume)) if window.volume else None,
        open=_price(market, window.open),
        low=_price(market, window.low),
        high=_price(market, window.high),
        change=_price(market, change),
        change_pct=None if change is None or not window.open else raw(_percent(change, window.open)),
        timestamp=at_text(now_us),
    )


def candle(market: Market, one: Candle, width_us: int) -> CandleData:
    return CandleData(
        symbol=market.name,
        open=raw(market.price(one.open)),
        high=raw(market.price(one.high)),
        low=raw(market.price(one.low)),
        close=raw(market.price(one.close)),
        trades=one.trades,
        volume=raw(market.quantity(one.volume)),
        quote_volume=raw(market.quote.text(one.quote)),
        vwap=raw(market.average_price(one.quote, one.volume)) if one.volume else None,
        interval_begin=at_text(one.start_us),
        interval=width_us // 60_000_000,
        timestamp=at_text(one.start_us + width_us),
    )


def order_state(order: LiveOrder, market: Market, kind: str) -> ExecutionData:
    """An order as it stands; ``kind`` is the exec_type."""
    told = _identity(order, market, kind)
    status = STATUSES[order.status]
    told.order_status = "partially_filled" if status == "new" and order.filled_lots else status  # type: ignore[assignment]
    told.cum_qty = raw(market.quantity(order.filled_lots))
    told.cum_cost = raw(market.quote.text(order.filled_quote_atoms))
    if order.filled_lots:
        told.avg_price = raw(market.average_price(order.filled_quote_atoms, order.filled_lots))
    told.fee_cost = raw(market.quote.text(order.fee_atoms))
    told.reason = order.reason
    told.timestamp = at_text(order.updated_at_us)
    return told


def execution(
    order: LiveOrder, market: Market, fill: Filled, at_us: int, cum_lots: int, cum_quote: int
) -> ExecutionData:
    """One fill of an order; ``cum_*`` are the order's sums with this fill."""
    is_taker = fill.taker_order == order.seq
    whole = order.quantity_lots is not None and cum_lots == order.quantity_lots
    fee = fill.taker_fee_atoms if is_taker else fill.maker_fee_atoms
    told = _identity(order, market, "trade")
    told.exec_id = f"{fill.trade}-{'t' if is_taker else 'm'}"
    told.trade_id = fill.trade
    told.order_status = "filled" if whole else "partially_filled"
    told.last_qty = raw(market.quantity(fill.quantity_lots))
    told.last_price = raw(market.price(fill.price_ticks))
    told.cost = raw(market.quote.text(fill.quote_atoms))
    told.liquidity_ind = "t" if is_taker else "m"
    told.fees = [FeePaid(market.quote.definition.asset, raw(market.quote.text(fee)))]
    told.cum_qty = raw(market.quantity(cum_lots))
    told.cum_cost = raw(market.quote.text(cum_quote))
    told.avg_price = raw(market.average_price(cum_quote, cum_lots))
    told.timestamp = at_text(at_us)
    return told


def balance(asset: Asset, available: int, held: int) -> BalanceData:
    return BalanceData(
        asset.definition.asset, raw(asset.text(available + held)), raw(asset.text(available)), raw(asset.text(held))
    )


def _identity(order: LiveOrder, market: Market, kind: str) -> ExecutionData:
    """What says which order it is; the rest is for the caller to set."""
    price = None if order.price_ticks is None else raw(market.price(order.price_ticks))
    told = ExecutionData(
        order_id=order.order_id,
        cl_ord_id=order.client_order_id,
        symbol=market.name,
        side=order.side,
        order_type=order.type,
        limit_price=price if order.type in LIMIT_TYPES else None,
        order_qty=None if order.quantity_lots is None else raw(market.quantity(order.quantity_lots)),
        cash_order_qty=None if order.budget_atoms is None else raw(market.quote.text(order.budget_atoms)),
        time_in_force=order.time_in_force,
        post_only=order.post_only != "none",
        created_at=at_text(order.created_at_us),
        exec_type=kind,  # type: ignore[arg-type]
        order_status="new",
        cum_qty=raw("0"),
        cum_cost=raw("0"),
        avg_price=raw("0"),
        timestamp="",
    )
    if order.options is not None:
        _add_options(told, order.options, market)
    return told


def _add_options(told: ExecutionData, options: Options, market: Market) -> None:
    """What few orders have, and only those tell."""
    told.stp_type = options.self_trade_prevention
    if options.expires_at_us is not None:
        told.expire_time = at_text(options.expires_at_us)
    if options.display_lots is not None:
        told.display_qty = raw(market.quantity(options.display_lots))
    if options.trigger_ticks is not None or options.trailing_ticks is not None:
        told.triggers = Trigger("last", _price(market, options.trigger_ticks), _price(market, options.trailing_ticks))


def _level(market: Market, level: tuple[int, int]) -> Level:
    price, lots = level
    return Level(raw(market.price(price)), raw(market.quantity(lots)))


def _price(market: Market, ticks: int | None) -> msgspec.Raw | None:
    return None if ticks is None else raw(market.price(ticks))


def _percent(change: int, of: int) -> str:
    """Per cent with two places, rounded towards zero."""
    hundredths = abs(change) * 10_000 // of
    return f"{'-' if change < 0 else ''}{hundredths // 100}.{hundredths % 100:02d}"
