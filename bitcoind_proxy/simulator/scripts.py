"""Whether a transaction may spend the coins that it names: scripts and signatures.

Bitcoin Core's own consensus library judges where its wheel exists (py-bitcoinkernel: Linux and glibc or musl, x86-64 and
arm). Elsewhere embit does, and knows payments to a key's hash (BIP 143) and the miner's coins alone: all else is refused.
"""

from collections.abc import Callable, Sequence

from embit.ec import PublicKey, Signature
from embit.hashes import hash160
from embit.script import Script
from embit.transaction import SIGHASH, Transaction

from bitcoind_proxy.errors import Refused

from .coins import ANYBODY, MINER_SCRIPT, VERIFY_REJECTED, Coin

try:
    import pbk
    from pbk.script import PrecomputedTransactionData
except ImportError:  # no wheel for this machine
    pbk = None

COMPRESSED_KEY_BYTES = 33


def verify_by_kernel(transaction: Transaction, spent: Sequence[Coin]) -> None:
    """Raises Refused for the first input that may not spend its coin."""
    parsed = pbk.Transaction(transaction.serialize())
    outputs = [pbk.TransactionOutput(pbk.ScriptPubkey(coin.script), coin.amount_sats) for coin in spent]
    shared = PrecomputedTransactionData(parsed, outputs)
    for place, coin in enumerate(spent):
        script = pbk.ScriptPubkey(coin.script)
        if not script.verify(coin.amount_sats, parsed, shared, place, pbk.ScriptVerificationFlags.ALL):
            raise _refused(place, "the script or a signature is wrong")


def verify_by_embit(transaction: Transaction, spent: Sequence[Coin]) -> None:
    """Raises Refused for the first input that may not spend its coin, or whose kind of script is not known here."""
    for place, coin in enumerate(spent):
        one = transaction.vin[place]
        stack = [bytes(item) for item in one.witness.items]
        if one.script_sig.data:
            raise _refused(place, "this machine's simulator knows witness scripts of version 0 alone")
        if coin.script == MINER_SCRIPT:
            if stack != [ANYBODY]:
                raise _refused(place, "the witness program does not match")
        elif Script(coin.script).script_type() == "p2wpkh":
            _verify_key_hash(transaction, place, coin, stack)
        else:
            raise _refused(place, "this machine's simulator knows payments to a key's hash alone")


verify: Callable[[Transaction, Sequence[Coin]], None] = verify_by_embit if pbk is None else verify_by_kernel
"""Raises Refused for the first input that may not spend its coin."""


def _verify_key_hash(transaction: Transaction, place: int, coin: Coin, stack: list[bytes]) -> None:
    if len(stack) != 2 or len(stack[1]) != COMPRESSED_KEY_BYTES or hash160(stack[1]) != coin.script[2:]:
        raise _refused(place, "the witness program does not match")
    signature, kind = stack[0][:-1], stack[0][-1:]
    if kind != bytes([SIGHASH.ALL]):
        raise _refused(place, "this machine's simulator knows signatures over everything alone")
    code = Script(b"\x76\xa9\x14" + coin.script[2:] + b"\x88\xac")  # what a key's hash stands for, BIP 143
    digest = transaction.sighash_segwit(place, code, coin.amount_sats, SIGHASH.ALL)
    try:
        is_right = PublicKey.parse(stack[1]).verify(Signature.parse(signature), digest)
    except Exception:  # embit raises whatever reading bytes came to
        is_right = False
    if not is_right:
        raise _refused(place, "the signature is wrong")


def _refused(place: int, words: str) -> Refused:
    return Refused(f"mandatory-script-verify-flag-failed (input {place}: {words})", VERIFY_REJECTED)
