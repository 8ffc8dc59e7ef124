"""Assets and markets as rows, for the admin and for foreign keys."""

import msgspec
import psycopg

from trading.engine.commands import DefineAsset, DefineMarket, SetMarketState
from trading.engine.outcomes import AssetDefined, MarketDefined, MarketStateChanged
from trading.replica import Applied

Connection = psycopg.Connection[tuple[object, ...]]


def write(connection: Connection, event: Applied) -> None:
    match event.command, event.outcomes:
        case DefineAsset() as asset, [AssetDefined()]:
            connection.execute(
                "INSERT INTO asset (asset, name, kind, decimals, trading_decimals) VALUES (%s, %s, %s, %s, %s)",
                (asset.asset, asset.name, asset.kind, asset.decimals, asset.trading_decimals),
            )
        case DefineMarket() as market, [MarketDefined()]:
            connection.execute(
                "INSERT INTO market (market, base, quote, state, state_reason, tick_atoms, lot_atoms, minimum_lots,"
                " minimum_notional_atoms, maximum_open_orders, fee_tiers)"
                " VALUES (%s, %s, %s, 'open', '', %s, %s, %s, %s, %s, %s)",
                (
                    market.market,
                    market.base,
                    market.quote,
                    market.tick_atoms,
                    market.lot_atoms,
                    market.minimum_lots,
                    market.minimum_notional_atoms,
                    market.maximum_open_orders,
                    msgspec.json.encode(market.fee_tiers).decode(),
                ),
            )
        case SetMarketState() as change, [MarketStateChanged()]:
            connection.execute(
                "UPDATE market SET state = %s, state_reason = %s WHERE market = %s",
                (change.state, change.reason, change.market),
            )
