"""What monitoring reads of custody: how old the last look at each chain's tip is, and what is hot."""

import datetime as dt
from typing import NamedTuple

from django.db import close_old_connections

from trading.models import Asset

from .models import Alarm, ChainCursor
from .reconciliation import assets
from .treasury import hot_atoms


class Gauges(NamedTuple):
    """``tip_age_s`` by chain, None before the first look; ``alarms`` that are open. ``hot`` by asset in whole units, as the floats
    that Prometheus knows alone: to be looked at, never to be reckoned with.
    """

    tip_age_s: dict[str, float | None]
    hot: dict[str, float]
    alarms: int


def load_gauges(*, now: dt.datetime) -> Gauges:
    """Raises what a database raises."""
    close_old_connections()
    ages = {
        cursor.chain: None if cursor.at_tip_at is None else (now - cursor.at_tip_at).total_seconds()
        for cursor in ChainCursor.objects.order_by("chain")
    }
    decimals = dict(Asset.objects.values_list("asset", "decimals"))
    hot = {asset: hot_atoms(chain, asset) / 10 ** decimals[asset] for asset, chain in assets() if asset in decimals}
    alarms = Alarm.objects.filter(settled_at=None).count()
    close_old_connections()
    return Gauges(ages, hot, alarms)
