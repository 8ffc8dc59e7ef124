"""Assets and markets as rows, for the admin and for foreign keys."""

import msgspec

from trading.bulk import literal
from trading.engine.commands import DefineAsset, DefineMarket, SetMarketState
from trading.engine.outcomes import AssetDefined, MarketDefined, MarketStateChanged
from trading.fold import Applied


def statements(event: Applied) -> list[str]:
    match event.command, event.outcomes:
        case DefineAsset() as asset, [AssetDefined()]:
            return [
                "INSERT INTO asset (asset, name, kind, decimals, trading_decimals)"
                f" VALUES ({literal(asset.asset)}, {literal(asset.name)}, {literal(asset.kind)}, {asset.decimals},"
                f" {asset.trading_decimals})"
            ]
        case DefineMarket() as market, [MarketDefined()]:
            tiers = msgspec.json.encode(market.fee_tiers).decode()
            return [
                "INSERT INTO market (market, base, quote, state, state_reason, tick_atoms, lot_atoms, minimum_lots,"
                " minimum_notional_atoms, maximum_open_orders, fee_tiers)"
                f" VALUES ({literal(market.market)}, {literal(market.base)}, {literal(market.quote)}, 'open', '',"
                f" {market.tick_atoms}, {market.lot_atoms}, {market.minimum_lots}, {market.minimum_notional_atoms},"
                f" {market.maximum_open_orders}, {literal(tiers)})"
            ]
        case SetMarketState() as change, [MarketStateChanged()]:
            return [
                f"UPDATE market SET state = {literal(change.state)}, state_reason = {literal(change.reason)}"
                f" WHERE market = {literal(change.market)}"
            ]
    return []
