"""What both sides of the wire say of mutual TLS."""

from dataclasses import dataclass
from pathlib import Path

UNIX = "unix:"
"""How the address of a unix socket begins; it needs no TLS, the file's mode says who may connect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files: our certificate and key, and the authority that the other side's certificate is from."""

    certificate: Path
    key: Path
    authority: Path
