"""Requests to stop. The handlers only append to a list; the supervisor's loop reads it when nothing is half done."""

import os
import signal
import time
from types import FrameType

_SAME_KEYSTROKE_S = 0.3
_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """Someone asked for the end; raised by the loop, never by a handler."""


class StopSignals:
    """Ctrl-C, SIGTERM, a closed terminal and, if wanted, the end of the parent process. A second Ctrl-C means: in a hurry."""

    def __init__(self, *, with_parent: bool) -> None:
        self._received: list[tuple[int, float]] = []
        self._parent = os.getppid() if with_parent else None

    def install(self) -> None:
        for number in _HANDLED:
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._received.append((number, time.monotonic()))

    def is_requested(self) -> bool:
        return bool(self._received) or (self._parent is not None and os.getppid() != self._parent)

    def is_hurried(self) -> bool:
        """A second Ctrl-C. One keystroke can arrive twice, through the terminal and through a wrapper, within a moment."""
        interrupts = [at for number, at in self._received if number == signal.SIGINT]
        return len(interrupts) > 1 and interrupts[-1] - interrupts[0] > _SAME_KEYSTROKE_S

    def check(self) -> None:
        """Raises StopRequested."""
        if self.is_requested():
            raise StopRequested

    def sleep(self, seconds: float) -> None:
        """Wait, but not past a request. Raises StopRequested."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, 0.05))
        self.check()
