"""Blocks and branches of the simulated chain, and what happens to them. Any thread; one lock.

Invariant: ``_coins`` are the unspent outputs of the active chain, ``_places`` says in which block of it a transaction is. With
a ``ChainFile`` every act is written down before it is answered, and a chain that is made anew from the file is the same.
"""

import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from embit.script import Script, address_to_scriptpubkey
from embit.transaction import Transaction

from bitcoind_proxy.errors import InvalidQuestion, NotFound, Refused
from bitcoind_proxy.networks import NETWORKS, Network
from bitcoind_proxy.proto.node_pb2 import Header, MempoolEntry, Output, SentTransaction, Tip
from bitcoind_proxy.proto.node_pb2 import OutPoint as PbOutPoint

from .coins import MATURITY, MINER_SCRIPT, Coins, OutPoint, apply, check, coinbase, spend, spent_by, txid
from .file import ChainFile, Line
from .mempool import Mempool

VERSION = 300_000
FEE_SATS = 1_000
FEE_SATS_PER_KVBYTE = 2_000
FIRST_TIME_S = 1_800_000_000
BLOCK_TIME_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The first transaction is the coinbase, which ``number`` makes another on each branch; the first block has none."""

    hash: str
    previous_hash: str
    height: int
    number: int
    transactions: tuple[Transaction, ...]


class SimulatedChain:
    """A chain of one block at first. The methods before "What a node answers" are what happens in the world."""

    def __init__(self, network: Network = NETWORKS["bitcoin:regtest"], file: ChainFile | None = None) -> None:
        genesis = Block(hash=network.genesis_hash, previous_hash="", height=0, number=0, transactions=())
        self._network = network
        self._lock = threading.RLock()
        self._blocks = {genesis.hash: genesis}
        self._active = [genesis]
        self._coins: Coins = {}
        self._places: dict[str, int] = {}
        self._mempool = Mempool()
        self._file = file
        self.is_synced = True
        self.fee_sats_per_kvbyte = FEE_SATS_PER_KVBYTE
        if file is not None:
            self._read(file)

    # What happens in the world

    def mine(self, count: int = 1, *, with_mempool: bool = True) -> list[str]:
        """So many blocks, the first with what waits; their hashes."""
        with self._lock:
            mined = [self._mine(self._mempool.transactions() if with_mempool else []) for _ in range(count)]
            self._written()
            return mined

    def mine_blocks(self, count: int, timeout_s: float) -> tuple[str, int]:
        with self._lock:
            return self.mine(count)[-1], self._active[-1].height

    def pay(self, *payments: tuple[bytes, int]) -> str:
        """The miner pays scripts in one transaction, which waits now; its txid."""
        with self._lock:
            needed = sum(amount for _, amount in payments) + FEE_SATS
            points, total = self._miners_coins(needed)
            change = [(MINER_SCRIPT, total - needed)] if total > needed else []
            transaction = spend(points, [*payments, *change])
            self._admit(transaction)
            self._written()
            return txid(transaction)

    def pay_address(self, address: str, amount_sats: int, timeout_s: float) -> str:
        return self.pay((self._script_of(address), amount_sats))

    def evict(self, name: str) -> None:
        """The mempool forgets a transaction, and those that spend from it."""
        with self._lock:
            self._evict(name)
            self._written()

    def double_spend(self, name: str) -> str:
        """The coins of a waiting transaction go back to the miner instead; the other transaction waits in its place."""
        with self._lock:
            other = self._conflict(self._waiting(name))
            self._evict(name)
            self._admit(other)
            self._written()
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
            waiting = self._mempool.transactions()
            self._cut(len(self._active) - depth - 1)
            for number in range(depth + 1 if blocks is None else blocks):
                self._mine([] if number else conflicts)
            self._wait_again([*gone, *waiting])
            self._written()

    def _mine(self, transactions: list[Transaction]) -> str:
        previous, number = self._active[-1], len(self._blocks)
        block = _block(previous, number, transactions)
        self._connect(block)
        self._note({"block": number, "transactions": [one.serialize().hex() for one in transactions]})
        self._mempool.refill(
            [one for one in self._mempool.transactions() if txid(one) not in self._places], self._coins, self._next
        )
        return block.hash

    def _connect(self, block: Block) -> None:
        """On top of the active chain. Raises Refused if a transaction of it spends what it may not."""
        for place, transaction in enumerate(block.transactions):
            if place:
                check(transaction, self._coins, block.height)
            apply(transaction, self._coins, block.height, is_coinbase=not place)
            self._places[txid(transaction)] = block.height
        self._blocks[block.hash] = block
        self._active.append(block)

    def _cut(self, height: int) -> None:
        """The active chain ends at this height, and nothing waits."""
        kept = self._active[1 : height + 1]
        del self._active[1:]
        self._coins.clear()
        self._places.clear()
        self._mempool = Mempool()
        for block in kept:
            self._connect(block)
        self._note({"cut": height})

    def _wait_again(self, transactions: Iterable[Transaction]) -> None:
        """These wait, as far as they may after what happened."""
        self._mempool.refill(transactions, self._coins, self._next)
        self._note({"waiting": [one.serialize().hex() for one in self._mempool.transactions()]})

    def _evict(self, name: str) -> None:
        self._wait_again([one for one in self._mempool.transactions() if txid(one) != name])

    def _admit(self, transaction: Transaction) -> None:
        self._mempool.admit(transaction, self._coins, self._next)
        self._note({"waits": transaction.serialize().hex()})

    def _conflict(self, transaction: Transaction) -> Transaction:
        total = sum(output.value for output in transaction.vout)
        return spend(spent_by(transaction), [(MINER_SCRIPT, total - FEE_SATS)])

    def _miners_coins(self, needed_sats: int) -> tuple[list[OutPoint], int]:
        height, chosen, total = self._next, list[OutPoint](), 0
        for point, coin in self._mempool.spendable(self._coins, height).items():
            is_young = coin.is_coinbase and height - coin.height < MATURITY
            if coin.script == MINER_SCRIPT and not is_young:
                chosen.append(point)
                total += coin.amount_sats
            if total >= needed_sats:
                return chosen, total
        raise Refused(f"the miner has {total} only; mine more blocks")

    def _script_of(self, address: str) -> bytes:
        """Raises InvalidQuestion for what is no address of this network."""
        shapes = {"bech32": self._network.bech32, "p2pkh": self._network.p2pkh, "p2sh": self._network.p2sh}
        try:
            script: Script = address_to_scriptpubkey(address)
            is_ours = script.address(shapes) == address.lower() or script.address(shapes) == address
        except Exception as error:  # embit raises its own for an address that is none
            raise InvalidQuestion(f"this is no address: {error!r}") from error
        if not is_ours:
            raise InvalidQuestion(f"this is no address of {self._network.chain}")
        return bytes(script.data)

    @property
    def _next(self) -> int:
        """The height of the next block."""
        return self._active[-1].height + 1

    # What outlives the process

    def _note(self, line: Line) -> None:
        if self._file is not None:
            self._file.note(line)

    def _written(self) -> None:
        if self._file is not None:
            self._file.write()

    def _read(self, file: ChainFile) -> None:
        """Does everything again that the file says. Raises BrokenFile."""
        self._file = None
        waiting: dict[str, Transaction] = {}
        for line in file.lines():
            match line:
                case {"block": int(number), "transactions": [*transactions]}:
                    self._connect(_block(self._active[-1], number, map(_parsed, transactions)))
                case {"cut": int(height)}:
                    self._cut(height)
                    waiting.clear()
                case {"waiting": [*transactions]}:
                    waiting = {txid(one): one for one in map(_parsed, transactions)}
                case {"waits": str(transaction)}:
                    one = _parsed(transaction)
                    waiting[txid(one)] = one
        self._mempool.refill(
            [one for name, one in waiting.items() if name not in self._places], self._coins, self._next
        )
        self._file = file

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
            waiting = [one.transaction for name in txids if (one := self._mempool.get(name)) is not None]
        for transaction in waiting:
            yield from _outputs(transaction, is_coinbase=False)

    def mempool_entry(self, name: str, timeout_s: float) -> MempoolEntry:
        with self._lock:
            one = self._mempool.get(name)
            if one is None:
                raise NotFound("Transaction not in mempool")
            ancestors = self._mempool.ancestors(name)
            return MempoolEntry(
                size_vbytes=one.size_vbytes,
                fee_sats=one.fee_sats,
                ancestor_fees_sats=sum(ancestor.fee_sats for ancestor in ancestors),
                ancestor_size_vbytes=sum(ancestor.size_vbytes for ancestor in ancestors),
                is_replaceable=any(ancestor.is_replaceable for ancestor in ancestors),
            )

    def fee_estimate(self, target_blocks: int, timeout_s: float) -> int:
        return self.fee_sats_per_kvbyte

    def unspent(self, points: Iterable[PbOutPoint], timeout_s: float) -> Iterator[Output]:
        with self._lock:
            coins = {(point.txid, point.vout): self._coins.get((point.txid, point.vout)) for point in points}
        for (name, vout), coin in coins.items():
            if coin is not None:
                yield Output(
                    txid=name,
                    vout=vout,
                    script=coin.script,
                    amount_sats=coin.amount_sats,
                    is_coinbase=coin.is_coinbase,
                )

    def send(self, transaction: bytes, timeout_s: float) -> SentTransaction:
        try:
            parsed = Transaction.parse(transaction)
        except Exception as error:  # embit raises whatever reading bytes came to
            raise InvalidQuestion("TX decode failed") from error
        with self._lock:
            name = txid(parsed)
            if name in self._places or name in self._mempool:
                return SentTransaction(txid=name, was_known=True)
            self._mempool.accept(parsed, self._coins, self._next, FIRST_TIME_S + self._next * BLOCK_TIME_S)
            self._note({"waiting": [one.serialize().hex() for one in self._mempool.transactions()]})
            self._written()
            return SentTransaction(txid=name)

    def _waiting(self, name: str) -> Transaction:
        found = self._mempool.get(name)
        if found is None:
            raise NotFound("Transaction not in mempool")
        return found.transaction

    def _block(self, name: str) -> Block:
        if name not in self._blocks:
            raise NotFound("Block not found")
        return self._blocks[name]


def _block(previous: Block, number: int, transactions: Iterable[Transaction]) -> Block:
    height = previous.height + 1
    content = (coinbase(height, number), *transactions)
    words = previous.hash + "".join(map(txid, content))
    name = hashlib.sha256(hashlib.sha256(words.encode()).digest()).hexdigest()
    return Block(hash=name, previous_hash=previous.hash, height=height, number=number, transactions=content)


def _parsed(text: str) -> Transaction:
    return Transaction.parse(bytes.fromhex(text))


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
