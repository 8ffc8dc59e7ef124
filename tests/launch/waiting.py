"""Waiting for something with a deadline, and the processes that work in a folder."""

import time
from collections.abc import Callable
from pathlib import Path


def wait_until(condition: Callable[[], bool], *, limit_s: float = 60.0, what: str) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit_s} s: {what}"
        time.sleep(0.01)


def processes_in(state: Path) -> list[int]:
    """Live processes that work in a state directory, or where PostgreSQL's part of it had to be put."""
    note = state / "postgres" / "outside_folder"
    folders = [state, *([Path(note.read_text())] if note.exists() else [])]
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _works_in(entry, folders)]


def is_alive(pid: int) -> bool:
    """False for a zombie too: a container's first process may not reap it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _works_in(entry: Path, folders: list[Path]) -> bool:
    try:
        working_directory = (entry / "cwd").readlink()
    except OSError:
        return False
    return any(working_directory.is_relative_to(folder) for folder in folders)
