"""What the staff see of users, and that they cancelled orders. Every look is in the log of who looked, before it is answered. In
worker threads.
"""

import datetime as dt
import uuid

from django.db import transaction

from .authentication import MAIN
from .models import Account, User
from .problems import UNKNOWN_ACCOUNT, Problem
from .security_log import Caller, Event, record, record_act
from .suspensions import unknown_user


def users_page(
    *, email: str, before: int | None, limit: int, by: uuid.UUID, caller: Caller, now: dt.datetime
) -> list[Account]:
    """The main trading accounts, each with its owner, of users whose address contains ``email``: newest first, with a number
    below ``before``.
    """
    record_act(user_id=by, caller=caller, now=now, detail=f"listed users{f' with {email!r}' if email else ''}")
    found = Account.objects.filter(name=MAIN, owner__email__contains=email.lower()).select_related("owner")
    if before is not None:
        found = found.filter(id__lt=before)
    return list(found.order_by("-id")[:limit])


def looked_at(
    *, user_id: str, account: int | None, what: str, by: uuid.UUID, caller: Caller, now: dt.datetime
) -> tuple[User, list[Account], int]:
    """A user, the trading accounts, and the one that is meant: ``account``, or the main one. Raises Problem."""
    user = find_user(user_id=user_id)
    record_act(user_id=by, caller=caller, now=now, detail=f"looked at {what} of {user.id}")
    accounts = list(Account.objects.filter(owner=user).order_by("id"))
    meant = [one.id for one in accounts if one.id == account or (account is None and one.name == MAIN)]
    if not meant:
        raise Problem(UNKNOWN_ACCOUNT, "The user has no such trading account.")
    return user, accounts, meant[0]


@transaction.atomic
def note_cancelled(
    *, user_id: uuid.UUID, count: int, reason: str, by: uuid.UUID, caller: Caller, now: dt.datetime
) -> None:
    """That so many of a user's orders were cancelled: in the log of who did it, and in the user's if it was any, with a mail."""
    if count:
        user = User.objects.get(id=user_id)
        record(user=user, event=Event.ORDERS_CANCELLED, caller=Caller(), now=now, detail=reason)
    orders = "1 order" if count == 1 else f"{count} orders"
    record_act(user_id=by, caller=caller, now=now, detail=f"cancelled {orders} of {user_id}: {reason}")


def accounts_of(*, user_id: uuid.UUID) -> list[int]:
    """The user's trading accounts."""
    return list(Account.objects.filter(owner_id=user_id).order_by("id").values_list("id", flat=True))


def find_user(*, user_id: str) -> User:
    """Raises Problem unknown_user."""
    try:
        number = uuid.UUID(user_id)
    except ValueError:
        raise unknown_user() from None
    user = User.objects.filter(id=number).first()
    if user is None:
        raise unknown_user()
    return user
