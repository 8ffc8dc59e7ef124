"""What a person has to look at: raised once, written to the log, settled when its cause is gone."""

import datetime as dt
import logging

from .models import Alarm

log = logging.getLogger(__name__)


def raise_alarm(subject: str, words: str, *, now: dt.datetime) -> None:
    """Nothing new happens while an alarm for this subject is open."""
    _, is_new = Alarm.objects.get_or_create(
        subject=subject, settled_at=None, defaults={"words": words, "raised_at": now}
    )
    if is_new:
        log.error("ALARM %s: %s", subject, words)


def settle_alarm(subject: str, *, now: dt.datetime) -> None:
    if Alarm.objects.filter(subject=subject, settled_at=None).update(settled_at=now):
        log.warning("settled: %s", subject)
