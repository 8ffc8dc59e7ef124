"""What waits for a block. The chain's lock guards it.

Invariant: every transaction spends coins of the active chain, or what one before it here makes, no coin twice.
"""

from collections.abc import Iterable, Iterator

from embit.transaction import Transaction

from bitcoind_proxy.errors import Refused

from .coins import VERIFY_REJECTED, Coins, OutPoint, apply, check, spent_by, txid
from .policy import Waiting, check_replacement, check_standard, size_vbytes
from .scripts import verify


class Mempool:
    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._waiting

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._waiting))

    def get(self, name: str) -> Waiting | None:
        return self._waiting.get(name)

    def transactions(self) -> list[Transaction]:
        """Each after those that it spends from."""
        return [one.transaction for one in self._waiting.values()]

    def admit(self, transaction: Transaction, coins: Coins, height: int) -> None:
        """What the world does: it need not be signed or pay a fee. Raises Refused for what no block could hold."""
        if self._conflicts(transaction):
            raise Refused("txn-mempool-conflict", VERIFY_REJECTED)
        self._add(transaction, check(transaction, self.spendable(coins, height), height))

    def accept(self, transaction: Transaction, coins: Coins, height: int, time_s: int) -> None:
        """What somebody sends: it is judged as a node would, and may take the place of others. Raises Refused."""
        direct = self._conflicts(transaction)
        replaced = self._with_descendants(direct)
        spendable = self.spendable(coins, height, without=replaced)
        fee_sats = check(transaction, spendable, height)
        verify(transaction, [spendable[point] for point in spent_by(transaction)])
        check_standard(transaction, fee_sats, height=height, time_s=time_s)
        if direct:
            new = Waiting(transaction=transaction, fee_sats=fee_sats, size_vbytes=size_vbytes(transaction))
            check_replacement(new, self._named(direct), self._named(replaced), coins)
        for name in replaced:
            del self._waiting[name]
        self._add(transaction, fee_sats)

    def refill(self, transactions: Iterable[Transaction], coins: Coins, height: int) -> None:
        """These wait instead of what does, as far as they may."""
        self._waiting = {}
        for transaction in transactions:
            try:
                self.admit(transaction, coins, height)
            except Refused:
                continue  # it conflicts with what is in a block now, or with one before it

    def spendable(self, coins: Coins, height: int, *, without: Iterable[str] = ()) -> Coins:
        """The coins as they are once all that waits is mined, but for some."""
        left_out, found = set(without), dict(coins)
        for name, one in self._waiting.items():
            if name not in left_out:
                apply(one.transaction, found, height, is_coinbase=False)
        return found

    def ancestors(self, name: str) -> list[Waiting]:
        """What waits and must be mined before this one, and this one."""
        makers: dict[OutPoint, str] = {
            (maker, vout): maker for maker, one in self._waiting.items() for vout in range(len(one.transaction.vout))
        }
        found, open_ends = {name: self._waiting[name]}, [name]
        while open_ends:
            for point in spent_by(self._waiting[open_ends.pop()].transaction):
                maker = makers.get(point)
                if maker is not None and maker not in found:
                    found[maker] = self._waiting[maker]
                    open_ends.append(maker)
        return list(found.values())

    def _add(self, transaction: Transaction, fee_sats: int) -> None:
        self._waiting[txid(transaction)] = Waiting(
            transaction=transaction, fee_sats=fee_sats, size_vbytes=size_vbytes(transaction)
        )

    def _conflicts(self, transaction: Transaction) -> list[str]:
        wanted = set(spent_by(transaction))
        return [name for name, one in self._waiting.items() if wanted.intersection(spent_by(one.transaction))]

    def _with_descendants(self, names: Iterable[str]) -> list[str]:
        found = set(names)
        for name, one in self._waiting.items():
            if any(maker in found for maker, _ in spent_by(one.transaction)):
                found.add(name)
        return [name for name in self._waiting if name in found]

    def _named(self, names: Iterable[str]) -> list[Waiting]:
        return [self._waiting[name] for name in names]
