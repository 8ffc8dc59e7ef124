"""What the environment says about the sidecar. Read once, at the edge; `etc/bitcoind_proxy.env` lists every variable."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .errors import Unreachable
from .networks import NETWORKS, Network
from .rpc import Rpc
from .tls import UNIX, TlsFiles

DEFAULT_RPC_PORT = 8332
LONGEST_SECONDS_DIGITS = 5


class WrongConfiguration(Exception):
    """A variable is missing or makes no sense. The message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    rpc: Rpc
    network: Network
    wallets: tuple[str, ...]
    listen: str
    tls: TlsFiles | None
    miner_wallet: str | None
    """Of a node on regtest: blocks and coins are made at will, for whoever reaches the sidecar."""
    block_interval_s: int
    start_limit_s: int
    """So long a node that does not answer yet is waited for."""


def read_configuration(environ: Mapping[str, str]) -> Configuration:
    """Raises WrongConfiguration. An empty variable counts as absent."""
    listen = _needed(environ, "BITCOIND_PROXY_LISTEN")
    host, port = _address(environ)
    return Configuration(
        rpc=Rpc(host, port, _credentials(environ)),
        network=chain_named(_needed(environ, "BITCOIND_CHAIN")),
        wallets=tuple(name.strip() for name in environ.get("BITCOIND_WALLETS", "").split(",") if name.strip()),
        listen=listen,
        tls=None if listen.startswith(UNIX) else read_tls(environ),
        miner_wallet=environ.get("BITCOIND_MINER_WALLET") or None,
        block_interval_s=_seconds(environ, "BITCOIND_BLOCK_INTERVAL_S", 30),
        start_limit_s=_seconds(environ, "BITCOIND_START_LIMIT_S", 0),
    )


def chain_named(name: str) -> Network:
    if name not in NETWORKS:
        raise WrongConfiguration(f"BITCOIND_CHAIN is {name!r}; it is one of {', '.join(NETWORKS)}")
    return NETWORKS[name]


def read_tls(environ: Mapping[str, str]) -> TlsFiles:
    """Raises WrongConfiguration unless all three files are named and there."""
    files = [
        Path(_needed(environ, f"BITCOIND_PROXY_TLS_{part}", "TCP takes mutual TLS"))
        for part in ("CERTIFICATE", "KEY", "AUTHORITY")
    ]
    for file in files:
        if not file.is_file():
            raise WrongConfiguration(f"there is no file {file}")
    return TlsFiles(certificate=files[0], key=files[1], authority=files[2])


def _address(environ: Mapping[str, str]) -> tuple[str, int]:
    text = environ.get("BITCOIND_RPC") or f"127.0.0.1:{DEFAULT_RPC_PORT}"
    parts = urlsplit(f"//{text}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.username is not None or parts.path:
        raise WrongConfiguration("BITCOIND_RPC is HOST:PORT; user and password have variables of their own")
    return host, port or DEFAULT_RPC_PORT


def _credentials(environ: Mapping[str, str]) -> Callable[[], tuple[str, str]]:
    cookie = environ.get("BITCOIND_COOKIE_FILE")
    if cookie:
        return lambda: _from_cookie(Path(cookie))
    user = _needed(environ, "BITCOIND_RPC_USER", "or BITCOIND_COOKIE_FILE")
    if file := environ.get("BITCOIND_RPC_PASSWORD_FILE"):
        path = Path(file)
        return lambda: (user, _read(path))
    password = _needed(environ, "BITCOIND_RPC_PASSWORD", "or BITCOIND_RPC_PASSWORD_FILE")
    return lambda: (user, password)


def _from_cookie(path: Path) -> tuple[str, str]:
    user, colon, password = _read(path).partition(":")
    if not colon:
        raise Unreachable(f"{path} is no cookie of a node")
    return user, password


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise Unreachable(f"{path} cannot be read: {error.strerror}; is the node running?") from error


def _seconds(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_SECONDS_DIGITS):
        raise WrongConfiguration(f"{name} is a number of seconds")
    return int(text)


def _needed(environ: Mapping[str, str], name: str, words: str = "") -> str:
    if value := environ.get(name):
        return value
    raise WrongConfiguration(f"{name} is not set{'; ' + words if words else ''}")
