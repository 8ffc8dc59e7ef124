"""Secrets that must be read again, kept encrypted in the database: TOTP keys, the seeds of recovery codes, unsent mails.

Fernet (AES-128-CBC with HMAC-SHA256) under a key derived from SECRET_KEY; SECRET_KEY_FALLBACKS open what an older key sealed.
"""

import base64
from functools import cache

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_KEY_BYTES = 32


def seal(text: str) -> str:
    return _box(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """Raises cryptography.fernet.InvalidToken if it was not sealed with a key of ours."""
    return _box(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS).decrypt(sealed.encode("ascii")).decode()


@cache
def _box(*secret_keys: str) -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in secret_keys])


def _key(secret: str) -> bytes:
    derive = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"kontor accounts.sealing")
    return base64.urlsafe_b64encode(derive.derive(secret.encode()))
