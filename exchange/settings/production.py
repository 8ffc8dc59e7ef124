"""Production: every secret from the environment or a file, TLS in front, no faucet."""

import os
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from .base import *  # noqa: F403
from .base import RATE_LIMITS
from .environment import port, read, secret


def _smtp_security(name: str) -> tuple[bool, bool]:
    """Django's EMAIL_USE_SSL and EMAIL_USE_TLS."""
    if name not in ("none", "starttls", "tls"):
        raise ImproperlyConfigured("SMTP_SECURITY is none, starttls or tls.")
    return name == "tls", name == "starttls"


def _sealing_keys() -> list[str]:
    """Comma-separated, the newest first."""
    keys = [key.strip() for key in secret("SEALING_KEYS").split(",")]
    try:
        for key in keys:
            Fernet(key)
    except ValueError as error:
        raise ImproperlyConfigured(
            "SEALING_KEYS must be keys of 32 bytes in urlsafe base64, separated by commas; make one by "
            "python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'."
        ) from error
    return keys


if not RATE_LIMITS:
    raise ImproperlyConfigured("RATE_LIMITS=off is for load tests; production refuses it. Unset it.")

SECRET_KEY = secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("SECRET_KEY_FALLBACKS", "").split(",") if key]
SEALING_KEYS = _sealing_keys()
ALLOWED_HOSTS = [host for host in os.environ.get("ALLOWED_HOSTS", "").split(",") if host]
SITE_ADDRESS = os.environ.get("SITE_ADDRESS") or f"https://{ALLOWED_HOSTS[0] if ALLOWED_HOSTS else 'localhost'}"
EMAIL_HOST = os.environ.get("SMTP_HOST", "localhost")
EMAIL_PORT = read("SMTP_PORT", port, "25")
EMAIL_HOST_USER = os.environ.get("SMTP_USER", "")
EMAIL_HOST_PASSWORD = secret("SMTP_PASSWORD") if EMAIL_HOST_USER else ""
EMAIL_USE_SSL, EMAIL_USE_TLS = _smtp_security(os.environ.get("SMTP_SECURITY", "none"))
DEFAULT_FROM_EMAIL = os.environ.get("MAIL_FROM") or f"Kontor <no-reply@{urlsplit(SITE_ADDRESS).hostname}>"
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
