"""What the mempool takes of what may be mined: Bitcoin Core's policy, as far as who pays out meets it.

Fees, dust, finality, and when a transaction takes the place of another (BIP 125). Not here: limits of weight, of ancestors and of
signature operations. Fee rates in atomic units for a thousand virtual bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from embit.script import Script
from embit.transaction import Transaction

from bitcoind_proxy.errors import Refused

from .coins import VERIFY_ERROR, VERIFY_REJECTED, Coins, spent_by

MINIMUM_RELAY_RATE = 1_000
"""-minrelaytxfee and -incrementalrelayfee, before Bitcoin Core 30 lowered both: what it takes, every node takes."""
HIGHEST_RATE = 10_000_000
"""maxfeerate of sendrawtransaction: 0.1 coins."""
DUST_RATE = 3_000
REPLACED_LIMIT = 100
REPLACEABLE = 0xFFFFFFFD
"""An input's sequence up to here says that the transaction may be replaced."""
FINAL = 0xFFFFFFFF
LOCKTIMES_OF_BLOCKS = 500_000_000
"""A locktime below is a height, from here on a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A transaction of the mempool."""

    transaction: Transaction
    fee_sats: int
    size_vbytes: int

    @property
    def is_replaceable(self) -> bool:
        return any(one.sequence <= REPLACEABLE for one in self.transaction.vin)


def size_vbytes(transaction: Transaction) -> int:
    """Witnesses count a quarter (BIP 141)."""
    whole = len(transaction.serialize())
    witness = 2 + sum(len(one.witness.serialize()) for one in transaction.vin) if transaction.is_segwit else 0
    return (4 * (whole - witness) + witness + 3) // 4


def dust_sats(script: bytes) -> int:
    """An output of less costs more to spend than it is worth; 0 for what nobody spends."""
    kind = Script(script).script_type()
    if script[:1] == b"\x6a":
        return 0
    spending = 67 if kind in ("p2wpkh", "p2wsh", "p2tr") else 148
    return (8 + 1 + len(script) + spending) * DUST_RATE // 1000


def check_standard(transaction: Transaction, fee_sats: int, *, height: int, time_s: int) -> None:
    """For a block of this height and time. Raises Refused."""
    if not _is_final(transaction, height, time_s):
        raise Refused("non-final", VERIFY_REJECTED)
    for output in transaction.vout:
        if output.value < dust_sats(output.script_pubkey.data):
            raise Refused("dust", VERIFY_REJECTED)
    size = size_vbytes(transaction)
    if fee_sats < _fee(size, MINIMUM_RELAY_RATE):
        raise Refused(f"min relay fee not met, {fee_sats} < {_fee(size, MINIMUM_RELAY_RATE)}", VERIFY_REJECTED)
    if fee_sats > _fee(size, HIGHEST_RATE):
        raise Refused("max-fee-exceeded", VERIFY_ERROR)


def check_replacement(new: Waiting, direct: Sequence[Waiting], replaced: Sequence[Waiting], confirmed: Coins) -> None:
    """``direct``: what spends the same coins; ``replaced``: those and what spends from them. Raises Refused."""
    if not all(one.is_replaceable for one in direct):
        raise Refused("txn-mempool-conflict", VERIFY_REJECTED)
    if len(replaced) > REPLACED_LIMIT:
        raise Refused("too many potential replacements", VERIFY_REJECTED)
    before = {point for one in direct for point in spent_by(one.transaction)}
    if any(point not in confirmed and point not in before for point in spent_by(new.transaction)):
        raise Refused("replacement-adds-unconfirmed", VERIFY_REJECTED)
    for one in direct:
        if new.fee_sats * one.size_vbytes <= one.fee_sats * new.size_vbytes:
            raise Refused("insufficient fee, the new fee rate is not above the old one", VERIFY_REJECTED)
    fees = sum(one.fee_sats for one in replaced)
    if new.fee_sats < fees:
        raise Refused(f"insufficient fee, less than conflicting: {new.fee_sats} < {fees}", VERIFY_REJECTED)
    if new.fee_sats - fees < _fee(new.size_vbytes, MINIMUM_RELAY_RATE):
        words = f"{new.fee_sats - fees} < {_fee(new.size_vbytes, MINIMUM_RELAY_RATE)}"
        raise Refused(f"insufficient fee, not enough additional fees to relay: {words}", VERIFY_REJECTED)


def _fee(size: int, rate: int) -> int:
    return size * rate // 1000


def _is_final(transaction: Transaction, height: int, time_s: int) -> bool:
    now = height if transaction.locktime < LOCKTIMES_OF_BLOCKS else time_s
    return transaction.locktime < now or all(one.sequence == FINAL for one in transaction.vin)
