"""What the environment says about a start. Read once, at the edge."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from exchange.launch.refusal import EXIT_REFUSED, Refusal

CHECKOUT = Path(__file__).resolve().parent.parent.parent
DEFAULT_PORT = 8000
SETTINGS_MODULE = "exchange.settings.demo"
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    checkout: Path
    state_dir: Path
    port: int
    with_bots: bool
    with_custody: bool
    """A chain and a signer of the demo's own; not beside FUNDING_NODES."""
    database_url: str | None
    """A real server, or None for the embedded one."""
    database_owner_url: str | None

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def log_dir(self) -> Path:
        return self.state_dir / "log"


def read_configuration(environ: Mapping[str, str]) -> Configuration:
    """Raises Refusal for a value that makes no sense. An empty variable counts as absent."""
    database_url = _database_url("DATABASE_URL", environ)
    return Configuration(
        checkout=CHECKOUT,
        state_dir=Path(environ.get("KONTOR_STATE") or CHECKOUT / ".state").resolve(),
        port=_port(environ.get("PORT") or str(DEFAULT_PORT)),
        with_bots=_on_or_off("BOTS", environ.get("BOTS") or "on"),
        with_custody=_on_or_off("CUSTODY", environ.get("CUSTODY") or "on") and not environ.get("FUNDING_NODES"),
        database_url=database_url,
        database_owner_url=(_database_url("DATABASE_OWNER_URL", environ) or database_url) if database_url else None,
    )


def child_environment(configuration: Configuration, *, database_url: str, embedded: bool) -> dict[str, str]:
    """What every child process gets: our environment, and where things are.

    PG* variables are meant for someone's other server; next to the embedded one they would bend its address.
    """
    environment = {name: value for name, value in os.environ.items() if not (embedded and name.startswith("PG"))}
    environment.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS_MODULE)
    environment |= {
        "DATABASE_URL": database_url,
        "KONTOR_STATE": str(configuration.state_dir),
        "PORT": str(configuration.port),
        "PYTHONUNBUFFERED": "1",
    }
    return environment


def manage(*arguments: str) -> list[str]:
    """A command of manage.py, under the interpreter that runs us."""
    return [sys.executable, str(CHECKOUT / "manage.py"), *arguments]


def without_password(url: str) -> str:
    """A database address that may be shown."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, user.split(":")[0] + at + host, parts.path, "", ""))


def _database_url(name: str, environ: Mapping[str, str]) -> str | None:
    url = environ.get(name) or None
    try:
        if url is None or urlsplit(url).scheme in ("postgres", "postgresql"):
            return url
    except ValueError:
        pass
    raise Refusal(f"{name} must have the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE", exit_code=EXIT_REFUSED)


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    raise Refusal(f"PORT must be a number from 1 to 65535, not {text!r}", exit_code=EXIT_REFUSED)


def _on_or_off(name: str, text: str) -> bool:
    if text.lower() in ("on", "off"):
        return text.lower() == "on"
    raise Refusal(f"{name} must be on or off, not {text!r}", exit_code=EXIT_REFUSED)
