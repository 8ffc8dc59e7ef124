"""What money that is real asks of the settings: secrets that are secret, no demo, TLS, mail that goes out.

Django's own checks of a deployment are said in Django's words.
"""

import base64
import os
import re
import socket
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

from .findings import Finding, Findings, ok, warning, wrong

FEWEST_VALUES = 8
"""Of the 32 bytes of a key: fewer different ones were typed, not drawn."""
MAIL_LIMIT_S = 3.0
LOOPBACK = ("127.", "localhost", "[::1]", "unix:")
PRODUCTION = "Set DJANGO_SETTINGS_MODULE=exchange.settings.production."
_OURS = {
    "security.W009": "SECRET_KEY",
    "security.W020": "ALLOWED_HOSTS",
    "security.W025": "SECRET_KEY_FALLBACKS",
}
"""By the number of Django's check, our variable; others name Django's own setting."""


def which_settings() -> Findings:
    """A demo makes money out of nothing: nobody from elsewhere may reach it."""
    listens = os.environ.get("BIND", "127.0.0.1:8000")
    if settings.DEBUG:
        yield wrong("DEBUG", "it is on: errors tell strangers what is inside.", "Set it to False.")
    if settings.DEMO and not listens.startswith(LOOPBACK):
        yield wrong("DJANGO_SETTINGS_MODULE", f"a demo, with a faucet, listens on {listens}.", PRODUCTION)
    elif settings.DEMO:
        yield ok("These are the demo's settings, for this machine alone.")
    else:
        yield ok("These are settings for real money.")


def django_checks() -> Findings:
    """`manage.py check`, and with settings for real money `check --deploy`."""
    messages = checks.run_checks(include_deployment_checks=not settings.DEMO)
    for message in messages:
        yield _finding(message)
    if not messages:
        yield ok("Django's own checks find nothing.")


def _finding(message: checks.CheckMessage) -> Finding:
    words = " ".join(str(message.msg).split())
    named = re.search(r"\b[A-Z]+(?:_[A-Z]+)+\b", words)
    setting = _OURS.get(str(message.id)) or (named[0] if named else str(message.obj or "settings"))
    is_wrong = message.level >= checks.ERROR or str(message.id).startswith("security.")
    fix = " ".join((message.hint or "Django's documentation tells how to meet it.").split())
    return (wrong if is_wrong else warning)(setting, f"({message.id}) {words}", fix)


def hosts() -> Findings:
    if settings.DEMO:
        return
    if "*" in settings.ALLOWED_HOSTS:
        yield wrong("ALLOWED_HOSTS", "it allows every host.", "Name the hosts that people reach the site by.")
    site = urlsplit(settings.SITE_ADDRESS)
    if site.scheme != "https":
        yield wrong("SITE_ADDRESS", "links in mails lead to a page without TLS.", "Begin it with https://.")
    if settings.ALLOWED_HOSTS and site.hostname not in settings.ALLOWED_HOSTS:
        says = f"links in mails lead to {site.hostname}, which is not served."
        yield warning("SITE_ADDRESS", says, "Name one of ALLOWED_HOSTS, or add this one to them.")
    else:
        yield ok(f"Links in mails lead to {settings.SITE_ADDRESS}.")


def secrets() -> Findings:
    """Nobody guesses them, and whoever learns one has not learnt another. Django's checks look at SECRET_KEY itself."""
    if settings.DEMO:
        return
    uses: dict[str, list[str]] = {}
    for name, value in _named_secrets():
        uses.setdefault(value, []).append(name)
    shared = [names for names in uses.values() if len(names) > 1]
    for names in shared:
        yield wrong(names[-1], f"the same secret is used in {' and in '.join(names)}.", _fresh(names[-1]))
    weak = [key for key in settings.SEALING_KEYS if len(set(base64.urlsafe_b64decode(key))) < FEWEST_VALUES]
    if weak:
        yield wrong("SEALING_KEYS", "one of them can be guessed.", _fresh("SEALING_KEYS"))
    if _is_the_demos():
        yield wrong("SECRET_KEY", "it is the demo's, which lies in its state directory.", _fresh("SECRET_KEY"))
    if not (shared or weak or _is_the_demos()):
        yield ok("Secrets are of their own, and nothing that one guesses.")


def _named_secrets() -> list[tuple[str, str]]:
    """Once for each that there is."""
    database = str(settings.DATABASES["default"].get("PASSWORD") or "")
    owner = urlsplit(str(settings.DATABASE_OWNER_URL or "")).password or ""
    named: list[tuple[str, str]] = [
        ("SECRET_KEY", str(settings.SECRET_KEY)),
        *(("SECRET_KEY_FALLBACKS", str(key)) for key in settings.SECRET_KEY_FALLBACKS),
        *(("SEALING_KEYS", key) for key in settings.SEALING_KEYS),
        ("DATABASE_URL", database),
        *([("DATABASE_OWNER_URL", owner)] if owner != database else []),
        ("SMTP_PASSWORD", settings.EMAIL_HOST_PASSWORD),
        ("REDIS_URL", urlsplit(str(settings.REDIS_URL)).password or ""),
    ]
    return [(name, value) for name, value in named if value]


def _is_the_demos() -> bool:
    kept = settings.ROOT / ".state" / "secret_key"
    return kept.is_file() and os.access(kept, os.R_OK) and kept.read_text().strip() == settings.SECRET_KEY


def _fresh(name: str) -> str:
    if name == "SEALING_KEYS":
        make = "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"
        return f"Put a new one in front, made by python -c '{make}', then manage.py reseal."
    if name.startswith("SECRET_KEY"):
        return "Make another: python -c 'import secrets; print(secrets.token_urlsafe(50))'."
    return "Give it a password of its own."


def mail() -> Findings:
    if settings.DEMO:
        return
    server = (settings.EMAIL_HOST, settings.EMAIL_PORT)
    try:
        socket.create_connection(server, timeout=MAIL_LIMIT_S).close()
    except OSError as error:
        says = f"nothing takes mail at {server[0]} port {server[1]}: {error.strerror or error}. Mails wait."
        yield warning("SMTP_HOST", says, "Name a mail server by SMTP_HOST and SMTP_PORT.")
    else:
        yield ok(f"{server[0]} takes mail.")
    if settings.EMAIL_HOST_USER and not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL):
        says = "the mail server's password goes over the wire as it is."
        yield wrong("SMTP_SECURITY", says, "Set it to starttls or tls.")
