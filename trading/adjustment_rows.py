"""The rows of adjustments, and who decides on them: the one writer of the table. In worker threads.

ADJUSTMENT_LIMITS say how much one of the staff may credit and take back alone within a day; beyond that another approves. Nobody
touches a balance of his own. The database holds that it takes two.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Q, Sum

from accounts.models import Account, User
from accounts.problems import CONFLICT, UNKNOWN_ACCOUNT, Problem
from accounts.security_log import Caller, record_act

from . import amounts
from .models import Adjustment, Asset
from .problems import ADJUSTMENT_DECIDED, NOT_REVERSIBLE, OWN_ADJUSTMENT, UNKNOWN_ADJUSTMENT

DAY = dt.timedelta(days=1)
_STATES = {
    "waiting": Q(takes_two=True, approved=None, event_seq=None),
    "rejected": Q(approved=False),
    "approved": Q(event_seq=None) & (Q(takes_two=False) | Q(approved=True)),
    "done": Q(event_seq__isnull=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for. ``credit_seq``: the credit that a debit takes back."""

    kind: str
    account: int
    asset: str
    amount_atoms: int
    credit_seq: int | None
    reason: str


@transaction.atomic
def ask(*, wish: Wish, key: str, by: uuid.UUID, caller: Caller, now: dt.datetime) -> tuple[Adjustment, bool]:
    """The adjustment of this key, a UUID, and whether it is new. Raises Problem."""
    User.objects.select_for_update(no_key=True).get(id=by)  # one at a time, for the limit's sake
    before = Adjustment.objects.filter(asked_by=by, idempotency_key=key).first()
    if before is not None:
        if _wish_of(before) != wish:
            raise Problem(CONFLICT, "This idempotency key was used for a different adjustment.")
        return before, False
    account = Account.objects.select_for_update(no_key=True).filter(id=wish.account, is_linked=True).first()
    if account is None:
        raise Problem(UNKNOWN_ACCOUNT, "There is no trading account of this id.")
    if account.owner_id == by:
        raise Problem(OWN_ADJUSTMENT, "Somebody else has to ask for yours.")
    other = (
        Adjustment.objects.exclude(approved=False).filter(credit_seq=wish.credit_seq).exclude(credit_seq=None).first()
    )
    if other is not None:
        raise Problem(NOT_REVERSIBLE, f"Adjustment {other.id} takes it back.")
    recent = Adjustment.objects.filter(asked_by=by, asset=wish.asset, asked_at__gt=now - DAY, takes_two=False)
    day_atoms = wish.amount_atoms + int(recent.aggregate(sum=Sum("amount_atoms"))["sum"] or 0)
    row = Adjustment.objects.create(
        kind=wish.kind,
        account=account,
        asset=wish.asset,
        amount_atoms=wish.amount_atoms,
        credit_seq=wish.credit_seq,
        reason=wish.reason,
        idempotency_key=key,
        takes_two=day_atoms > _limit_atoms(wish.asset),
        asked_by_id=by,
        asked_at=now,
    )
    record_act(user_id=by, caller=caller, now=now, detail=f"asked for adjustment {row.id}: {wish.reason}")
    return row, True


@transaction.atomic
def decide(*, number: int, approve: bool, by: uuid.UUID, caller: Caller, now: dt.datetime) -> Adjustment:
    """By another than who asked, and not the owner; the same said again is told again. Raises Problem."""
    row = Adjustment.objects.select_for_update().filter(id=number).first()
    if row is None:
        raise unknown()
    if by in (row.asked_by_id, Account.objects.values_list("owner_id", flat=True).get(id=row.account_id)):
        raise Problem(OWN_ADJUSTMENT, "It takes somebody else.")
    if row.decided_by_id == by and row.approved == approve:
        return row
    if row.state != "waiting":
        raise Problem(ADJUSTMENT_DECIDED, f"It is {row.state}.", {"state": row.state})
    row.decided_by_id, row.decided_at, row.approved = by, now, approve
    row.save(update_fields=["decided_by", "decided_at", "approved"])
    record_act(
        user_id=by, caller=caller, now=now, detail=f"{'approved' if approve else 'rejected'} adjustment {row.id}"
    )
    return row


def carried_out(*, number: int, event_seq: int) -> Adjustment:
    """By this event."""
    Adjustment.objects.filter(id=number, event_seq=None).update(event_seq=event_seq)
    return Adjustment.objects.get(id=number)


def page(*, state: str, before: int | None, limit: int) -> list[Adjustment]:
    """Those in a state, newest first, with a number below ``before``."""
    found = Adjustment.objects.filter(_STATES[state]).select_related("asked_by", "decided_by")
    if before is not None:
        found = found.filter(id__lt=before)
    return list(found.order_by("-id")[:limit])


def with_people(*, number: int) -> Adjustment:
    return Adjustment.objects.select_related("asked_by", "decided_by").get(id=number)


def unknown() -> Problem:
    return Problem(UNKNOWN_ADJUSTMENT, "There is no adjustment of this id.")


def _wish_of(row: Adjustment) -> Wish:
    return Wish(
        kind=row.kind,
        account=row.account_id,
        asset=row.asset,
        amount_atoms=int(row.amount_atoms),
        credit_seq=row.credit_seq,
        reason=row.reason,
    )


def _limit_atoms(asset: str) -> int:
    limit = settings.ADJUSTMENT_LIMITS.get(asset)
    return (
        0 if limit is None else amounts.parse(limit, Asset.objects.values_list("decimals", flat=True).get(asset=asset))
    )
