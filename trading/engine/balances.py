"""Balances: all arithmetic on available and held. Amounts in atomic units.

Invariants: neither part is ever negative; the held part of an account's balance is the sum of what its open orders and its
withdrawals in that asset hold; over all accounts an asset adds up to what was credited less what was withdrawn. Fees go to the
house's available balance.
"""

from collections.abc import Iterator
from typing import Final

from .errors import InvariantBroken

HOUSE: Final = 0
BALANCE: Final = 7
"""What a balance is among packed outcomes, see ``record``."""
NARROW_LIMIT: Final = 1 << 61
"""Balances below it take one word each."""


class Balance:
    """What one account owns of one asset: available to trade, and held for its open orders and withdrawals.

    ``told_seq`` is the last event that told of it, so that each does so once.
    """

    __slots__ = ("account", "asset", "available_atoms", "held_atoms", "told_seq", "word")

    def __init__(self, account: int, asset: str, number: int) -> None:
        self.account = account
        self.asset = asset
        self.word = number << 32 | BALANCE
        """The asset's number as the header of a packed outcome."""
        self.available_atoms = 0
        self.held_atoms = 0
        self.told_seq = 0

    def receive(self, amount_atoms: int) -> None:
        self.available_atoms += amount_atoms
        if self.available_atoms < 0:
            raise InvariantBroken(f"account {self.account} has too little {self.asset}: {self.available_atoms}")

    def pay(self, amount_atoms: int) -> None:
        self.available_atoms -= amount_atoms
        if self.available_atoms < 0:
            raise InvariantBroken(f"account {self.account} overspent {self.asset}: {self.available_atoms}")

    def pay_held(self, amount_atoms: int) -> None:
        self.held_atoms -= amount_atoms
        if self.held_atoms < 0:
            raise InvariantBroken(f"account {self.account} overspent held {self.asset}: {self.held_atoms}")

    def hold(self, amount_atoms: int) -> None:
        self.available_atoms -= amount_atoms
        self.held_atoms += amount_atoms
        if self.available_atoms < 0:
            raise InvariantBroken(f"account {self.account} held more {self.asset} than it has: {self.available_atoms}")

    def release(self, amount_atoms: int) -> None:
        self.held_atoms -= amount_atoms
        self.available_atoms += amount_atoms
        if self.held_atoms < 0:
            raise InvariantBroken(f"account {self.account} released more {self.asset} than held: {self.held_atoms}")


class Balances:
    """Every balance, by asset and account. One that was never touched does not differ from one of zero."""

    __slots__ = ("_by_asset", "_issued_atoms", "_numbers")

    def __init__(self) -> None:
        self._by_asset: dict[str, dict[int, Balance]] = {}
        self._numbers: dict[str, int] = {}
        self._issued_atoms: dict[str, int] = {}

    def list_asset(self, asset: str) -> None:
        """Lists an asset; it has its number from the order in which they were listed."""
        self._numbers[asset] = len(self._numbers)
        self._by_asset[asset] = {}
        self._issued_atoms[asset] = 0

    def issue(self, asset: str, amount_atoms: int) -> None:
        """Notes that there is so much more of an asset, in whoever's balance."""
        self._issued_atoms[asset] += amount_atoms

    def is_narrow(self, asset: str) -> bool:
        """Whether no balance in the asset can have come to what takes more than one word; what has left counts too."""
        return self._issued_atoms[asset] < NARROW_LIMIT

    def of(self, account: int, asset: str) -> Balance:
        """The balance to change, made if it is the first."""
        by_account = self._by_asset[asset]
        balance = by_account.get(account)
        if balance is None:
            balance = by_account[account] = Balance(account, asset, self._numbers[asset])
        return balance

    def read(self, account: int, asset: str) -> tuple[int, int]:
        """(available, held) in atoms; changes nothing."""
        balance = self._by_asset.get(asset, {}).get(account)
        return (0, 0) if balance is None else (balance.available_atoms, balance.held_atoms)

    def rows(self) -> Iterator[tuple[int, str, int, int]]:
        """(account, asset, available, held) of every balance that is not zero, by account and asset."""
        rows = [
            (balance.account, balance.asset, balance.available_atoms, balance.held_atoms)
            for by_account in self._by_asset.values()
            for balance in by_account.values()
            if balance.available_atoms or balance.held_atoms
        ]
        rows.sort()
        return iter(rows)
