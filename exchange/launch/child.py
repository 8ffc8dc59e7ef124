"""A child process of the launcher: its log, its end, and that it never outlives the launcher."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from exchange.launch import logs

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.02


def end_with_parent(signal_number: int) -> Callable[[], None] | None:
    """A `preexec_fn` by which the kernel sends the child `signal_number` when the thread that starts it ends.

    Linux only; elsewhere None. Call Popen from the main thread: a worker thread that ends would take the child along.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def ask_the_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask_the_kernel


class Child:
    """A command with a log file, in a process group of its own so that Ctrl-C reaches the launcher alone."""

    def __init__(
        self, *, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again; only the first start rotates the log. Raises OSError."""
        with logs.open_log(self.log) if self._process is None else self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=end_with_parent(signal.SIGKILL),
            )

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def exit_code(self) -> int | None:
        """None while it runs, and before it started."""
        return self._process.poll() if self._process else None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, *, limit_s: float, hurried: Callable[[], bool]) -> None:
        """SIGTERM, then SIGKILL to its whole group after `limit_s` or as soon as `hurried()`. Returns when it is gone."""
        if self._process is None:
            return
        if self.is_running():
            self._process.terminate()
            deadline = time.monotonic() + limit_s
            while self.is_running() and time.monotonic() < deadline and not hurried():
                time.sleep(_POLL_S)
        self.sweep()
        self._process.wait()

    def sweep(self) -> None:
        """SIGKILL to whatever is left of its group."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
