"""What the person at the terminal reads: one line for each step, with the seconds since the start."""

import sys
import time
from contextlib import suppress


class Console:
    """A terminal that went away is no reason to stop in disorder: what cannot be written is dropped."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, words: str) -> None:
        self.show(f"[{time.monotonic() - self._started:6.1f} s] {words}")

    def show(self, text: str) -> None:
        with suppress(OSError):
            print(text, flush=True)

    def complain(self, sentence: str) -> None:
        with suppress(OSError):
            print(f"kontor: {sentence}", file=sys.stderr, flush=True)
