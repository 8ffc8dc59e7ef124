"""Has snapshots made in a process of its own, at low priority: nobody's answer waits for it.

The process is ``manage.py snapshot``, the same that a person may call. One at a time; the server that leads the projection
starts it.
"""

import logging
import subprocess
import sys
import time

from django.conf import settings

log = logging.getLogger(__name__)

NICENESS = 10
STOP_S = 5.0
LAST_S = 20.0


class SnapshotWorker:
    """``every`` events, but not within ``pause_s`` after the one before. Called on the event loop, never blocks it."""

    def __init__(self, *, every: int, pause_s: float) -> None:
        self._every = every
        self._pause_s = pause_s
        self.last_seq = 0
        """The event of the last snapshot that this process has read or asked for."""
        self._not_before = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def make_if_due(self, seq: int) -> None:
        """Starts the process if event ``seq`` is far enough beyond the last snapshot."""
        if self._process is not None and not self._ended(self._process):
            return
        now = time.monotonic()
        if seq - self.last_seq < self._every or now < self._not_before:
            return
        self.last_seq, self._not_before = seq, now + self._pause_s
        self._process = self._start()

    def make_now(self) -> None:
        """Waits until one is made, for LAST_S at the most. In a thread of its own, when the process is about to end."""
        if self._process is None or self._ended(self._process):
            self._process = self._start()
        try:
            self._process.wait(LAST_S)
        except subprocess.TimeoutExpired:
            log.warning("no snapshot was made within %.0f s; the next start folds more", LAST_S)

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            ["nice", "-n", str(NICENESS), sys.executable, str(settings.ROOT / "manage.py"), "snapshot"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """Ends the process if it is under way; it leaves nothing behind."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _ended(self, process: subprocess.Popen[bytes]) -> bool:
        code = process.poll()
        if code:
            log.warning("no snapshot was made: manage.py snapshot ended with %s", code)
        if code is not None:
            self._process = None
        return code is not None
