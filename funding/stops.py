"""Withdrawals of an asset stopped, and who lifted that: nothing of it is requested, batched or signed meanwhile."""

import datetime as dt
import logging

from .payout_models import WithdrawalStop

log = logging.getLogger(__name__)


def stop(asset: str, words: str, *, now: dt.datetime) -> None:
    """Nothing new happens while a stop of this asset is open."""
    _, is_new = WithdrawalStop.objects.get_or_create(
        asset=asset, lifted_at=None, defaults={"words": words, "stopped_at": now}
    )
    if is_new:
        log.error("withdrawals of %s are stopped: %s", asset, words)


def lift(asset: str, *, because: str, now: dt.datetime) -> bool:
    """A person has looked. False if there was no stop."""
    lifted = WithdrawalStop.objects.filter(asset=asset, lifted_at=None).update(lifted_at=now, lifted_because=because)
    if lifted:
        log.warning("withdrawals of %s go on: %s", asset, because)
    return bool(lifted)


def open_stop(asset: str) -> WithdrawalStop | None:
    return WithdrawalStop.objects.filter(asset=asset, lifted_at=None).first()
