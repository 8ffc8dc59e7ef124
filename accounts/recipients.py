"""Who can be given something, by e-mail address. In worker threads."""

from .authentication import MAIN
from .models import Account


def find_recipient(*, email: str) -> int | None:
    """The main trading account of the active user with this address; None if there is nobody."""
    if not email.isprintable():
        return None  # there is no such address, and the database cannot be asked for one
    accounts = Account.objects.filter(owner__email=email.strip().lower(), owner__is_active=True, name=MAIN)
    return accounts.values_list("id", flat=True).first()
