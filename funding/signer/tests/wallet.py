"""A wallet with known keys, PSBTs that spend from it, and a signer in this process, for tests of the signer."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embit.bip32 import HDKey
from embit.descriptor import Descriptor
from embit.psbt import PSBT, DerivationPath
from embit.script import Script
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from bitcoind_proxy.networks import NETWORKS
from funding.signer.policy import Policy

CHAIN = "bitcoin:regtest"
SEED = bytes(range(32))
STRANGER = b"\x00\x14" + b"\x07" * 20
COLD = b"\x00\x20" + b"\x09" * 32
POLICY = Policy(
    maximum_fee_sats=50_000,
    maximum_fee_sats_per_kvbyte=200_000,
    daily_sats=10_000_000,
    daily_fee_sats=60_000,
    approvals=((1_000_000, 1), (5_000_000, 2)),
    cold=frozenset((COLD,)),
)


def private_descriptor(chain: str = CHAIN, seed: bytes = SEED) -> str:
    """The line of a key file."""
    root = HDKey.from_seed(seed)
    account = root.derive("m/84h/1h/0h")
    account.version = PRIVATE_VERSIONS[NETWORKS[chain].xpub]
    return f"wpkh([{root.my_fingerprint.hex()}/84h/1h/0h]{account.to_base58()}/<0;1>/*)"


PRIVATE_VERSIONS = {
    bytes.fromhex("043587cf"): bytes.fromhex("04358394"),
    bytes.fromhex("0488b21e"): bytes.fromhex("0488ade4"),
}


def write_keys(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines or (private_descriptor(),)))
    path.chmod(0o600)
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class In:
    """A coin of the wallet, or what somebody says is one."""

    number: int = 1
    branch: int = 0
    index: int = 0
    amount_sats: int = 2_000_000
    sequence: int = 0xFFFFFFFD

    @property
    def txid(self) -> bytes:
        return bytes([self.number]) * 32

    @property
    def name(self) -> tuple[str, int]:
        return self.txid.hex(), 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Out:
    """``home``: (branch, index) that it says it comes home to. ``script``: if it pays something else all the same."""

    amount_sats: int
    home: tuple[int, int] | None = None
    script: bytes | None = None


def key_of(branch: int, index: int, seed: bytes = SEED) -> Any:
    return Descriptor.from_string(private_descriptor(seed=seed)).derive(index, branch_index=branch)


def psbt(ins: Sequence[In], outs: Sequence[Out], **changes: Any) -> PSBT:
    """``changes``: of the transaction."""
    transaction = Transaction(
        version=changes.get("version", 2),
        vin=[TransactionInput(one.txid, 0, sequence=one.sequence) for one in ins],
        vout=[TransactionOutput(one.amount_sats, Script(_script(one))) for one in outs],
        locktime=changes.get("locktime", 0),
    )
    made = PSBT(transaction)
    for scope, one in zip(made.inputs, ins, strict=True):
        derived = key_of(one.branch, one.index)
        scope.witness_utxo = TransactionOutput(one.amount_sats, derived.script_pubkey())
        scope.bip32_derivations[derived.key.get_public_key()] = _path(derived)
    for scope, out in zip(made.outputs, outs, strict=True):
        if out.home is not None:
            derived = key_of(*out.home)
            scope.bip32_derivations[derived.key.get_public_key()] = _path(derived)
    return made


def _script(one: Out) -> bytes:
    if one.script is not None:
        return one.script
    assert one.home is not None
    return bytes(key_of(*one.home).script_pubkey().data)


def _path(derived: Any) -> DerivationPath:
    return DerivationPath(derived.key.origin.fingerprint, derived.key.origin.derivation)


def stricter(**changes: Any) -> Policy:
    return dataclasses.replace(POLICY, **changes)
