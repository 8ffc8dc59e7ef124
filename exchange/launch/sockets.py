"""Folders for sockets: a socket's path may have 107 bytes, however deep the checkout is."""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

PATH_LIMIT_BYTES = 107
_NOTE = "outside_socket_dir"


class SocketFolder:
    """Where the socket ``name`` of ``home`` is: inside, or in a private folder with a short path while it is in use.

    Nobody but our user can enter it. ``say`` is told when it is outside.
    """

    def __init__(self, home: Path, name: str, *, say: Callable[[str], None]) -> None:
        self._home = home
        self._name = name
        self._say = say

    def open(self) -> Path:
        """The folder, made if it is not there. Raises OSError."""
        inside = self._home / "run"
        if len(os.fsencode(inside / self._name)) <= PATH_LIMIT_BYTES:
            inside.mkdir(mode=0o700, exist_ok=True)
            return inside
        note = self._home / _NOTE
        if note.exists() and _is_private(Path(note.read_text())):
            return Path(note.read_text())
        outside = Path(tempfile.mkdtemp(prefix="kontor-", dir="/tmp"))
        note.write_text(str(outside))
        self._say(f"the path of {self._home} is too long for a socket; it is in {outside} instead")
        return outside

    def close(self) -> None:
        """Removes a folder outside."""
        note = self._home / _NOTE
        if note.exists():
            outside = Path(note.read_text())
            if _is_private(outside):
                shutil.rmtree(outside, ignore_errors=True)
            note.unlink()


def _is_private(folder: Path) -> bool:
    """A directory of ours, not a link, that nobody else can enter."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == 0o700
