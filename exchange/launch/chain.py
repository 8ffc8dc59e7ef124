"""The demo's bitcoin chain, the key of its wallet, and the signer that holds it.

Where there is a bitcoind on PATH it runs on regtest behind the sidecar, else a simulated chain does; what was chosen at the first
start stays, for the deposits are in its blocks. Everything is in the state directory: the chain in ``chain/``, the wallet's
private key in ``signer/keys``, which the signer alone reads, beside its policy and its record. ``chain/wallet`` has the public
descriptor.
"""

import json
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
from funding.signer.record import Record

Kind = Literal["simulated", "regtest"]

CHAIN = "bitcoin:regtest"
NODE = "bitcoind"
BLOCK_INTERVAL_S = 30
NODE_START_LIMIT_S = 60
TARGETS_NOTE = "targets.json"
"""Where node and signer listen, so that ``manage.py`` finds them as it finds the database."""
_SOCKET, _SIGNER_SOCKET = "chain.sock", "signer.sock"
_PATH = "84h/1h/0h"
"""BIP 84's first account of a test coin."""
_TEST_XPRV = bytes.fromhex("04358394")
_SEED_BYTES = 32
_POLICY = """# What the demo's signer signs. etc/signer_policy.toml explains it.
maximum_fee_sats = 200_000
maximum_fee_sats_per_kvbyte = 300_000
daily_sats = 100_000_000_000
daily_fee_sats = 10_000_000
approvals = [[100_000_000, 1], [1_000_000_000, 2]]
cold = []
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoChain:
    """``children`` in the order of their start. ``environment``: what the exchange's processes are told."""

    kind: Kind
    target: str
    signer: str
    children: tuple[Child, ...]
    sockets: SocketFolder

    @property
    def environment(self) -> dict[str, str]:
        return {
            "FUNDING_NODES": f"{CHAIN}={self.target}",
            "FUNDING_SIGNERS": f"{CHAIN}={self.signer}",
            "KONTOR_CHAIN": self.kind,
        }


def prepare_chain(configuration: Configuration, *, say: Callable[[str], None]) -> DemoChain:
    """The chain's folder, key and processes, which are not started yet. Raises Refusal."""
    home = configuration.state_dir / "chain"
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        kind = _kind(home)
        _ensure_key(configuration.state_dir / "signer", home / "wallet")
        sockets = SocketFolder(home, max(_SOCKET, _SIGNER_SOCKET, key=len), say=say)
        folder = sockets.open()
        target, signer = f"unix:{folder / _SOCKET}", f"unix:{folder / _SIGNER_SOCKET}"
        targets = {"FUNDING_NODES": {CHAIN: target}, "FUNDING_SIGNERS": {CHAIN: signer}}
        (home / TARGETS_NOTE).write_text(json.dumps(targets, indent=1))
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
    children = (*children, _signer(configuration, signer))
    return DemoChain(kind=kind, target=target, signer=signer, children=children, sockets=sockets)


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
        _child(configuration, "the node", "node", node, {}),
        _child(configuration, "the node's sidecar", "sidecar", [sys.executable, "-m", "bitcoind_proxy"], sidecar),
    )


def _simulator(configuration: Configuration, home: Path, target: str) -> Child:
    command = [sys.executable, "-m", "bitcoind_proxy.simulator", "--listen", target, "--chain", CHAIN]
    command += ["--file", str(home / "blocks"), "--block-interval-s", str(BLOCK_INTERVAL_S)]
    return _child(configuration, "the simulated chain", "chain", command, {})


def _signer(configuration: Configuration, listen: str) -> Child:
    folder = configuration.state_dir / "signer"
    environment = {
        "SIGNER_CHAIN": CHAIN,
        "SIGNER_LISTEN": listen,
        "SIGNER_KEY_FILE": str(folder / "keys"),
        "SIGNER_POLICY_FILE": str(folder / "policy.toml"),
        "SIGNER_RECORD_FILE": str(folder / "record"),
    }
    return _child(configuration, "the signer", "signer", [sys.executable, "-m", "funding.signer"], environment)


def _child(configuration: Configuration, name: str, log: str, command: list[str], environment: dict[str, str]) -> Child:
    """Of our environment it gets nothing that belongs to the exchange."""
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
    """Made once; what is private first, so that no address is shown that nobody can spend from.

    A record that was begun and is lost is not begun anew: its signer would sign a second time what it has signed, so it refuses.
    """
    keys, policy, record, begun = (signer / name for name in ("keys", "policy.toml", "record", "record.begun"))
    signer.mkdir(mode=0o700, exist_ok=True)
    if not policy.exists():
        _write_private(policy, _POLICY)
    if not begun.exists():
        if not record.exists():
            Record(record, begin=True).close()
        _write_private(begun, "")
    if wallet.exists():
        return
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
