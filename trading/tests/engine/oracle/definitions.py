"""What makes an asset, and what makes a market."""

from trading.engine.commands import DefineAsset, DefineMarket, FeeTier

WHOLE_PPM = 1_000_000


def is_asset(asset: DefineAsset) -> bool:
    return asset.asset != "" and 0 <= asset.trading_decimals <= asset.decimals <= 36


def is_market(market: DefineMarket, base: DefineAsset) -> bool:
    """One tick of one lot has to be a whole number of quote atoms."""
    if market.market == "" or market.base == market.quote:
        return False
    sizes = (market.tick_atoms, market.lot_atoms, market.minimum_lots, market.minimum_notional_atoms)
    if min(*sizes, market.maximum_open_orders) < 1:
        return False
    if market.tick_atoms * market.lot_atoms % 10**base.decimals != 0:
        return False
    bands = (market.price_band_ppm, market.breaker_ppm)
    if any(ppm is not None and not 1 <= ppm <= WHOLE_PPM for ppm in bands):
        return False
    return are_tiers(market.fee_tiers)


def are_tiers(tiers: tuple[FeeTier, ...]) -> bool:
    """No maker gets back more than the taker who pays least has paid."""
    if not 1 <= len(tiers) <= 64:
        return False
    lowest = min(tier.taker_ppm for tier in tiers)
    return all(-lowest <= tier.maker_ppm <= WHOLE_PPM and 0 <= tier.taker_ppm <= WHOLE_PPM for tier in tiers)
