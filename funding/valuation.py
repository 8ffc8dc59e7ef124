"""What an amount counts for in US dollars, against the limits of verification levels: rounded up, at the day's highest price.

The highest, so that nobody trades a price down to withdraw more. It decides no amount of anybody's.
"""

import datetime as dt

from django.db.models import Max

from trading.models import Asset, Candle, Market

USD = "USD"
DAY_US = 86_400_000_000


def worth_cents(asset: str, atoms: int, *, usd_per_unit: int, now: dt.datetime) -> int:
    """In US cents. ``usd_per_unit``: the price if nothing was traded within a day."""
    decimals = Asset.objects.get(asset=asset).decimals
    price_atoms, usd_decimals = _price(asset, now) or (usd_per_unit, 0)
    scale: int = 10 ** (decimals + usd_decimals)
    return -(-atoms * price_atoms * 100 // scale)


def _price(asset: str, now: dt.datetime) -> tuple[int, int] | None:
    """The day's highest price of a whole unit in atoms of the dollar, and the dollar's decimals."""
    market = Market.objects.filter(base=asset, quote=USD).select_related("quote").first()
    if market is None:
        return None
    since_us = int(now.timestamp()) * 1_000_000 - DAY_US
    minutes = Candle.objects.filter(market=market.market, interval_s=60, start_us__gte=since_us)
    highest = minutes.aggregate(highest=Max("high_ticks"))["highest"]
    return None if highest is None else (highest * int(market.tick_atoms), market.quote.decimals)
