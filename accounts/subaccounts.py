"""Further trading accounts of a user: balances, orders and keys apart from those of ``main``. In worker threads.

An account can be used once the engine knows whose it is (``is_linked``), so that a user's accounts never trade with each
other. The name is its idempotency key: asked for again, the account is the same.
"""

import uuid

from django.db import transaction

from .authentication import MAIN
from .models import Account, User
from .problems import INVALID_FIELD, TOO_MANY, Problem

LIMIT_PER_USER = 20
NAME_LIMIT = 40


def reserve(*, user_id: uuid.UUID, name: str) -> tuple[Account, bool]:
    """The user's account of this name, made if there is none, and whether it was made. Raises Problem."""
    name = name.strip()
    if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable():
        detail = f"A name has 1 to {NAME_LIMIT} characters that can be seen."
        raise Problem(INVALID_FIELD, detail, {"errors": {"name": [detail]}})
    with transaction.atomic():
        User.objects.select_for_update().get(id=user_id)  # one at a time, for the limit's sake
        known = Account.objects.filter(owner=user_id)
        found = known.filter(name=name).first()
        if found is not None:
            return found, False
        if known.count() > LIMIT_PER_USER:
            raise Problem(TOO_MANY, f"At most {LIMIT_PER_USER} subaccounts.")
        return Account.objects.create(owner_id=user_id, name=name, is_linked=False), True


def mark_linked(*, account_id: int) -> None:
    """From now on the account can be used."""
    Account.objects.filter(id=account_id).update(is_linked=True)


def main_of(*, user_id: uuid.UUID) -> int:
    return Account.objects.values_list("id", flat=True).get(owner=user_id, name=MAIN)


def accounts_of(*, user_id: uuid.UUID) -> list[Account]:
    """The user's accounts that can be used, oldest first: ``main``, then the others."""
    return list(Account.objects.filter(owner=user_id, is_linked=True).order_by("id"))


def account_with_owner(*, account_id: int) -> Account:
    return Account.objects.select_related("owner").get(id=account_id)
