"""Snapshots: the complete state of an engine as canonical JSON, and back.

Canonical: equal states give equal bytes, so their hash compares replicas. A snapshot that was loaded behaves ever after
as the engine that it was taken of. Amounts are JSON integers of any size.
"""

import hashlib
import json
from dataclasses import asdict
from typing import Any, Final

from .commands import DefineAsset, DefineMarket, FeeTier, Leg
from .engine import Engine
from .fees import Rates
from .holds import hold_atoms
from .market import Market
from .open_orders import Ended, Triggered
from .order_book import Order, Special, new_order
from .outcomes import WithdrawalHeld

FORMAT: Final = 4
WITHOUT_WITHDRAWALS: Final = 3
"""What a state that holds nothing for withdrawals is written as, so that snapshots from before there were any keep their hash."""

SPECIAL_FIELDS: Final = (
    "type",
    "expires_at_us",
    "prevention",
    "keep_on_disconnect",
    "display_lots",
    "shown_lots",
    "peg",
    "peg_offset_ticks",
    "limit_ticks",
    "trigger_ticks",
    "trailing_ticks",
    "is_active",
    "extreme_ticks",
    "immediate",
    "budget_atoms",
    "extra_hold_atoms",
)


class SnapshotInvalid(Exception):
    """The bytes are not a snapshot that this version can load, or its parts contradict each other."""


def dump(engine: Engine) -> bytes:
    """The state as canonical JSON. Assets and markets as they were defined, orders in the order of their acceptance."""
    state: dict[str, Any] = {
        "format": WITHOUT_WITHDRAWALS,
        "seq": engine.seq,
        "at_us": engine.at_us,
        "rules": engine.rules,
        "last_trade": engine.matcher.last_trade,
        "assets": [asdict(asset) for asset in engine.assets.values()],
        "fee_tiers": sorted(engine.accounts.fee_tiers.items()),
        "owners": sorted(engine.accounts.owners.items()),
        "balances": list(engine.all_balances()),
        "switches": engine.open_orders.timers.switches(),
        "markets": [_dump_market(market) for market in engine.markets.values()],
        "orders": [_dump_order(order) for order in engine.orders.values()],
        "queue": [_dump_item(item) for item in engine.open_orders.queue],
    }
    if engine.withdrawals.holds:
        state["format"] = FORMAT
        state["withdrawals"] = [list(held) for _, held in sorted(engine.withdrawals.holds.items())]
    return json.dumps(state, sort_keys=True, separators=(",", ":")).encode()


def load(body: bytes) -> Engine:
    """The engine that was dumped. Raises SnapshotInvalid."""
    try:
        engine = _load_state(json.loads(body))
    except (ValueError, KeyError, TypeError, IndexError) as error:
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
        "last_ticks": market.last_ticks,
        "reference_ticks": market.reference_ticks,
        "reference_window": market.reference_window,
        "bids": [order.number for level in market.book.bids for order in level],
        "asks": [order.number for level in market.book.asks for order in level],
    }


def _dump_order(order: Order) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "number": order.number,
        "account": order.account,
        "market": order.market,
        "is_buy": order.is_buy,
        "price_ticks": order.price_ticks,
        "quantity_lots": order.quantity_lots,
        "remaining_lots": order.remaining_lots,
        "filled_quote_atoms": order.filled_quote_atoms,
        "fee_ppm_sum": order.fee_ppm_sum,
        "maker_ppm": order.maker_ppm,
        "taker_ppm": order.taker_ppm,
        "is_post_only": order.is_post_only,
        "accepted_at_us": order.accepted_at_us,
        "updated_at_us": order.updated_at_us,
    }
    special = order.special
    if special is not None:
        fields["special"] = {name: getattr(special, name) for name in SPECIAL_FIELDS} | {
            "sibling": None if special.sibling is None else special.sibling.number,
            "on_fill": [asdict(leg) for leg in special.on_fill],
        }
    return fields


def _dump_item(item: Triggered | Ended) -> dict[str, Any]:
    if isinstance(item, Triggered):
        return {"triggered": item.number, "price_ticks": item.price_ticks}
    return {
        "ended": item.number,
        "account": item.participant.account,
        "market": item.participant.market.name,
        "is_buy": item.is_buy,
        "lots": item.lots,
        "legs": [asdict(leg) for leg in item.legs],
        "prevention": item.prevention,
        "keep_on_disconnect": item.keep_on_disconnect,
    }


