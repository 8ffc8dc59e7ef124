"""What happened on a simulated chain, a line of JSON for each act, so that the chain outlives its process.

``{"block": NUMBER, "transactions": [HEX]}`` on top of the active chain; ``{"cut": HEIGHT}``: the blocks above are not in it any
more, and nothing waits; ``{"waits": HEX}``; ``{"waiting": [HEX]}``: these wait and nothing else. Lines are synced to the disk
before an act is answered; one that a death cut short never was answered, and is dropped.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class BrokenFile(Exception):
    """A line is not what was written. The message names it."""


class ChainFile:
    """One process at a time has it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._noted: list[str] = []
        self._file = path.open("a+b")

    def lines(self) -> Iterator[Line]:
        """Everything that was written, in order. Raises BrokenFile."""
        self._file.seek(0)
        whole = 0
        for number, text in enumerate(self._file, start=1):
            if not text.endswith(b"\n"):
                break
            whole += len(text)
            try:
                line = json.loads(text)
            except ValueError as error:
                raise BrokenFile(f"line {number} of {self._path} cannot be read; remove the file") from error
            yield line
        self._file.truncate(whole)

    def note(self, line: Line) -> None:
        """To be written with what comes up to the next ``write``."""
        self._noted.append(json.dumps(line, separators=(",", ":")))

    def write(self) -> None:
        """All that was noted, on the disk when it returns. Raises OSError."""
        self._file.write("".join(f"{text}\n" for text in self._noted).encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._noted.clear()
