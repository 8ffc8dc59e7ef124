"""Blocks, branches and the mempool of the simulated chain. Any thread; one lock.

Invariant: ``_coins`` are the unspent outputs of the active chain, and every transaction in the mempool spends those or what
one before it in the mempool makes, no coin twice.
"""

import hashlib
import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from embit.transaction import Transaction

from bitcoind_proxy.errors import InvalidQuestion, NotFound, Refused
from bitcoind_proxy.networks import NETWORKS, Network
from bitcoind_proxy.proto.node_pb2 import Header, MempoolEntry, Output, SentTransaction, Tip

from .coins import (
    MATURITY,
    MINER_SCRIPT,
    VERIFY_REJECTED,
    Coin,
    Coins,
    OutPoint,
    apply,
    check,
    coinbase,
    spend,
    spent_by,
    txid,
)

VERSION = 300_000
FEE_SATS = 1_000
FEE_SATS_PER_KVBYTE = 2_000
FIRST_TIME_S = 1_800_000_000
BLOCK_TIME_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The first transaction is the coinbase; the first block has none."""

    hash: str
    previous_hash: str
    height: int
    transactions: tuple[Transaction, ...]


class SimulatedChain:
    """A chain of one block at first. The methods before "What a node answers" are what happens in the world."""

    def __init__(self, network: Network = NETWORKS["bitcoin:regtest"]) -> None:
        genesis = Block(hash=network.genesis_hash, previous_hash="", height=0, transactions=())
        self._network = network
        self._lock = threading.RLock()
        self._blocks = {genesis.hash: genesis}
        self._active = [genesis]
        self._coins: Coins = {}
        self._mempool: dict[str, Transaction] = {}
        self._numbers = itertools.count(1)
        self.is_synced = True

    # What happens in the world

    def mine(self, count: int = 1, *, with_mempool: bool = True) -> list[str]:
        """So many blocks, the first with what waits; their hashes."""
        with self._lock:
            return [self._mine(list(self._mempool.values()) if with_mempool else []) for _ in range(count)]

    def pay(self, *payments: tuple[bytes, int]) -> str:
        """The miner pays scripts in one transaction, which waits now; its txid."""
        with self._lock:
            needed = sum(amount for _, amount in payments) + FEE_SATS
            points, total = self._miners_coins(needed)
            change = [(MINER_SCRIPT, total - needed)] if total > needed else []
            transaction = spend(points, [*payments, *change])
            self._admit(transaction)
            return txid(transaction)

    def evict(self, name: str) -> None:
        """The mempool forgets a transaction, and those that spend from it."""
        with self._lock:
            waiting = [one for waits, one in self._mempool.items() if waits != name]
            self._wait_again(waiting)

    def double_spend(self, name: str) -> str:
        """The coins of a waiting transaction go back to the miner instead; the other transaction waits in its place."""
        with self._lock:
            other = self._conflict(self._mempool[name])
            self.evict(name)
            self._admit(other)
            return txid(other)

    def reorganise(self, depth: int, *, blocks: int | None = None, double_spent: Sequence[str] = ()) -> None:
        """Another branch takes the place of so many blocks; it is one longer, or has so many ``blocks``.

        Its blocks are empty, and the transactions of those it replaces wait again; but for those ``double_spent``, whose coins it
        spends otherwise. With 0 ``blocks`` the last ones are only declared invalid.
        """
        with self._lock:
            if not 0 < depth < len(self._active):
                raise InvalidQuestion(f"{depth} of {len(self._active) - 1} blocks cannot be replaced")
            gone = [one for block in self._active[-depth:] for one in block.transactions[1:]]
            conflicts = [self._conflict(one) for one in gone if txid(one) in double_spent]
            waiting = list(self._mempool.values())
            del self._active[-depth:]
            self._mempool.clear()
            self._replay()
            for number in range(depth + 1 if blocks is None else blocks):
                self._mine([] if number else conflicts)
            self._wait_again([*gone, *waiting])

    def _mine(self, transactions: list[Transaction]) -> str:
        previous, number = self._active[-1], next(self._numbers)
        height = previous.height + 1
        content = (coinbase(height, number), *transactions)
        words = previous.hash + "".join(map(txid, content))
        name = hashlib.sha256(hashlib.sha256(words.encode()).digest()).hexdigest()
        block = Block(hash=name, previous_hash=previous.hash, height=height, transactions=content)
        self._connect(block)
        self._blocks[name] = block
        self._active.append(block)
        self._wait_again([one for waits, one in self._mempool.items() if waits not in set(map(txid, transactions))])
        return name

    def _connect(self, block: Block) -> None:
        for place, transaction in enumerate(block.transactions):
            if place:
                check(transaction, self._coins, block.height)
            apply(transaction, self._coins, block.height, is_coinbase=not place)

    def _replay(self) -> None:
        self._coins.clear()
        for block in self._active:
            self._connect(block)

    def _conflict(self, transaction: Transaction) -> Transaction:
        total = sum(output.value for output in transaction.vout)
        return spend(spent_by(transaction), [(MINER_SCRIPT, total - FEE_SATS)])

    def _miners_coins(self, needed_sats: int) -> tuple[list[OutPoint], int]:
        height, chosen, total = self._active[-1].height + 1, list[OutPoint](), 0
        for point, coin in self._spendable().items():
            is_young = coin.is_coinbase and height - coin.height < MATURITY
            if coin.script == MINER_SCRIPT and not is_young:
                chosen.append(point)
                total += coin.amount_sats
            if total >= needed_sats:
                return chosen, total
        raise Refused(f"the miner has {total} only; mine more blocks")

    # The mempool

    def _spendable(self) -> Coins:
        """The coins as they are once all that waits is mined."""
        coins = dict(self._coins)
        for transaction in self._mempool.values():
            apply(transaction, coins, self._active[-1].height + 1, is_coinbase=False)
        return coins

    def _admit(self, transaction: Transaction) -> None:
        spent = {point for one in self._mempool.values() for point in spent_by(one)}
        if spent.intersection(spent_by(transaction)):
            raise Refused("txn-mempool-conflict", VERIFY_REJECTED)
        check(transaction, self._spendable(), self._active[-1].height + 1)
        self._mempool[txid(transaction)] = transaction

    def _wait_again(self, transactions: Iterable[Transaction]) -> None:
        """These wait, as far as they may after what happened."""
        self._mempool = {}
        for transaction in transactions:
            try:
                self._admit(transaction)
            except Refused:
                continue  # it conflicts with what is in a block now

    # What a node answers

    def tip(self, timeout_s: float) -> Tip:
        with self._lock:
            return Tip(
                block_hash=self._active[-1].hash,
                height=self._active[-1].height,
                chain=self._network.chain,
                genesis_hash=self._network.genesis_hash,
                is_synced=self.is_synced,
                node_version=VERSION,
            )

    def block_hash(self, height: int, timeout_s: float) -> str:
        with self._lock:
            if height >= len(self._active):
                raise NotFound("the height is out of range")
            return self._active[height].hash

    def header(self, block_hash: str, timeout_s: float) -> Header:
        with self._lock:
            block = self._block(block_hash)
            return Header(
                block_hash=block.hash,
                previous_hash=block.previous_hash,
                height=block.height,
                time_s=FIRST_TIME_S + block.height * BLOCK_TIME_S,
                is_in_active_chain=block.height < len(self._active) and self._active[block.height] is block,
            )

    def block_outputs(self, block_hash: str, timeout_s: float) -> list[Output]:
        with self._lock:
            block = self._block(block_hash)
            return [
                output
                for place, transaction in enumerate(block.transactions)
                for output in _outputs(transaction, is_coinbase=not place)
            ]

    def mempool(self, timeout_s: float) -> list[str]:
        with self._lock:
            return list(self._mempool)

    def mempool_outputs(self, txids: Iterable[str], timeout_s: float) -> Iterator[Output]:
        with self._lock:
            waiting = [self._mempool[name] for name in txids if name in self._mempool]
        for transaction in waiting:
            yield from _outputs(transaction, is_coinbase=False)

    def mempool_entry(self, name: str, timeout_s: float) -> MempoolEntry:
        with self._lock:
            transaction = self._mempool.get(name)
            if transaction is None:
                raise NotFound("Transaction not in mempool")
            known: dict[OutPoint, Coin] = dict(self._coins)
            for waits in self._mempool.values():
                if waits is transaction:
                    break
                apply(waits, known, 0, is_coinbase=False)
            fee, size = check(transaction, known, self._active[-1].height + 1), len(transaction.serialize())
            return MempoolEntry(
                size_vbytes=size,
                fee_sats=fee,
                ancestor_fees_sats=fee,
                ancestor_size_vbytes=size,
                is_replaceable=True,
            )

    def fee_estimate(self, target_blocks: int, timeout_s: float) -> int:
        return FEE_SATS_PER_KVBYTE

    def send(self, transaction: bytes, timeout_s: float) -> SentTransaction:
        try:
            parsed = Transaction.parse(transaction)
        except Exception as error:  # embit raises whatever reading bytes came to
            raise InvalidQuestion("TX decode failed") from error
        with self._lock:
            name = txid(parsed)
            in_chain = any(name == txid(one) for block in self._active for one in block.transactions)
            if in_chain or name in self._mempool:
                return SentTransaction(txid=name, was_known=True)
            self._admit(parsed)
            return SentTransaction(txid=name)

    def _block(self, name: str) -> Block:
        if name not in self._blocks:
            raise NotFound("Block not found")
        return self._blocks[name]


def _outputs(transaction: Transaction, *, is_coinbase: bool) -> Iterator[Output]:
    name = txid(transaction)
    for vout, output in enumerate(transaction.vout):
        yield Output(
            txid=name,
            vout=vout,
            script=output.script_pubkey.data,
            amount_sats=output.value,
            is_coinbase=is_coinbase,
        )
