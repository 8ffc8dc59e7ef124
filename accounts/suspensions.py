"""What the staff take from a user for a while: trading, withdrawing, or both. The one writer of it. In worker threads.

It concerns all trading accounts of the user. Who may not trade can still cancel, look, and withdraw; who may not withdraw can
still trade. The user reads the reason in the security log, and has a mail.
"""

import datetime as dt
import uuid
from typing import Literal

from django.db import transaction

from .models import Account, User
from .problems import FORBIDDEN, UNKNOWN_USER, WITHDRAWING_SUSPENDED, Problem
from .security_log import Caller, Event, record, record_act

What = Literal["trading", "withdrawal"]
REASON_LIMIT = 100
"""It goes into a line of the log together with an address."""

_FIELDS = {"trading": "trading_suspended_at", "withdrawal": "withdrawing_suspended_at"}
_EVENTS = {
    ("trading", True): Event.TRADING_SUSPENDED,
    ("trading", False): Event.TRADING_RESUMED,
    ("withdrawal", True): Event.WITHDRAWING_SUSPENDED,
    ("withdrawal", False): Event.WITHDRAWING_RESUMED,
}


@transaction.atomic
def set_suspended(
    *, user_id: uuid.UUID, what: What, suspended: bool, reason: str, by: uuid.UUID, caller: Caller, now: dt.datetime
) -> User:
    """The user as he is now; what is so already stays as it is. Nobody does this to himself. Raises Problem."""
    user = User.objects.select_for_update(no_key=True).filter(id=user_id).first()
    if user is None:
        raise unknown_user()
    if user.id == by:
        raise Problem(FORBIDDEN, "Somebody else has to do that for you.")
    field = _FIELDS[what]
    if (getattr(user, field) is not None) == suspended:
        return user
    setattr(user, field, now if suspended else None)
    user.save(update_fields=[field])
    record(user=user, event=_EVENTS[what, suspended], caller=Caller(), now=now, detail=reason)
    doing = f"{'suspended' if suspended else 'resumed'} {what} of {user.id}: {reason}"
    record_act(user_id=by, caller=caller, now=now, detail=doing)
    return user


def suspended_accounts() -> frozenset[int]:
    """The trading accounts of all who may not trade."""
    found = Account.objects.filter(owner__trading_suspended_at__isnull=False)
    return frozenset(found.values_list("id", flat=True))


def require_withdrawing(user: User) -> None:
    """For whoever takes a withdrawal, or a transfer to somebody else. Raises Problem."""
    if user.withdrawing_suspended_at is not None:
        raise Problem(WITHDRAWING_SUSPENDED, "Your security log says why. Your funds are where they are.")


def require_withdrawing_of(*, user_id: uuid.UUID) -> None:
    require_withdrawing(User.objects.get(id=user_id))


def unknown_user() -> Problem:
    return Problem(UNKNOWN_USER, "There is no user of this id.")
