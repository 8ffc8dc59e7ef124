"""Remove what running the checkout has made: `.state` (all demo data), `.venv`, the site's modules. `make clean` executes it."""

import fcntl
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".state"
OUTSIDE = {"outside_socket_dir": Path("/tmp"), "outside_folder": Path("/var/tmp")}  # noqa: S108


def outside_folders() -> list[Path]:
    """What the embedded PostgreSQL had to put outside the checkout, by its own notes; see exchange/launch/postgres.py."""
    found = []
    for name, parent in OUTSIDE.items():
        for note in STATE.glob(f"**/postgres/{name}"):
            folder = Path(note.read_text())
            if (
                folder.parent == parent
                and folder.name.startswith("kontor-")
                and folder.is_dir()
                and not folder.is_symlink()
            ):
                found.append(folder)
    return found


def is_running() -> bool:
    """Does a process use an embedded PostgreSQL of this checkout, or the state as a whole?"""
    for path in [STATE / "lock", *STATE.glob("**/postgres/lock")]:
        if not path.exists():
            continue
        with path.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False


def main() -> int:
    if is_running():
        print("kontor: the exchange is running from this checkout; stop it first", file=sys.stderr)
        return 2
    for folder in [*outside_folders(), STATE, ROOT / ".venv", ROOT / "exchange" / "site" / "node_modules"]:
        if folder.exists():
            print(f"kontor: removing {folder}", flush=True)
            try:
                shutil.rmtree(folder)
            except OSError as error:
                print(f"kontor: cannot remove {error.filename or folder}: {error.strerror}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
