"""Log files of the children, with a bound: rotated at every start and when they outgrow it.

A child appends to a file that it inherits, so that it never waits for the launcher. When the file outgrows its bound
while the child runs, the launcher copies it aside and empties it; lines written between the two are lost.
"""

import os
import shutil
from pathlib import Path
from typing import BinaryIO

KEPT_FILES = 3
BOUND_BYTES = 10 * 1024 * 1024


def open_log(path: Path) -> BinaryIO:
    """A fresh log for appending; what was there becomes `path.1`, and so on up to `KEPT_FILES`. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size:
        _shift(path)
        path.rename(_kept(path, 1))
    return path.open("ab")


def keep_within_bound(path: Path) -> None:
    """Empty a log that outgrew its bound, after a copy of it. Raises OSError."""
    if path.exists() and path.stat().st_size > BOUND_BYTES:
        _shift(path)
        shutil.copyfile(path, _kept(path, 1))
        os.truncate(path, 0)


def tail(path: Path, *, start_bytes: int = 0, lines: int = 15) -> str:
    """The last lines of a log, of what was written after `start_bytes`."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(start_bytes, size - 64 * 1024))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])


def _kept(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _shift(path: Path) -> None:
    for number in range(KEPT_FILES - 1, 0, -1):
        if _kept(path, number).exists():
            _kept(path, number).replace(_kept(path, number + 1))