def _load_state(state: dict[str, Any]) -> Engine:
    if state["format"] not in (WITHOUT_WITHDRAWALS, FORMAT):
        raise SnapshotInvalid(f"snapshot format {state['format']}, this version reads {FORMAT}")
    engine = Engine()
    orders = engine.open_orders
    orders.seq, orders.at_us = state["seq"], state["at_us"]
    engine.rules = state["rules"]
    engine.matcher.last_trade = state["last_trade"]
    for fields in state["assets"]:
        asset = DefineAsset(**fields)
        engine.list_asset(asset)
    engine.accounts.fee_tiers.update((account, tier) for account, tier in state["fee_tiers"])
    engine.accounts.owners.update((account, owner) for account, owner in state["owners"])
    for account, asset_name, available_atoms, held_atoms in state["balances"]:
        balance = engine.balances.of(account, asset_name)
        balance.available_atoms = available_atoms
        balance.held_atoms = held_atoms
        engine.balances.issue(asset_name, available_atoms + held_atoms)
    for account, asset_name, amount_atoms, reference in state["withdrawals"] if state["format"] == FORMAT else ():
        engine.withdrawals.holds[reference] = WithdrawalHeld(account, asset_name, amount_atoms, reference)
    for fields in state["markets"]:
        _load_market(engine, fields)
    for fields in state["orders"]:
        orders.enlist(_load_order(engine, fields))
    by_number = engine.orders
    _link_legs(by_number, state["orders"])
    for fields in state["markets"]:
        _load_book(engine, by_number, fields)
    for fields in state["queue"]:
        orders.queue.append(_load_item(engine, fields))
    _load_waiting(engine)
    orders.is_quiet = not orders.pegged and not orders.queue
    for account, due_us, seq in state["switches"]:
        orders.timers.set_switch(account, due_us, seq)
    return engine


def _load_market(engine: Engine, fields: dict[str, Any]) -> None:
    tiers = tuple(FeeTier(**tier) for tier in fields["definition"]["fee_tiers"])
    definition = DefineMarket(**(fields["definition"] | {"fee_tiers": tiers}))
    market = engine.list_market(definition, engine.assets[definition.base])
    market.set_state(fields["state"])
    market.last_ticks = fields["last_ticks"]
    market.reference_ticks = fields["reference_ticks"]
    market.reference_window = fields["reference_window"]


def _load_order(engine: Engine, fields: dict[str, Any]) -> Order:
    market = engine.markets[fields["market"]]
    participant = engine.accounts.participant(fields["account"], market)
    order = new_order(
        fields["number"],
        participant,
        fields["is_buy"],
        fields["price_ticks"],
        fields["quantity_lots"],
        fields["accepted_at_us"],
    )
    order.rates = Rates(fields["maker_ppm"], fields["taker_ppm"])
    order.remaining_lots = fields["remaining_lots"]
    order.filled_quote_atoms = fields["filled_quote_atoms"]
    order.fee_ppm_sum = fields["fee_ppm_sum"]
    order.is_post_only = fields["is_post_only"]
    order.updated_at_us = fields["updated_at_us"]
    if "special" in fields:
        order.special = _load_special(fields["special"])
    return order


def _load_special(fields: dict[str, Any]) -> Special:
    special = Special(fields["type"])
    for name in SPECIAL_FIELDS:
        setattr(special, name, fields[name])
    special.on_fill = _load_legs(fields["on_fill"])
    return special


def _load_legs(legs: list[dict[str, Any]]) -> tuple[Leg, ...]:
    return tuple(Leg(**leg) for leg in legs)


def _link_legs(by_number: dict[int, Order], rows: list[dict[str, Any]]) -> None:
    for fields in rows:
        special = by_number[fields["number"]].special
        if special is not None and fields["special"]["sibling"] is not None:
            special.sibling = by_number[fields["special"]["sibling"]]


def _load_book(engine: Engine, by_number: dict[int, Order], fields: dict[str, Any]) -> None:
    """Puts the orders into their queues as they stood; an iceberg shows what it showed."""
    book = engine.markets[fields["definition"]["market"]].book
    for number in (*fields["bids"], *fields["asks"]):
        order = by_number[number]
        shown_lots = order.shown_lots
        book.same(order.is_buy).append(order)
        special, level = order.special, order.level
        if special is not None and special.display_lots and level is not None:
            level.lots += shown_lots - special.shown_lots
            special.shown_lots = shown_lots


def _load_item(engine: Engine, fields: dict[str, Any]) -> Triggered | Ended:
    if "triggered" in fields:
        return Triggered(fields["triggered"], fields["price_ticks"])
    return Ended(
        fields["ended"],
        engine.accounts.participant(fields["account"], engine.markets[fields["market"]]),
        fields["is_buy"],
        fields["lots"],
        _load_legs(fields["legs"]),
        fields["prevention"],
        fields["keep_on_disconnect"],
    )


def _load_waiting(engine: Engine) -> None:
    """Every order that waits for a trade goes where trades look for it, unless it is already in the queue."""
    queued = {item.number: item for item in engine.open_orders.queue if isinstance(item, Triggered)}
    for order in engine.orders.values():
        special = order.special
        if special is not None and order.is_for_trigger and order.number not in queued:
            order.participant.market.triggers.add(order, special)


def _check_holds(engine: Engine) -> None:
    """Every balance holds what its open orders and withdrawals hold, or the snapshot is damaged."""
    holds: dict[tuple[int, str], int] = {}
    for order in engine.orders.values():
        balance = order.participant.holding(order.is_buy)
        key = (balance.account, balance.asset)
        holds[key] = holds.get(key, 0) + hold_atoms(order)
    for withdrawal in engine.withdrawals.holds.values():
        key = (withdrawal.account, withdrawal.asset)
        holds[key] = holds.get(key, 0) + withdrawal.amount_atoms
    held = {(account, asset): held for account, asset, _, held in engine.all_balances() if held}
    if {key: held for key, held in holds.items() if held} != held:
        raise SnapshotInvalid("what the balances hold is not what the open orders and withdrawals hold")
