"""Snapshots: the complete state of an engine as canonical JSON, and back.

Canonical: equal states give equal bytes, so their hash compares replicas. A snapshot that was loaded behaves ever after
as the engine that it was taken of. Amounts are JSON integers of any size.
"""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from .commands import DefineAsset, DefineMarket, FeeTier, Side
from .engine import Engine
from .market import Market
from .order_book import Order

FORMAT = 2


class SnapshotInvalid(Exception):
    """The bytes are not a snapshot that this version can load, or its parts contradict each other."""


def dump(engine: Engine) -> bytes:
    """The state as canonical JSON. Orders stand in their queues' order, best price first."""
    state = {
        "format": FORMAT,
        "seq": engine.seq,
        "at_us": engine.at_us,
        "rules": engine.rules,
        "last_trade": engine.matcher.last_trade,
        "assets": [asdict(asset) for _, asset in sorted(engine.assets.items())],
        "fee_tiers": sorted(engine.fee_tiers.items()),
        "balances": list(engine.all_balances()),
        "markets": [_dump_market(market) for _, market in sorted(engine.markets.items())],
    }
    return json.dumps(state, sort_keys=True, separators=(",", ":")).encode()


def load(body: bytes) -> Engine:
    """The engine that was dumped. Raises SnapshotInvalid."""
    try:
        engine = _load_state(json.loads(body))
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotInvalid(f"not a snapshot: {error!r}") from error
    _check_holds(engine)
    return engine


def state_hash(engine: Engine) -> str:
    """SHA-256 of the dump, in hex."""
    return hashlib.sha256(dump(engine)).hexdigest()


def _dump_market(market: Market) -> dict[str, Any]:
    return {
        "definition": asdict(market.definition),
        "state": market.state,
        "bids": [_dump_order(order) for level in market.book.bids for order in level],
        "asks": [_dump_order(order) for level in market.book.asks for order in level],
    }


def _dump_order(order: Order) -> dict[str, int]:
    return {
        "number": order.number,
        "account": order.account,
        "price_ticks": order.price_ticks,
        "quantity_lots": order.quantity_lots,
        "remaining_lots": order.remaining_lots,
        "filled_quote_atoms": order.filled_quote_atoms,
        "fee_ppm_sum": order.fee_ppm_sum,
        "maker_ppm": order.maker_ppm,
        "taker_ppm": order.taker_ppm,
        "accepted_at_us": order.accepted_at_us,
        "updated_at_us": order.updated_at_us,
    }


def _load_state(state: dict[str, Any]) -> Engine:
    if state["format"] != FORMAT:
        raise SnapshotInvalid(f"snapshot format {state['format']}, this version reads {FORMAT}")
    engine = Engine()
    engine.seq = state["seq"]
    engine.at_us = state["at_us"]
    engine.rules = state["rules"]
    engine.matcher.last_trade = state["last_trade"]
    for fields in state["assets"]:
        asset = DefineAsset(**fields)
        engine.assets[asset.asset] = asset
    engine.fee_tiers.update((account, tier) for account, tier in state["fee_tiers"])
    for account, asset_name, available_atoms, held_atoms in state["balances"]:
        balance = engine.balances.of(account, asset_name)
        balance.available_atoms = available_atoms
        balance.held_atoms = held_atoms
    orders = [order for fields in state["markets"] for order in _load_market(engine, fields)]
    orders.sort(key=lambda order: order.number)
    for order in orders:
        engine.open_orders.add(order)
    return engine


def _load_market(engine: Engine, fields: dict[str, Any]) -> list[Order]:
    """Adds the market with its book; returns its orders, which the engine still has to index by number."""
    tiers = tuple(FeeTier(**tier) for tier in fields["definition"].pop("fee_tiers"))
    definition = DefineMarket(**fields["definition"], fee_tiers=tiers)
    market = Market(definition, engine.assets[definition.base])
    market.state = fields["state"]
    engine.markets[market.name] = market
    orders = []
    for bid in fields["bids"]:
        order = _load_order(engine, market, "buy", bid)
        market.book.bids.append(order)
        orders.append(order)
    for ask in fields["asks"]:
        order = _load_order(engine, market, "sell", ask)
        market.book.asks.append(order)
        orders.append(order)
    return orders


def _load_order(engine: Engine, market: Market, side: Side, fields: dict[str, int]) -> Order:
    account = fields["account"]
    participant = market.join(account, engine.balances, engine.fee_tier(account))
    order = Order(
        fields["number"],
        participant,
        market.name,
        side,
        fields["price_ticks"],
        fields["quantity_lots"],
        fields["accepted_at_us"],
    )
    order.remaining_lots = fields["remaining_lots"]
    order.filled_quote_atoms = fields["filled_quote_atoms"]
    order.fee_ppm_sum = fields["fee_ppm_sum"]
    order.maker_ppm = fields["maker_ppm"]
    order.taker_ppm = fields["taker_ppm"]
    order.updated_at_us = fields["updated_at_us"]
    return order


def _check_holds(engine: Engine) -> None:
    """Every balance holds what its open orders hold, or the snapshot is damaged."""
    holds: dict[tuple[int, str], int] = {}
    for order in engine.orders.values():
        market = engine.markets[order.market]
        asset = market.definition.quote if order.side == "buy" else market.definition.base
        key = (order.account, asset)
        holds[key] = holds.get(key, 0) + market.hold_atoms(order)
    held = {(account, asset): held for account, asset, _, held in engine.all_balances() if held}
    if holds != held:
        raise SnapshotInvalid("what the balances hold is not what the open orders hold")
