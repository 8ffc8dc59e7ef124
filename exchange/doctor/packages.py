"""Python and the packages: what is locked is what runs."""

import platform
import re
import sys
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from .findings import Findings, ok, wrong

LOCK = Path(__file__).resolve().parent.parent.parent / "etc" / "requirements" / "run.txt"
OLDEST_PYTHON = (3, 11)
SHOWN = 5
"""So many packages are named; one `make run` puts all of them right."""
_LOCKED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: *; *(?P<marker>[^\\]+?))? *\\?$")


def python_version(oldest: tuple[int, int] = OLDEST_PYTHON) -> Findings:
    needed = ".".join(str(number) for number in oldest)
    if sys.version_info[:2] < oldest:
        fix = "Name a newer one: make run PYTHON=/path/to/python3.11."
        yield wrong(
            "PYTHON", f"this is Python {platform.python_version()}, and {needed} is the oldest that works.", fix
        )
    else:
        yield ok(f"Python {platform.python_version()}.")


def package_versions(lock: Path = LOCK) -> Findings:
    """Against the lock file, for this Python and machine."""
    wanted = dict(_locked(lock))
    found = {name: _installed(name) for name in wanted}
    differing = [name for name, version in wanted.items() if found[name] != version]
    for name in differing[:SHOWN]:
        says = f"{wanted[name]} is locked, {found[name] or 'none'} is installed."
        yield wrong(name, says, f"Install what is locked: pip install --require-hashes -r {lock}, or make run.")
    if len(differing) > SHOWN:
        yield wrong(str(lock), f"{len(differing) - SHOWN} more packages differ.", "The same puts all of them right.")
    if not differing:
        yield ok(f"All {len(wanted)} packages are at the locked versions.")


def _locked(lock: Path) -> list[tuple[str, str]]:
    """Name and version of what this Python and machine need."""
    matches = (_LOCKED.match(line) for line in lock.read_text().splitlines())
    return [
        (canonicalize_name(match["name"]), match["version"])
        for match in matches
        if match and (match["marker"] is None or Marker(match["marker"]).evaluate())
    ]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
