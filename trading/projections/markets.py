"""Assets and markets as rows, for the admin and for foreign keys."""

from collections.abc import Iterable

import msgspec

from trading.applied import Applied
from trading.bulk import literal
from trading.engine.commands import DefineAsset, DefineMarket
from trading.engine.outcomes import AssetDefined, MarketDefined, MarketStateChanged


def listed(event: Applied) -> DefineMarket | None:
    """The market that this event lists, if it does. Other things may have happened in it, too."""
    if type(event.command) is DefineMarket and any(type(outcome) is MarketDefined for outcome in event.outcomes):
        return event.command
    return None


def statements(batch: Iterable[Applied]) -> list[str]:
    """Definitions first, then the last state of each market that changed its own: any event may do that."""
    definitions: list[str] = []
    states: dict[str, MarketStateChanged] = {}
    for event in batch:
        if type(event.command) is DefineAsset or type(event.command) is DefineMarket:
            definitions += _definition(event)
        for outcome in event.outcomes:
            if type(outcome) is MarketStateChanged:
                states[outcome.market] = outcome
    return definitions + [_state(change) for change in states.values()]


def _definition(event: Applied) -> list[str]:
    asset, market = event.command, listed(event)
    if type(asset) is DefineAsset and any(type(outcome) is AssetDefined for outcome in event.outcomes):
        return [
            "INSERT INTO asset (asset, name, kind, decimals, trading_decimals)"
            f" VALUES ({literal(asset.asset)}, {literal(asset.name)}, {literal(asset.kind)}, {asset.decimals},"
            f" {asset.trading_decimals})"
        ]
    if market is None:
        return []
    tiers = msgspec.json.encode(market.fee_tiers).decode()
    return [
        "INSERT INTO market (market, base, quote, state, state_reason, tick_atoms, lot_atoms, minimum_lots,"
        " minimum_notional_atoms, maximum_open_orders, fee_tiers)"
        f" VALUES ({literal(market.market)}, {literal(market.base)}, {literal(market.quote)}, 'open', '',"
        f" {market.tick_atoms}, {market.lot_atoms}, {market.minimum_lots}, {market.minimum_notional_atoms},"
        f" {market.maximum_open_orders}, {literal(tiers)})"
    ]


def _state(change: MarketStateChanged) -> str:
    return (
        f"UPDATE market SET state = {literal(change.state)}, state_reason = {literal(change.reason)}"
        f" WHERE market = {literal(change.market)}"
    )
