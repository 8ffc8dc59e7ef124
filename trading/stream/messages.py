"""The messages of the stream, as text. Numbers are JSON numbers that carry the exact decimal text."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from trading.engine.commands import Options
from trading.engine.outcomes import Filled
from trading.instruments import Asset, Market
from trading.live import LiveOrder, MarketState, TradePrint
from trading.shapes import LIMIT_TYPES, at_text

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
_encode = msgspec.json.Encoder().encode


def raw(text: str) -> msgspec.Raw:
    """A decimal text as a JSON number."""
    return msgspec.Raw(text.encode())


def message(channel: str, kind: str, data: Iterable[Any], sequence: int) -> str:
    return _encode({"channel": channel, "type": kind, "data": list(data), "sequence": sequence}).decode()


def book(market: Market, kind: str, bids: Levels, asks: Levels, checksum: int, at_us: int, sequence: int) -> str:
    """Levels to set, best first; a quantity of 0 removes one. The receiver cuts its book to the depth it asked for."""
    data = {
        "symbol": market.name,
        "bids": [_level(market, level) for level in bids],
        "asks": [_level(market, level) for level in asks],
        "checksum": checksum,
        "timestamp": at_text(at_us),
    }
    return message("book", kind, [data], sequence)


def checksum(market: Market, bids: Levels, asks: Levels) -> int:
    """CRC-32 of the ten best asks, then bids: price and quantity without point and leading zeros (Kraken's rule)."""
    text = "".join(
        market.price(price).replace(".", "").lstrip("0") + market.quantity(lots).replace(".", "").lstrip("0")
        for side in (asks[:CHECKSUM_LEVELS], bids[:CHECKSUM_LEVELS])
        for price, lots in side
    )
    return zlib.crc32(text.encode())


def trade(market: Market, print_: TradePrint) -> dict[str, Any]:
    return {
        "symbol": market.name,
        "side": print_.taker_side,
        "price": raw(market.price(print_.price_ticks)),
        "qty": raw(market.quantity(print_.quantity_lots)),
        "ord_type": "limit",
        "trade_id": print_.id,
        "timestamp": at_text(print_.at_us),
        "sequence": print_.seq,
    }


def ticker(state: MarketState, now_us: int) -> dict[str, Any]:
    market, window = state.market, state.ticker.window(now_us)
    bids, asks = state.depth.bids.top(1), state.depth.asks.top(1)
    change = None if window.last is None or window.open is None else window.last - window.open
    return {
        "symbol": market.name,
        "bid": _price(market, bids[0][0] if bids else None),
        "bid_qty": raw(market.quantity(bids[0][1] if bids else 0)),
        "ask": _price(market, asks[0][0] if asks else None),
        "ask_qty": raw(market.quantity(asks[0][1] if asks else 0)),
        "last": _price(market, window.last),
        "volume": raw(market.quantity(window.volume)),
        "quote_volume": raw(market.quote.text(window.quote)),
        "vwap": raw(market.average_price(window.quote, window.volume)) if window.volume else None,
        "open": _price(market, window.open),
        "low": _price(market, window.low),
        "high": _price(market, window.high),
        "change": _price(market, change),
        "change_pct": None if change is None or not window.open else raw(_percent(change, window.open)),
        "timestamp": at_text(now_us),
    }


def order_state(order: LiveOrder, market: Market, kind: str) -> dict[str, Any]:
    """An order as it stands; ``kind`` is the exec_type."""
    status = STATUSES[order.status]
    if status == "new" and order.filled_lots:
        status = "partially_filled"
    return {
        **_order_identity(order, market),
        "exec_type": kind,
        "order_status": status,
        "cum_qty": raw(market.quantity(order.filled_lots)),
        "cum_cost": raw(market.quote.text(order.filled_quote_atoms)),
        "avg_price": raw(
            market.average_price(order.filled_quote_atoms, order.filled_lots) if order.filled_lots else "0"
        ),
        "fee_cost": raw(market.quote.text(order.fee_atoms)),
        "reason": order.reason,
        "timestamp": at_text(order.updated_at_us),
    }


def execution(
    order: LiveOrder, market: Market, fill: Filled, at_us: int, cum_lots: int, cum_quote: int
) -> dict[str, Any]:
    """One fill of an order; ``cum_*`` are the order's sums with this fill."""
    is_taker = fill.taker_order == order.seq
    whole = order.quantity_lots is not None and cum_lots == order.quantity_lots
    fee = fill.taker_fee_atoms if is_taker else fill.maker_fee_atoms
    return {
        **_order_identity(order, market),
        "exec_type": "trade",
        "exec_id": f"{fill.trade}-{'t' if is_taker else 'm'}",
        "trade_id": fill.trade,
        "order_status": "filled" if whole else "partially_filled",
        "last_qty": raw(market.quantity(fill.quantity_lots)),
        "last_price": raw(market.price(fill.price_ticks)),
        "cost": raw(market.quote.text(fill.quote_atoms)),
        "liquidity_ind": "t" if is_taker else "m",
        "fees": [{"asset": market.quote.definition.asset, "qty": raw(market.quote.text(fee))}],
        "cum_qty": raw(market.quantity(cum_lots)),
        "cum_cost": raw(market.quote.text(cum_quote)),
        "avg_price": raw(market.average_price(cum_quote, cum_lots)),
        "timestamp": at_text(at_us),
    }


def balance(asset: Asset, available: int, held: int) -> dict[str, Any]:
    return {
        "asset": asset.definition.asset,
        "balance": raw(asset.text(available + held)),
        "available": raw(asset.text(available)),
        "held": raw(asset.text(held)),
    }


def _order_identity(order: LiveOrder, market: Market) -> dict[str, Any]:
    price = None if order.price_ticks is None else raw(market.price(order.price_ticks))
    identity = {
        "order_id": order.order_id,
        "cl_ord_id": order.client_order_id,
        "symbol": market.name,
        "side": order.side,
        "order_type": order.type,
        "limit_price": price if order.type in LIMIT_TYPES else None,
        "order_qty": None if order.quantity_lots is None else raw(market.quantity(order.quantity_lots)),
        "cash_order_qty": None if order.budget_atoms is None else raw(market.quote.text(order.budget_atoms)),
        "time_in_force": order.time_in_force,
        "post_only": order.post_only != "none",
        "created_at": at_text(order.created_at_us),
    }
    return identity if order.options is None else identity | _options(order.options, market)


def _options(options: Options, market: Market) -> dict[str, Any]:
    """What few orders have, and only those tell."""
    told: dict[str, Any] = {"stp_type": options.self_trade_prevention}
    if options.expires_at_us is not None:
        told["expire_time"] = at_text(options.expires_at_us)
    if options.display_lots is not None:
        told["display_qty"] = raw(market.quantity(options.display_lots))
    if options.trigger_ticks is not None or options.trailing_ticks is not None:
        told["triggers"] = {
            "reference": "last",
            "price": _price(market, options.trigger_ticks),
            "trailing_offset": _price(market, options.trailing_ticks),
        }
    return told


def _level(market: Market, level: tuple[int, int]) -> dict[str, msgspec.Raw]:
    price, lots = level
    return {"price": raw(market.price(price)), "qty": raw(market.quantity(lots))}


def _price(market: Market, ticks: int | None) -> msgspec.Raw | None:
    return None if ticks is None else raw(market.price(ticks))


def _percent(change: int, of: int) -> str:
    """Per cent with two places, rounded towards zero."""
    hundredths = abs(change) * 10_000 // of
    return f"{'-' if change < 0 else ''}{hundredths // 100}.{hundredths % 100:02d}"
