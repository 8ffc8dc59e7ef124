"""An exchange without threads for tests of withdrawals: accounts with bitcoin, addresses that may be used, rounds of the holder."""

import datetime as dt
import itertools
from typing import Self

from accounts.models import Account, User
from funding import withdrawals
from funding.holding import Holding
from funding.models import Withdrawal, WithdrawalAddress
from funding.states import WithdrawalState
from ledger.queries import trial_balance
from tests.fixtures import Database
from trading.engine.commands import Credit, DefineAsset
from trading.models import Asset
from trading.tests.ledgers import Ledgered, differences

CHAIN = "bitcoin:regtest"
_numbers = itertools.count(1)


class Till:
    def __init__(self, database: Database) -> None:
        self.books = Ledgered(database)
        decimals = {"decimals": 8, "trading_decimals": 8}
        self.books.do(DefineAsset(asset="BTC", name="Bitcoin", kind="crypto", **decimals))
        Asset.objects.create(asset="BTC", name="Bitcoin", kind="crypto", **decimals)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.books.__exit__()

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def account(self, atoms: int = 0) -> Account:
        owner = User.objects.create(email=f"somebody-{next(_numbers)}@example.com", email_verified_at=self.now())
        account = Account.objects.create(owner=owner)
        if atoms:
            self.pay_in(account, atoms)
        return account

    def pay_in(self, account: Account, atoms: int) -> None:
        self.books.do(Credit(account=account.id, asset="BTC", amount_atoms=atoms, source="deposit", reference="test"))

    def address(self, account: Account) -> WithdrawalAddress:
        number, now = next(_numbers), self.now()
        return WithdrawalAddress.objects.create(
            account=account,
            asset="BTC",
            chain=CHAIN,
            address=f"bcrt1q{number}",
            script=f"0014{number:040x}",
            label=f"address {number}",
            created_at=now,
            usable_from=now,
        )

    def request(
        self,
        account: Account,
        atoms: int,
        *,
        fee_atoms: int = 0,
        approvals_needed: int = 0,
        to: WithdrawalAddress | None = None,
    ) -> Withdrawal:
        """A row as the interface makes it, without asking what the rules say."""
        to, now = to or self.address(account), self.now()
        return Withdrawal.objects.create(
            account=account,
            idempotency_key=f"key {next(_numbers)}",
            destination=to,
            asset=to.asset,
            chain=to.chain,
            address=to.address,
            script=to.script,
            amount_atoms=atoms,
            fee_atoms=fee_atoms,
            value_cents=0,
            approvals_needed=approvals_needed,
            state=WithdrawalState.REQUESTED,
            requested_at=now,
            changed_at=now,
        )

    def round(self) -> None:
        """One of a holder that was started for it: it knows nothing but what is in the database. Then the books follow."""
        Holding(self.books.connection, self.now).round()
        self.books.catch_up()

    def settle(self) -> None:
        """Rounds until nothing more is to do but by others."""
        for _ in range(3):
            self.round()

    def pay(self, withdrawal: Withdrawal, *, until: WithdrawalState = WithdrawalState.SETTLING) -> None:
        """What payouts do to an approved withdrawal."""
        path = ("batched", "signed", "broadcast", "mined", "settling")
        withdrawal.refresh_from_db()
        withdrawal.payout_id, withdrawal.txid = 1, "ab" * 32
        for state in path[: path.index(until) + 1]:
            withdrawals.move(withdrawal, WithdrawalState(state), f"It is {state}.", now=self.now())

    def state(self, withdrawal: Withdrawal) -> str:
        withdrawal.refresh_from_db()
        return withdrawal.state

    def balance(self, account: Account) -> tuple[int, int]:
        """(available, held)"""
        return self.books.engine.balance(account.id, "BTC")

    def check_books(self) -> None:
        assert differences(self.books.connection) == []
        assert set(trial_balance(self.books.connection).values()) <= {0}
