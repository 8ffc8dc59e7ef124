"""Unspent outputs and what may be done to them. Amounts in atomic units."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from embit.script import Script, Witness
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from bitcoind_proxy.errors import Refused

MATURITY = 100
"""Blocks before new coins may be spent (COINBASE_MATURITY)."""
SUBSIDY_SATS = 50 * 10**8
ANYBODY = b"\x51"
"""OP_TRUE."""
MINER_SCRIPT = b"\x00\x20" + hashlib.sha256(ANYBODY).digest()
"""P2WSH of OP_TRUE: the miner signs nothing."""
VERIFY_ERROR, VERIFY_REJECTED = -25, -26

OutPoint = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Coin:
    """An unspent output. ``height`` of its block, or of the next one while it waits."""

    script: bytes
    amount_sats: int
    height: int
    is_coinbase: bool


Coins = dict[OutPoint, Coin]


def txid(transaction: Transaction) -> str:
    return str(transaction.txid().hex())


def spent_by(transaction: Transaction) -> list[OutPoint]:
    return [(one.txid.hex(), one.vout) for one in transaction.vin]


def made_by(transaction: Transaction, height: int, *, is_coinbase: bool) -> Coins:
    name = txid(transaction)
    return {
        (name, vout): Coin(output.script_pubkey.data, output.value, height, is_coinbase)
        for vout, output in enumerate(transaction.vout)
    }


def check(transaction: Transaction, coins: Mapping[OutPoint, Coin], height: int) -> int:
    """What the transaction pays as fee in a block of this height. Raises Refused."""
    spent = spent_by(transaction)
    if not spent or not transaction.vout:
        raise Refused("bad-txns-vout-empty" if spent else "bad-txns-vin-empty", VERIFY_REJECTED)
    if len(set(spent)) != len(spent):
        raise Refused("bad-txns-inputs-duplicate", VERIFY_REJECTED)
    fee = 0
    for point in spent:
        coin = coins.get(point)
        if coin is None:
            raise Refused("bad-txns-inputs-missingorspent", VERIFY_ERROR)
        if coin.is_coinbase and height - coin.height < MATURITY:
            raise Refused("bad-txns-premature-spend-of-coinbase", VERIFY_REJECTED)
        fee += coin.amount_sats
    fee -= sum(output.value for output in transaction.vout)
    if fee < 0:
        raise Refused("bad-txns-in-belowout", VERIFY_REJECTED)
    return int(fee)


def apply(transaction: Transaction, coins: Coins, height: int, *, is_coinbase: bool) -> None:
    if not is_coinbase:
        for point in spent_by(transaction):
            del coins[point]
    coins |= made_by(transaction, height, is_coinbase=is_coinbase)


def coinbase(height: int, number: int) -> Transaction:
    """New coins for the miner; ``number`` makes it another transaction on each branch."""
    words = height.to_bytes(4, "little") + number.to_bytes(8, "little")
    entry = TransactionInput(bytes(32), 0xFFFFFFFF, script_sig=Script(words))
    return Transaction(version=2, vin=[entry], vout=[TransactionOutput(SUBSIDY_SATS, Script(MINER_SCRIPT))], locktime=0)


def spend(points: Iterable[OutPoint], payments: Iterable[tuple[bytes, int]]) -> Transaction:
    """Of the miner's coins, whose witness is only the script."""
    witness = Witness([ANYBODY])
    return Transaction(
        version=2,
        vin=[
            TransactionInput(bytes.fromhex(name), vout, sequence=0xFFFFFFFD, witness=witness) for name, vout in points
        ],
        vout=[TransactionOutput(amount, Script(script)) for script, amount in payments],
        locktime=0,
    )
