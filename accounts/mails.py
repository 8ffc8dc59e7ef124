"""What the exchange writes to people. A mail is a row, written in the transaction of what it tells; delivery is another matter.

An address that nobody has registered gets a mail as well when somebody asks for a code or a reset with it: asking then costs
the same and tells nothing, and who mistyped his address learns so. ``throttling.MAIL`` bounds how many.
"""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from .models import Mail, User
from .sealing import seal_text, unseal_text

SHOWN_LIMIT = 50
_SIGNATURE = "\n\nKontor\n{site}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableMail:
    """A mail as the demo's page shows it."""

    id: int
    to: str
    subject: str
    text: str
    at: dt.datetime


def write_mail(*, to: str, user: User | None, subject: str, text: str, now: dt.datetime) -> None:
    """The mail will be delivered from now on."""
    whole = text + _SIGNATURE.format(site=settings.SITE_ADDRESS)
    Mail.objects.create(
        to=to, user=user, subject=subject, sealed_text=seal_text(whole), created_at=now, next_try_at=now
    )


def write_code(*, to: str, user: User | None, code: str, doing: str, minutes: int, now: dt.datetime) -> None:
    """``doing`` completes "Your code to …"."""
    if user is None:
        _write_stranger(to=to, now=now)
        return
    text = (
        f"Your code to {doing}:\n\n    {code}\n\n"
        f"It is good for {minutes} minutes and works once. Nobody from Kontor will ever ask you for it."
        "\n\nIf you did not ask for it, somebody typed your address; without the code nothing happens."
    )
    write_mail(to=to, user=user, subject=f"Your code to {doing}", text=text, now=now)


def write_reset_link(*, to: str, user: User | None, token: str, minutes: int, now: dt.datetime) -> None:
    if user is None:
        _write_stranger(to=to, now=now)
        return
    text = (
        f"Choose a new password here:\n\n    {settings.SITE_ADDRESS}/password-reset/{token}\n\n"
        f"The link is good for {minutes} minutes and works once. A new password ends all your sessions and freezes "
        f"withdrawals for {settings.WITHDRAWAL_FREEZE_H} hours."
        "\n\nIf you did not ask for it, leave it: your password stays as it is."
    )
    write_mail(to=to, user=user, subject="Choose a new password", text=text, now=now)


def write_already_registered(*, user: User, now: dt.datetime) -> None:
    text = (
        "Somebody, perhaps you, tried to open an account with this address. You have one already.\n\n"
        f"Sign in: {settings.SITE_ADDRESS}/sign-in\nNew password: {settings.SITE_ADDRESS}/password-reset"
    )
    write_mail(to=user.email, user=user, subject="You have an account already", text=text, now=now)


def _write_stranger(*, to: str, now: dt.datetime) -> None:
    text = (
        "Somebody, perhaps you, tried to sign in with this address. There is no account with it.\n\n"
        f"Perhaps you signed up with another address. To open an account: {settings.SITE_ADDRESS}/sign-up"
    )
    write_mail(to=to, user=None, subject="There is no account with this address", text=text, now=now)


def mails_to(*, email: str) -> list[ReadableMail]:
    """The last mails to an address, newest first."""
    return _readable(Q(to=email))


def mails_to_customers(*, to: str | None = None) -> list[ReadableMail]:
    """The last mails to anybody (or to one address) but the staff, whose mails would open more than their own account."""
    customers = Q(user__isnull=True) | Q(user__role=User.Role.USER, user__is_staff=False)
    return _readable(customers if to is None else customers & Q(to=to))


def _readable(condition: Q) -> list[ReadableMail]:
    rows = Mail.objects.filter(condition).exclude(sealed_text="").order_by("-id")[:SHOWN_LIMIT]
    return [
        ReadableMail(id=row.id, to=row.to, subject=row.subject, text=unseal_text(row.sealed_text), at=row.created_at)
        for row in rows
    ]
