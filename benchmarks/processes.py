"""The processes of a server under measurement, found by the address that it was told to listen on."""

from pathlib import Path
from typing import NamedTuple


class Usage(NamedTuple):
    """What a process holds: memory in MiB, open files, threads."""

    rss_mib: float
    files: int
    threads: int


def worker_of(port: int) -> int:
    """The pid of the worker, which holds the engine: the child of the master. Raises RuntimeError without one."""
    mark = f"BIND=127.0.0.1:{port}".encode()
    parents = {pid: _parent(pid) for pid in _pids() if mark in _environment(pid)}
    masters = {pid for pid, parent in parents.items() if parent not in parents}
    workers = [pid for pid, parent in parents.items() if parent in masters]
    if len(workers) != 1:
        raise RuntimeError(f"port {port} has {len(workers)} workers, not one")
    return workers[0]


def worker_under(master: int) -> int:
    """The pid of the worker of this master. Raises RuntimeError without one."""
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


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
