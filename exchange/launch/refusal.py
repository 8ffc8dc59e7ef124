"""Why a start is refused: one sentence that says what the reader can change."""

import errno
from pathlib import Path

EXIT_FAILED = 1
"""A part of the exchange failed."""
EXIT_REFUSED = 2
"""The surroundings do not allow a start: a port in use, a folder that is not writable."""

_SIGNS_OF_A_FULL_DISK = ("No space left on device", "Disk quota exceeded")


class Refusal(Exception):
    """The start, or going on, is refused; the message is written for the person at the terminal."""

    def __init__(self, sentence: str, *, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def refusal_of_folder(folder: Path, error: OSError) -> Refusal:
    """The sentence for a folder that cannot be used."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder)
    return Refusal(f"this user cannot write to {error.filename or folder} ({error.strerror})", exit_code=EXIT_REFUSED)


def refusal_of_output(output: str, folder: Path, otherwise: str) -> Refusal:
    """The sentence for a command that failed: a full disk by its own words, else `otherwise` and the end of what it printed."""
    if any(sign in output for sign in _SIGNS_OF_A_FULL_DISK):
        return disk_full(folder)
    end = "\n".join(output.strip().splitlines()[-15:])
    return Refusal(f"{otherwise}\n{end}" if end else otherwise)


def disk_full(folder: Path) -> Refusal:
    return Refusal(f"the disk that holds {folder} is full", exit_code=EXIT_REFUSED)
