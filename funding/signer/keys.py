"""The keys: descriptors with private keys, one in each line of a file that nobody else may read.

Nothing here ever puts a key into words: what goes wrong is told by line numbers, and whatever the library says is dropped.
"""

import ctypes
import os
import resource
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embit.descriptor import Descriptor
from embit.psbt import DerivationPath

from bitcoind_proxy.networks import Network

HARDENED = 2**31
HOME_BRANCHES = [0, 1]
"""Deposits come to 0, change to 1."""
_PR_SET_DUMPABLE = 4


class WrongKeyFile(Exception):
    """The key file is not to be used. The message says why, and never holds any of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """One key of a wallet: ``wallet`` counts the lines of the key file from 0."""

    wallet: int
    branch: int
    index: int


class KeyRing:
    """Wallets of single keys in SegWit outputs (P2WPKH), whose signatures commit to the amounts that they spend."""

    def __init__(self, descriptors: Sequence[Any]) -> None:
        self._descriptors = tuple(descriptors)

    def __repr__(self) -> str:
        return f"KeyRing of {len(self._descriptors)}"

    def public_descriptors(self) -> list[str]:
        return [str(descriptor.to_public()) for descriptor in self._descriptors]

    def place_of(self, derivations: Any, script: bytes) -> Place | None:
        """Where the key of a script is by a PSBT's own word, checked by deriving it; None unless it is one of ours."""
        for path in derivations.values():
            for number, descriptor in enumerate(self._descriptors):
                place = _place(number, descriptor, path)
                if place is not None and self.script(place) == script:
                    return place
        return None

    def script(self, place: Place) -> bytes:
        return bytes(self._derived(place).script_pubkey().data)

    def key(self, place: Place) -> Any:
        """The private key; it stays in this process."""
        return self._derived(place).key.private_key

    def _derived(self, place: Place) -> Any:
        return self._descriptors[place.wallet].derive(place.index, branch_index=place.branch)


def _place(number: int, descriptor: Any, path: DerivationPath) -> Place | None:
    found = descriptor.key.check_derivation(path)
    if found is None or not 0 <= found[0] < HARDENED:
        return None
    return Place(wallet=number, branch=found[1], index=found[0])


def read_keys(path: Path, network: Network) -> KeyRing:
    """Raises WrongKeyFile unless it is a file of mode 0600 of ours with nothing but descriptors of the right kind."""
    lines = [line.strip() for line in _read_private(path).splitlines() if line.strip()]
    if not lines:
        raise WrongKeyFile(f"{path} is empty")
    return KeyRing([_descriptor(line, number, network) for number, line in enumerate(lines, 1)])


def _read_private(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise WrongKeyFile(f"{path} cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise WrongKeyFile(f"{path} is no file")
        if found.st_uid != os.geteuid():
            raise WrongKeyFile(f"{path} belongs to somebody else")
        if found.st_mode & 0o177:
            raise WrongKeyFile(f"{path} has mode {stat.S_IMODE(found.st_mode):04o}; it has to be 0600")
        return file.read()


def _descriptor(text: str, number: int, network: Network) -> Any:
    try:
        descriptor = Descriptor.from_string(text)
        key = descriptor.key
        is_single = bool(descriptor.wpkh) and not descriptor.sh and not descriptor.taproot and key is not None
        branches = key.branches if is_single else None
        is_ours = is_single and key.is_extended and key.is_private and key.origin is not None and key.is_wildcard
        is_here = is_ours and key.key.to_public().version == network.xpub
    except Exception:  # embit quotes what it could not read
        raise WrongKeyFile(f"line {number} is no descriptor") from None
    if not is_ours or branches != HOME_BRANCHES:
        raise WrongKeyFile(f"line {number} is not of the form wpkh([fingerprint/path]xprv…/<0;1>/*)")
    if not is_here:
        raise WrongKeyFile(f"line {number} holds no key of {network.chain}")
    return descriptor


def stay_private() -> None:
    """No core file, and no other process of this user may read this one's memory (Linux)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
