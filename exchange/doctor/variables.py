"""The environment, before any setting is read: names that nobody reads, values that have not the form that they need.

``VARIABLES`` has every variable that the exchange's processes read. What PostgreSQL's library, Python or gunicorn read by
themselves is theirs.
"""

import difflib
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from exchange.serving import SERVER_PID
from exchange.settings.environment import networks, on_or_off, origins, pairs, port, whole_number

from .findings import Findings, ok, warning, wrong

OUR_FAMILIES = ("KONTOR_", "FUNDING_", "RATE_LIMIT")
"""Nobody else's variables begin so: one that we do not know is a mistake."""
LIKENESS = 0.85
"""From here on a name is taken for one of ours that was mistyped (difflib's ratio)."""
SHORTEST_NAME = 6
"""Below that names are alike by chance."""


def _any(text: str) -> str:
    return text


def _one_of(*choices: str) -> Callable[[str], str]:
    def form(text: str) -> str:
        if text in choices:
            return text
        raise ValueError(f"must be one of {', '.join(choices)}, not {text!r}")

    return form


def _url(*schemes: str, example: str) -> Callable[[str], str]:
    """Says nothing of what stands there: it may hold a password."""

    def form(text: str) -> str:
        wanted = f"must have the form {example}"
        try:
            parts = urlsplit(text)
            parts.port  # noqa: B018 - it is parsed when it is asked for
        except ValueError:
            raise ValueError(wanted) from None
        if parts.scheme not in schemes or not (parts.netloc or parts.path):
            raise ValueError(wanted)
        return text

    return form


def _address(text: str) -> str:
    host, colon, number = text.rpartition(":")
    if not (host and colon):
        raise ValueError(f"must have the form ADDRESS:PORT, not {text!r}")
    port(number)
    return text


def _file(text: str) -> str:
    try:
        with Path(text).open("rb"):
            return text
    except OSError as error:
        raise ValueError(f"names {text}, which cannot be read: {error.strerror}") from None


_DATABASE = _url("postgres", "postgresql", example="postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
SECRETS = ("SECRET_KEY", "SEALING_KEYS", "SMTP_PASSWORD")
"""Each may come from the file that NAME_FILE names instead."""
VARIABLES: dict[str, Callable[[str], object]] = {
    "ALLOWED_HOSTS": _any,
    "BIND": _address,
    "BOTS": on_or_off,
    "COLD_ADDRESSES": pairs,
    "CUSTODY": on_or_off,
    "DATABASE_OWNER_URL": _DATABASE,
    "DATABASE_URL": _DATABASE,
    "DJANGO_SETTINGS_MODULE": _any,
    "FUNDING_NODES": pairs,
    "FUNDING_SIGNERS": pairs,
    "FUNDING_TLS_AUTHORITY": _file,
    "FUNDING_TLS_CERTIFICATE": _file,
    "FUNDING_TLS_KEY": _file,
    "KONTOR_CHAIN": _one_of("simulated", "regtest"),
    "KONTOR_ENGINE": _one_of("auto", "native", "interpreted"),
    "KONTOR_PASSWORD": _any,
    "KONTOR_STATE": _any,
    "MAIL_FROM": _any,
    "METRICS_FROM": networks,
    "PORT": port,
    "RATE_LIMITS": on_or_off,
    "RATE_LIMIT_ACCOUNT": whole_number,
    "RATE_LIMIT_ADDRESS": whole_number,
    "RATE_LIMIT_ORDERS": whole_number,
    "RATE_LIMIT_WINDOW_S": whole_number,
    "REDIS_URL": _url("redis", "rediss", "unix", example="redis://:PASSWORD@HOST:PORT/0"),
    "SECRET_KEY_FALLBACKS": _any,
    "SITE_ADDRESS": _url("http", "https", example="https://exchange.example.com"),
    "SMTP_HOST": _any,
    "SMTP_PORT": port,
    "SMTP_SECURITY": _one_of("none", "starttls", "tls"),
    "SMTP_USER": _any,
    "STREAM_ORIGINS": origins,
    SERVER_PID: _any,
    **dict.fromkeys(SECRETS, _any),
    **{f"{name}_FILE": _file for name in SECRETS},
}
"""By name, the form of its value."""


def unknown_names(environ: Mapping[str, str]) -> Findings:
    """Names that nobody reads and that look like ours."""
    strangers = [name for name in environ if name not in VARIABLES]
    found = 0
    for name in sorted(strangers):
        alike = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=LIKENESS)
        if name.startswith(OUR_FAMILIES):
            nearest = alike or difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.0)
            yield wrong(name, "nobody reads it.", f"The nearest that is known is {nearest[0]}: rename it, or unset it.")
        elif alike and len(name) >= SHORTEST_NAME:
            yield warning(name, "nobody here reads it.", f"If {alike[0]} is meant, rename it.")
        else:
            continue
        found += 1
    if not found:
        yield ok("No variable of the environment has a name of ours that nobody reads.")


def malformed_values(environ: Mapping[str, str]) -> Findings:
    """Of all variables that are set. An empty one counts as absent."""
    found = 0
    for name, form in sorted(VARIABLES.items()):
        value = environ.get(name)
        if not value:
            continue
        try:
            form(value)
        except ValueError as error:
            found += 1
            yield wrong(name, f"it {error}.", "Set it so, or unset it.")
    if not found:
        yield ok(
            f"{sum(bool(environ.get(name)) for name in VARIABLES)} variables are set, and have the form they need."
        )


def secret_files(environ: Mapping[str, str]) -> Findings:
    """Files that hold a secret: everybody on the machine could read it; or the variable beside it says something else."""
    for name in SECRETS:
        path = environ.get(f"{name}_FILE")
        if not path:
            continue
        if environ.get(name):
            yield warning(name, f"it is set, but {name}_FILE is what counts.", "Unset one of the two.")
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116 - the name is somebody's text
        except OSError:
            continue  # said of its form already
        if mode & stat.S_IROTH:
            yield warning(f"{name}_FILE", f"everybody on this machine can read {path}.", f"chmod o-r {path}")
        else:
            yield ok(f"{name} comes from a file that not everybody can read.")
