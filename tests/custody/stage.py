"""An exchange without threads beside a chain: accounts, a wallet of public keys, rounds of the watcher, books."""

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Self

import pytest
from django.conf import settings
from embit.bip32 import HDKey

from accounts.models import Account, User
from bitcoind_proxy.networks import NETWORKS
from funding.addresses import add_wallet, new_address
from funding.models import Deposit, DepositAddress
from funding.states import DepositState
from funding.watcher import Watcher
from ledger.queries import trial_balance
from tests.fixtures import Database
from trading.engine.commands import DefineAsset
from trading.tests.ledgers import Ledgered, differences

from .worlds import World, client

RULES = {"minimum_atoms": 100_000, "confirmations": ((10**7, 1), (10**8, 3), (None, 6)), "deepest_reorganisation": 20}
SMALL, MIDDLE, LARGE = 10**6, 5 * 10**7, 2 * 10**8
"""Take 1, 3 and 6 confirmations."""
ROUNDS = 8
"""No deposit takes more, with books that follow after each round."""
_numbers = itertools.count(1)


class Stage:
    def __init__(self, world: World, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(settings.DEPOSIT_RULES, world.asset, RULES)
        self.world = world
        self.books = Ledgered(database)
        kind, decimals = "crypto", 8
        listing = DefineAsset(asset=world.asset, name="Coin", kind=kind, decimals=decimals, trading_decimals=decimals)
        self.books.do(listing)
        self.node = client(world)
        self.account = self.new_account()
        add_wallet(
            asset=world.asset,
            chain=world.chain,
            descriptor=public_descriptor(world.chain, next(_numbers)),
            tip=self.node.tip(),
            now=self.now(),
        )
        self.watcher = self.new_watcher()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.node.close()
        self.books.__exit__()

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def new_account(self) -> Account:
        owner = User.objects.create(email=f"somebody-{next(_numbers)}@example.com")
        return Account.objects.create(owner=owner)

    def new_watcher(self) -> Watcher:
        """As after a restart: it knows nothing but what is in the database."""
        return Watcher(self.world.chain, self.node, self.now)

    def address(self, account: Account | None = None) -> DepositAddress:
        return new_address(account=account or self.account, asset=self.world.asset, now=self.now())

    def pay(self, *payments: tuple[DepositAddress, int]) -> str:
        return self.world.pay(*((address.address, atoms) for address, atoms in payments))

    def settle(self) -> None:
        """Rounds until one changes nothing; each by a watcher that was started for it."""
        before: object = None
        for _ in range(ROUNDS):
            self.new_watcher().round()
            self.books.catch_up()
            now = (
                self.books.seq,
                list(Deposit.objects.order_by("id").values_list("state", "credit_seq", "reversal_seq")),
            )
            if now == before:
                return
            before = now
        raise AssertionError(f"not settled after {ROUNDS} rounds")

    def deposits(self) -> list[Deposit]:
        return list(Deposit.objects.order_by("id"))

    def states(self) -> list[str]:
        return [deposit.state for deposit in self.deposits()]

    def balance(self, account: Account | None = None) -> int:
        available, held = self.books.engine.balance((account or self.account).id, self.world.asset)
        return available + held

    def custody(self) -> int:
        """What the books say is in the hot wallet."""
        row = self.books.connection.execute(
            "SELECT -balance::bigint FROM ledger_account WHERE kind = 'custody_hot' AND asset = %s", (self.world.asset,)
        ).fetchone()
        return 0 if row is None else int(str(row[0]))

    def check_books(self) -> None:
        """Whatever happened: the books are what the journal comes to, and what is credited is what stands as credited."""
        assert differences(self.books.connection) == []
        assert set(trial_balance(self.books.connection).values()) <= {0}
        credited = (DepositState.CREDITED, DepositState.DEFICIT)
        standing = sum(int(one.amount_atoms) for one in self.deposits() if one.state in credited)
        assert self.custody() == standing


def public_descriptor(chain: str, number: int) -> str:
    """Of a wallet whose keys nobody keeps."""
    root = HDKey.from_seed(number.to_bytes(32, "big"))
    account = root.derive("m/84h/1h/0h").to_public()
    account.version = NETWORKS[chain].xpub
    return f"wpkh([{root.my_fingerprint.hex()}/84h/1h/0h]{account.to_base58()}/0/*)"


def words_of(deposit: Deposit) -> Sequence[str]:
    return [step.words for step in deposit.steps.order_by("id")]
