"""Secrets of API keys, which must be read again: encrypted before they are stored (Fernet: AES-128-CBC with HMAC-SHA256).

The keys are ``settings.SEALING_KEYS``, the newest first: it seals, any of them opens, so that a key is changed by putting
a new one in front. A copy of the database alone opens nothing.
"""

from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class NotOpened(Exception):
    """None of the keys opens what was sealed: it is damaged, or its key is not among them any more."""


def seal(secret: bytes) -> bytes:
    return _sealer(tuple(settings.SEALING_KEYS)).encrypt(secret)


def unseal(sealed: bytes) -> bytes:
    """Raises NotOpened."""
    try:
        return _sealer(tuple(settings.SEALING_KEYS)).decrypt(sealed)
    except InvalidToken as error:
        raise NotOpened("a sealed secret cannot be opened with the keys in SEALING_KEYS") from error


@cache
def _sealer(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
