"""The processes of a server under measurement."""

from pathlib import Path
from typing import NamedTuple


class Usage(NamedTuple):
    """What a process holds: memory in MiB, open files, threads."""

    rss_mib: float
    files: int
    threads: int


def worker_under(master: int) -> int:
    """The pid of this master's worker, which holds the engine. Raises RuntimeError without one."""
    workers = [pid for pid in _pids() if _parent(pid) == master]
    if len(workers) != 1:
        raise RuntimeError(f"process {master} has {len(workers)} children, not one")
    return workers[0]


def usage_of(pid: int) -> Usage:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Usage(int(fields["VmRSS"].split()[0]) / 1024, files, int(fields["Threads"]))


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
