"""How settings read the environment: forms that values have to have, and sentences that say so. No Django is needed for them.

A form is a function from the text to the value; it raises ValueError with what the text has to be. ``read`` names the variable.
"""

import ipaddress
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")


def read(name: str, form: Callable[[str], T], default: str) -> T:
    """The value of a variable. Raises ImproperlyConfigured."""
    try:
        return form(os.environ.get(name, default))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} {error}.") from error


def secret(name: str) -> str:
    """The value of NAME, or the content of the file that NAME_FILE names. Raises ImproperlyConfigured."""
    if path := os.environ.get(f"{name}_FILE"):
        try:
            value = Path(path).read_text().strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text"
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {reason}.") from error
        if not value:
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which is empty.")
        return value
    if value := os.environ.get(name, ""):
        return value
    raise ImproperlyConfigured(f"Set {name}, or {name}_FILE to a file that holds it.")


def whole_number(text: str) -> int:
    """From 1 on."""
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise ValueError(f"must be a whole number from 1 on, not {text!r}")


def port(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    raise ValueError(f"must be a number from 1 to 65535, not {text!r}")


def on_or_off(text: str) -> bool:
    if text.lower() in ("on", "off"):
        return text.lower() == "on"
    raise ValueError(f"must be on or off, not {text!r}")


def pairs(text: str) -> dict[str, str]:
    """`NAME=VALUE`, commas between."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not (name and equals and value):
            raise ValueError(f"must have the form NAME=VALUE with commas between; {entry!r} has not")
    return dict(entry.split("=", 1) for entry in entries)


def networks(text: str) -> list[str]:
    """As 10.0.0.0/8, spaces between."""
    for network in text.split():
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise ValueError(f"must be networks as 10.0.0.0/8 with spaces between; {network!r} is none") from None
    return text.split()


def origins(text: str) -> list[str]:
    """As https://desk.example.com, spaces between."""
    for origin in text.split():
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
            raise ValueError(f"must be sites as https://desk.example.com with spaces between; {origin!r} is none")
    return text.split()
