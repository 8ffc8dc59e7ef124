"""Transactions of the hot wallet: which coins, what comes back, what it costs, as a PSBT. Pure; amounts in atomic units.

The wallet's outputs are single keys in SegWit (P2WPKH): no signature is part of a txid, so a transaction's name is known before
it is signed, and its size to within a few bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embit.psbt import PSBT, DerivationPath
from embit.script import Script
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from .descriptors import key_at

SEQUENCE = 0xFFFFFFFD
"""Replaceable (BIP 125)."""
WITNESS_BYTES = 1 + 1 + 72 + 1 + 33
"""Of one input: two items, a signature of at most 72 bytes, a public key."""
RELAY_SATS_PER_KVBYTE = 1_000
"""What a replacement pays for its own size besides the fee of what it replaces (BIP 125, rule 4)."""


class TooLittle(Exception):
    """The coins do not cover it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """A coin: where it is, what it is worth, and which key of a wallet's public descriptor it pays."""

    txid: str
    vout: int
    amount_atoms: int
    descriptor: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pay:
    """An output. ``descriptor`` and ``index``: of one that comes home."""

    script: str
    amount_atoms: int
    descriptor: str | None = None
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An unsigned transaction."""

    txid: str
    psbt: bytes
    fee_atoms: int
    size_vbytes: int


def size_vbytes(spends: Sequence[Spend], pays: Sequence[Pay]) -> int:
    """With all signatures, at most (BIP 141)."""
    weight = 4 * len(_unsigned(spends, pays).serialize()) + 2 + WITNESS_BYTES * len(spends)
    return -(-weight // 4)


def fee_of(size: int, rate_sats_per_kvbyte: int) -> int:
    """Rounded up."""
    return -(-size * rate_sats_per_kvbyte // 1000)


def drafted(
    spends: Sequence[Spend],
    pays: Sequence[Pay],
    home: Pay,
    *,
    rate_sats_per_kvbyte: int,
    least_fee: int,
    dust_atoms: int,
) -> Draft:
    """Pays, and brings home what is left, unless it is dust. ``home`` says where to, its amount is not looked at.

    ``least_fee``: whatever the rate is, so much for a transaction of no size is paid and its relay besides. Raises TooLittle.
    """
    left = sum(one.amount_atoms for one in spends) - sum(one.amount_atoms for one in pays)
    size = size_vbytes(spends, [*pays, home])
    back = left - _fee(size, rate_sats_per_kvbyte, least_fee)
    outputs = list(pays)
    if back > dust_atoms:
        outputs.append(Pay(script=home.script, amount_atoms=back, descriptor=home.descriptor, index=home.index))
    else:
        size = size_vbytes(spends, pays)
        if not pays or left < _fee(size, rate_sats_per_kvbyte, least_fee):
            raise TooLittle(f"{left} atomic units are left for the fee of {size} vbytes")
    made = sum(one.amount_atoms for one in outputs) - sum(one.amount_atoms for one in pays)
    unsigned = _unsigned(spends, outputs)
    return Draft(
        txid=unsigned.txid().hex(), psbt=_psbt(unsigned, spends, outputs), fee_atoms=left - made, size_vbytes=size
    )


def _fee(size: int, rate_sats_per_kvbyte: int, least_fee: int) -> int:
    replacing = least_fee + fee_of(size, RELAY_SATS_PER_KVBYTE) if least_fee else 0
    return max(fee_of(size, rate_sats_per_kvbyte), replacing)


def _unsigned(spends: Sequence[Spend], pays: Sequence[Pay]) -> Transaction:
    return Transaction(
        version=2,
        vin=[TransactionInput(bytes.fromhex(one.txid), one.vout, sequence=SEQUENCE) for one in spends],
        vout=[TransactionOutput(one.amount_atoms, Script(bytes.fromhex(one.script))) for one in pays],
        locktime=0,
    )


def _psbt(unsigned: Transaction, spends: Sequence[Spend], pays: Sequence[Pay]) -> bytes:
    made = PSBT(unsigned)
    for scope, one in zip(made.inputs, spends, strict=True):
        key = key_at(one.descriptor, one.index)
        scope.witness_utxo = TransactionOutput(one.amount_atoms, key.script)
        _say_where(scope, key)
    for scope, pay in zip(made.outputs, pays, strict=True):
        if pay.descriptor is not None:
            _say_where(scope, key_at(pay.descriptor, pay.index))
    return bytes(made.serialize())


def _say_where(scope: Any, key: Any) -> None:
    scope.bip32_derivations[key.public] = DerivationPath(key.fingerprint, key.path)


def spent_by(transaction: str) -> list[tuple[str, int]]:
    """(txid, vout) of what a transaction in hex spends."""
    return [(one.txid.hex(), one.vout) for one in Transaction.parse(bytes.fromhex(transaction)).vin]
