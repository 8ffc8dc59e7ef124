"""The demo's bitcoin chain, and the key of its wallet.

Where there is a bitcoind on PATH it runs on regtest behind the sidecar, else a simulated chain does; what was chosen at the first
start stays, for the deposits are in its blocks. Everything is in the state directory: the chain in ``chain/``, the wallet's
private key in ``signer/keys``, which no process of the exchange reads. ``chain/wallet`` has the public descriptor.
"""

import os
import secrets
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embit.bip32 import HDKey

from bitcoind_proxy.networks import NETWORKS
from exchange.launch.child import Child
from exchange.launch.configuration import HOST, Configuration
from exchange.launch.refusal import EXIT_REFUSED, Refusal, refusal_of_folder
from exchange.launch.sockets import SocketFolder

Kind = Literal["simulated", "regtest"]

CHAIN = "bitcoin:regtest"
NODE = "bitcoind"
BLOCK_INTERVAL_S = 30
NODE_START_LIMIT_S = 60
_SOCKET = "chain.sock"
_PATH = "84h/1h/0h"
"""BIP 84's first account of a test coin."""
_TEST_XPRV = bytes.fromhex("04358394")
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoChain:
    """``children`` in the order of their start. ``environment``: what the exchange's processes are told."""

    kind: Kind
    target: str
    children: tuple[Child, ...]
    sockets: SocketFolder

    @property
    def environment(self) -> dict[str, str]:
        return {"FUNDING_NODES": f"{CHAIN}={self.target}", "KONTOR_CHAIN": self.kind}


def prepare_chain(configuration: Configuration, *, say: Callable[[str], None]) -> DemoChain:
    """The chain's folder, key and processes, which are not started yet. Raises Refusal."""
    home = configuration.state_dir / "chain"
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        kind = _kind(home)
        _ensure_key(configuration.state_dir / "signer", home / "wallet")
        sockets = SocketFolder(home, _SOCKET, say=say)
        target = f"unix:{sockets.open() / _SOCKET}"
    except OSError as error:
        raise refusal_of_folder(configuration.state_dir, error) from error
    if kind == "simulated":
        children: tuple[Child, ...] = (_simulator(configuration, home, target),)
    else:
        program = shutil.which(NODE)
        if program is None:
            raise Refusal(
                f"{NODE} was on PATH when this demo began, and is not any more; put it back, or begin anew: make clean",
                exit_code=EXIT_REFUSED,
            )
        children = node_children(configuration, Path(program), CHAIN, home, target)
    return DemoChain(kind=kind, target=target, children=children, sockets=sockets)


def node_children(
    configuration: Configuration, program: Path, chain: str, home: Path, target: str, *options: str
) -> tuple[Child, Child]:
    """A node of the Bitcoin Core family on its own regtest, and its sidecar, which mines."""
    folder, port = home / "node", _free_port()
    folder.mkdir(mode=0o700, exist_ok=True)
    node = [
        *(str(program), "-regtest", f"-datadir={folder}", "-server=1", "-listen=0", "-connect=0", "-dnsseed=0"),
        *(f"-rpcport={port}", f"-rpcbind={HOST}", f"-rpcallowip={HOST}", "-fallbackfee=0.0002"),
        *("-printtoconsole=1", "-debuglogfile=0", *options),
    ]
    sidecar = {
        "BITCOIND_CHAIN": chain,
        "BITCOIND_RPC": f"{HOST}:{port}",
        "BITCOIND_COOKIE_FILE": str(folder / "regtest" / ".cookie"),
        "BITCOIND_PROXY_LISTEN": target,
        "BITCOIND_MINER_WALLET": "miner",
        "BITCOIND_BLOCK_INTERVAL_S": str(BLOCK_INTERVAL_S),
        "BITCOIND_START_LIMIT_S": str(NODE_START_LIMIT_S),
    }
    return (
        detached(configuration, "the node", "node", node, {}),
        detached(configuration, "the node's sidecar", "sidecar", [sys.executable, "-m", "bitcoind_proxy"], sidecar),
    )


def _simulator(configuration: Configuration, home: Path, target: str) -> Child:
    command = [sys.executable, "-m", "bitcoind_proxy.simulator", "--listen", target, "--chain", CHAIN]
    command += ["--file", str(home / "blocks"), "--block-interval-s", str(BLOCK_INTERVAL_S)]
    return detached(configuration, "the simulated chain", "chain", command, {})


def detached(
    configuration: Configuration, name: str, log: str, command: list[str], environment: dict[str, str]
) -> Child:
    """A process that is no part of the exchange: of our environment it gets nothing that belongs to that."""
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TZ") if key in os.environ}
    return Child(
        name=name,
        command=command,
        environment=inherited | {"PYTHONUNBUFFERED": "1"} | environment,
        log=configuration.log_dir / f"{log}.log",
        folder=configuration.checkout,
    )


def _kind(home: Path) -> Kind:
    """What the first start chose. Raises OSError."""
    note = home / "kind"
    if not note.exists():
        note.write_text("simulated" if shutil.which(NODE) is None else "regtest")
    return "regtest" if note.read_text().strip() == "regtest" else "simulated"


def _ensure_key(signer: Path, wallet: Path) -> None:
    """Both files, made once; the private one first, so that no address is shown that nobody can spend from."""
    if wallet.exists():
        return
    keys = signer / "keys"
    signer.mkdir(mode=0o700, exist_ok=True)
    root = HDKey.from_seed(secrets.token_bytes(_SEED_BYTES), version=_TEST_XPRV)
    account = root.derive(f"m/{_PATH}")
    public = account.to_public()
    public.version = NETWORKS[CHAIN].xpub
    origin = f"[{root.my_fingerprint.hex()}/{_PATH}]"
    _write_private(keys, f"wpkh({origin}{account.to_base58()}/<0;1>/*)\n")
    _write_private(wallet, f"wpkh({origin}{public.to_base58()}/0/*)\n")


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, for its owner alone."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
