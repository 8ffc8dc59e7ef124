"""Secrets that must be read again, kept encrypted in the database: of API keys, of second factors, the texts of unsent mails.

Fernet (AES-128-CBC with HMAC-SHA256). The keys are ``settings.SEALING_KEYS``, the newest first: it seals, any of them opens, so
that a key is changed by putting a new one in front. A copy of the database alone opens nothing. ``resealing`` seals anew what an
older key sealed; what was sealed under SECRET_KEY, as second factors and mails once were, is opened too.
"""

import base64
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_KEY_BYTES = 32


class NotOpened(Exception):
    """None of the keys opens what was sealed: it is damaged, or its key is not among them any more."""


def seal(secret: bytes) -> bytes:
    return _box().encrypt(secret)


def unseal(sealed: bytes) -> bytes:
    """Raises NotOpened."""
    try:
        return _box().decrypt(sealed)
    except InvalidToken as error:
        raise NotOpened("a sealed secret cannot be opened with the keys in SEALING_KEYS") from error


def seal_text(text: str) -> str:
    return seal(text.encode()).decode("ascii")


def unseal_text(sealed: str) -> str:
    """Raises NotOpened."""
    return unseal(sealed.encode()).decode()


def seal_anew(sealed: bytes) -> bytes:
    """The same secret under the newest key. Raises NotOpened."""
    return seal(unseal(sealed))


def _box() -> MultiFernet:
    return _box_of(tuple(settings.SEALING_KEYS), (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@cache
def _box_of(keys: tuple[str, ...], secret_keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([*map(Fernet, keys), *(Fernet(_derived(secret)) for secret in secret_keys)])


def _derived(secret: str) -> bytes:
    derive = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"kontor accounts.sealing")
    return base64.urlsafe_b64encode(derive.derive(secret.encode()))
