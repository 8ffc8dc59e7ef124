"""Withdrawals stand still for WITHDRAWAL_FREEZE_H hours after a change of password, e-mail address or second factor.

Who took over an account changes these first; the freeze gives its owner, who got a mail, the time to take it back.
"""

import datetime as dt
import uuid

from django.conf import settings

from .models import User
from .problems import WITHDRAWALS_FROZEN, Problem

NEVER = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
"""How long a deficit freezes."""


def freeze_withdrawals(*, user: User, now: dt.datetime) -> None:
    """Freezes from now on; a later change lengthens it."""
    end = now + dt.timedelta(hours=settings.WITHDRAWAL_FREEZE_H)
    user.withdrawals_frozen_until = max(end, user.withdrawals_frozen_until or end)
    user.save(update_fields=["withdrawals_frozen_until"])


def frozen_until(user: User, *, now: dt.datetime) -> dt.datetime | None:
    until = user.withdrawals_frozen_until
    return until if until is not None and until > now else None


def require_withdrawals_open(*, user_id: uuid.UUID, now: dt.datetime) -> None:
    """For whoever takes a withdrawal. Raises Problem(withdrawals_frozen), with its end."""
    until = frozen_until(User.objects.get(id=user_id), now=now)
    if until is not None:
        end = until.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        detail = f"Password, e-mail address or second factor were changed. Withdrawals are open again at {end}."
        raise Problem(WITHDRAWALS_FROZEN, detail, {"frozen_until": end})


def freeze_for_deficit(*, user_id: uuid.UUID) -> None:
    """Freezes until somebody lifts it: the account owes what was credited to it."""
    User.objects.filter(id=user_id).update(withdrawals_frozen_until=NEVER)


def lift_deficit_freeze(*, user_id: uuid.UUID, now: dt.datetime) -> None:
    """The deficit is settled. As after a change of password it takes WITHDRAWAL_FREEZE_H hours more; other freezes stay."""
    end = now + dt.timedelta(hours=settings.WITHDRAWAL_FREEZE_H)
    User.objects.filter(id=user_id, withdrawals_frozen_until=NEVER).update(withdrawals_frozen_until=end)
