"""What a PSBT would do, read strictly: only the one shape that the exchange makes, everything else is refused.

All inputs are single-key SegWit outputs of the signer's own wallets, so a signature commits to the amount that was shown; all
signatures commit to all outputs (SIGHASH_ALL). Amounts in atomic units.
"""

from dataclasses import dataclass
from typing import Any

from embit.psbt import PSBT
from embit.script import Script, Witness, p2pkh_from_p2wpkh
from embit.transaction import SIGHASH, Transaction

from .keys import KeyRing, Place

SEQUENCE = 0xFFFFFFFD
"""Replaceable (BIP 125), and no lock of any kind."""
MAXIMUM_INPUTS = 200
MAXIMUM_OUTPUTS = 500
WITNESS_BYTES = 1 + 1 + 72 + 1 + 33
"""Of one input: two items, a signature of at most 72 bytes, a public key."""


class NotReadable(Exception):
    """The PSBT has not the one shape that is signed. The message says in what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """``name``: TXID:VOUT."""

    name: str
    amount_sats: int
    script: bytes
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """``place`` of an output that comes home, else None."""

    script: bytes
    amount_sats: int
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    transaction: Transaction
    spends: tuple[Spent, ...]
    makes: tuple[Made, ...]

    @property
    def txid(self) -> str:
        """Of the signed transaction too: no signature is part of it."""
        return str(self.transaction.txid().hex())

    @property
    def fee_sats(self) -> int:
        return sum(one.amount_sats for one in self.spends) - sum(one.amount_sats for one in self.makes)

    @property
    def size_vbytes(self) -> int:
        """At most, with all signatures (BIP 141), rounded up."""
        weight = 4 * len(self.transaction.serialize()) + 2 + WITNESS_BYTES * len(self.spends)
        return -(-weight // 4)


def read_proposal(psbt: bytes, keys: KeyRing) -> Proposal:
    """Raises NotReadable."""
    parsed = _parsed(psbt)
    transaction = parsed.tx
    if (transaction.version, transaction.locktime, parsed.version) != (2, 0, None):
        raise NotReadable("it is not a PSBT of version 0 of a transaction of version 2 without a lock time")
    if not 0 < len(parsed.inputs) <= MAXIMUM_INPUTS or not 0 < len(parsed.outputs) <= MAXIMUM_OUTPUTS:
        raise NotReadable(f"it has to have up to {MAXIMUM_INPUTS} inputs and up to {MAXIMUM_OUTPUTS} outputs")
    spends = tuple(_spent(one, keys) for one in parsed.inputs)
    if len({one.name for one in spends}) != len(spends):
        raise NotReadable("it spends a coin twice")
    return Proposal(transaction=transaction, spends=spends, makes=tuple(_made(one, keys) for one in parsed.outputs))


def _parsed(psbt: bytes) -> Any:
    try:
        parsed = PSBT.parse(psbt)
        is_plain = _plain(parsed).serialize() == psbt
    except Exception:  # embit raises whatever reading bytes came to
        raise NotReadable("it is no PSBT") from None
    if not is_plain:
        raise NotReadable("it holds more than the transaction, its coins and where keys come from")
    return parsed


def _plain(parsed: Any) -> Any:
    """The same with nothing but what is looked at here."""
    plain = PSBT(parsed.tx)
    for mine, given in zip(plain.inputs, parsed.inputs, strict=True):
        mine.witness_utxo, mine.sighash_type = given.witness_utxo, given.sighash_type
        mine.bip32_derivations = given.bip32_derivations
    for mine, given in zip(plain.outputs, parsed.outputs, strict=True):
        mine.bip32_derivations = given.bip32_derivations
    return plain


def _spent(one: Any, keys: KeyRing) -> Spent:
    if one.sighash_type not in (None, SIGHASH.ALL):
        raise NotReadable("a signature has to commit to all inputs and outputs (SIGHASH_ALL)")
    if one.sequence != SEQUENCE:
        raise NotReadable("an input is not replaceable")
    if one.witness_utxo is None or one.witness_utxo.value <= 0:
        raise NotReadable("an input does not say what it spends")
    script = bytes(one.witness_utxo.script_pubkey.data)
    place = keys.place_of(one.bip32_derivations, script)
    if place is None:
        raise NotReadable("an input is none of our coins")
    return Spent(
        name=f"{one.txid.hex()}:{one.vout}", amount_sats=int(one.witness_utxo.value), script=script, place=place
    )


def _made(one: Any, keys: KeyRing) -> Made:
    if one.value <= 0:
        raise NotReadable("an output pays nothing")
    script = bytes(one.script_pubkey.data)
    return Made(script=script, amount_sats=int(one.value), place=keys.place_of(one.bip32_derivations, script))


def sign(proposal: Proposal, keys: KeyRing) -> bytes:
    """The transaction with all signatures. RFC 6979: the same proposal gives the same bytes."""
    transaction = proposal.transaction
    for number, spent in enumerate(proposal.spends):
        key = keys.key(spent.place)
        code = p2pkh_from_p2wpkh(Script(spent.script))
        digest = transaction.sighash_segwit(number, code, spent.amount_sats, SIGHASH.ALL)
        signature = key.sign(digest).serialize() + bytes([SIGHASH.ALL])
        transaction.vin[number].witness = Witness([signature, key.get_public_key().sec()])
    return bytes(transaction.serialize())
