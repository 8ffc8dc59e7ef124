"""What the environment says about the signer: paths, never a key. Read once, at the edge; `etc/signer.env` lists all of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bitcoind_proxy.networks import NETWORKS, Network
from bitcoind_proxy.tls import UNIX, TlsFiles


class WrongConfiguration(Exception):
    """A variable is missing or makes no sense. The message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    network: Network
    key_file: Path
    policy_file: Path
    record_file: Path
    listen: str
    tls: TlsFiles | None


def read_configuration(environ: Mapping[str, str]) -> Configuration:
    """Raises WrongConfiguration. An empty variable counts as absent."""
    chain, listen = _needed(environ, "SIGNER_CHAIN"), _needed(environ, "SIGNER_LISTEN")
    if chain not in NETWORKS:
        raise WrongConfiguration(f"SIGNER_CHAIN is {chain!r}; it is one of {', '.join(NETWORKS)}")
    return Configuration(
        network=NETWORKS[chain],
        key_file=Path(_needed(environ, "SIGNER_KEY_FILE")),
        policy_file=Path(_needed(environ, "SIGNER_POLICY_FILE")),
        record_file=Path(_needed(environ, "SIGNER_RECORD_FILE")),
        listen=listen,
        tls=None if listen.startswith(UNIX) else _tls(environ),
    )


def _tls(environ: Mapping[str, str]) -> TlsFiles:
    files = [Path(_needed(environ, f"SIGNER_TLS_{part}")) for part in ("CERTIFICATE", "KEY", "AUTHORITY")]
    for file in files:
        if not file.is_file():
            raise WrongConfiguration(f"there is no file {file}")
    return TlsFiles(certificate=files[0], key=files[1], authority=files[2])


def _needed(environ: Mapping[str, str], name: str) -> str:
    if value := environ.get(name):
        return value
    raise WrongConfiguration(f"{name} is not set")
