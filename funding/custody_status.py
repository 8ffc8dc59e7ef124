"""How custody stands, for operators: chains, what is hot, whether books and coins agree, open alarms."""

from typing import Any

from trading import amounts
from trading.models import Asset

from .models import Alarm, ChainCursor, Withdrawal
from .payout_models import Payout, Reconciliation
from .payout_states import OPEN
from .reconciliation import assets
from .stops import open_stop
from .treasury import WAITING, hot_atoms

ALARMS_SHOWN = 100


def status() -> dict[str, Any]:
    """``chains``, ``assets``, ``alarms``; amounts as the interface shows them."""
    chains = [
        {"chain": one.chain, "height": one.height, "stopped_because": one.stopped_because or None}
        for one in ChainCursor.objects.order_by("chain")
    ]
    return {
        "chains": chains,
        "assets": [_asset(asset, chain) for asset, chain in assets() if Asset.objects.filter(asset=asset).exists()],
        "alarms": list(Alarm.objects.filter(settled_at=None).order_by("-id")[:ALARMS_SHOWN]),
    }


def _asset(asset: str, chain: str) -> dict[str, Any]:
    return {
        "asset": asset,
        "chain": chain,
        "hot": _shown(asset, hot_atoms(chain, asset)),
        "open_payouts": Payout.objects.filter(chain=chain, asset=asset, state__in=OPEN).count(),
        "waiting_withdrawals": Withdrawal.objects.filter(asset=asset, chain=chain, state__in=WAITING).count(),
        "stop": open_stop(asset),
        "reconciliation": _reconciliation(asset),
    }


def _reconciliation(asset: str) -> dict[str, Any] | None:
    found = Reconciliation.objects.filter(asset=asset).first()
    if found is None:
        return None
    return {
        "at": found.at,
        "sequence": found.seq,
        "hot_books": _shown(asset, found.hot_books_atoms),
        "hot_coins": _shown(asset, found.hot_coins_atoms),
        "cold_books": _shown(asset, found.cold_books_atoms),
        "cold_coins": _shown(asset, found.cold_coins_atoms),
        "differences": found.differences or None,
    }


def _shown(asset: str, atoms: int) -> str:
    listed = Asset.objects.get(asset=asset)
    return amounts.shown(atoms, listed.decimals, listed.trading_decimals)
