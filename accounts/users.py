"""Registering people and checking their passwords. Argon2 takes some 0.1 s of CPU: never call these on the event loop."""

import secrets
from functools import cache

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from .models import Account, User


def register(*, email: str, password: str) -> User | None:
    """Makes a user with a main account.

    Returns None if the address is taken, at the same cost, so that nobody learns who has an account.
    Raises ValidationError if the address or the password is not acceptable.
    """
    email = email.strip().lower()
    validate_email(email)
    validate_password(password)
    return _create(User(email=email, password=make_password(password)))


def create_operator(*, email: str, password: str | None) -> User:
    """Makes an operator, who may also open the admin. Raises ValueError if the address is taken."""
    user = User(
        email=email.strip().lower(),
        password=make_password(password),
        role=User.Role.OPERATOR,
        is_staff=True,
        is_superuser=True,
    )
    validate_email(user.email)
    if _create(user) is None:
        raise ValueError(f"{user.email} already has an account.")
    return user


def verify_password(*, email: str, password: str) -> User | None:
    """The user, if address and password fit and the user is active; the same cost if the address is unknown."""
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        check_password(password, _nobodys_hash())
        return None
    return user if user.check_password(password) else None


@cache
def _nobodys_hash() -> str:
    """What a password for an unknown address is compared with, so that it goes the same way."""
    return make_password(secrets.token_urlsafe())


def main_account_id(user: User) -> int:
    return Account.objects.values_list("id", flat=True).get(owner=user, name="main")


def _create(user: User) -> User | None:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            Account.objects.create(owner=user)
    except IntegrityError:
        return None
    return user
