"""Sealing everything anew under the newest of SEALING_KEYS, so that the older ones can be dropped."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Model

from .models import ApiKey, Mail
from .sealing import NotOpened, seal_anew

Row = TypeVar("Row", bound=Model)

SEALED_FIELDS = ("secret", "seed")
"""Of an authenticator's data: of an app, of recovery codes."""


@dataclass(slots=True)
class Resealed:
    """``lost``: what none of the keys opens, named."""

    count: int
    lost: list[str]


def reseal_all() -> Resealed:
    """Row by row, each under its lock: others may work meanwhile. Safe to repeat."""
    done = Resealed(0, [])
    _reseal_rows(ApiKey, _reseal_key, done)
    _reseal_rows(Authenticator, _reseal_factor, done)
    _reseal_rows(Mail, _reseal_mail, done)
    return done


def _reseal_rows(model: type[Row], reseal: Callable[[Row], bool], done: Resealed) -> None:
    """``reseal`` says whether the row has a secret."""
    rows = model._default_manager
    for number in list(rows.values_list("pk", flat=True)):
        with transaction.atomic():
            row = rows.select_for_update().filter(pk=number).first()
            try:
                done.count += row is not None and reseal(row)
            except NotOpened:
                done.lost.append(f"{model.__name__} {number}")


def _reseal_key(row: ApiKey) -> bool:
    if row.sealed_secret is None:
        return False
    row.sealed_secret = seal_anew(bytes(row.sealed_secret))
    row.save(update_fields=["sealed_secret"])
    return True


def _reseal_factor(row: Authenticator) -> bool:
    sealed = [name for name in SEALED_FIELDS if name in row.data]
    for name in sealed:
        row.data[name] = seal_anew(row.data[name].encode()).decode("ascii")
    row.save(update_fields=["data"])
    return bool(sealed)


def _reseal_mail(row: Mail) -> bool:
    if not row.sealed_text:
        return False
    row.sealed_text = seal_anew(row.sealed_text.encode()).decode("ascii")
    row.save(update_fields=["sealed_text"])
    return True
