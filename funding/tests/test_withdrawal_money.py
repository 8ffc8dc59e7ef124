"""Whatever is asked at once and in whatever order: what an account has, holds and was paid is what came in."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from accounts.models import Account
from accounts.problems import Problem
from accounts.security_log import Caller
from funding import withdrawals
from funding.approvals import approve, reject
from funding.holding import Holding
from funding.models import Withdrawal, WithdrawalStep
from funding.states import WITHDRAWAL_TRANSITIONS, WithdrawalState
from funding.withdrawing import cancel_withdrawal
from tests.fixtures import Database
from trading.engine.commands import (
    CancelAll,
    Command,
    DefineAsset,
    DefineMarket,
    FeeTier,
    HoldWithdrawal,
    PlaceOrder,
    TransferFunds,
)

from .till import Till

S = WithdrawalState
HOLDERS = 4
FREE = FeeTier(maker_ppm=0, taker_ppm=0)


@pytest.fixture(scope="module")
def till(shared_database: Database) -> Iterator[Till]:
    with Till(shared_database) as till:
        till.books.do(
            DefineAsset(asset="USD", name="US dollar", kind="fiat", decimals=2, trading_decimals=2),
            DefineMarket(
                market="BTC/USD",
                base="BTC",
                quote="USD",
                tick_atoms=100,
                lot_atoms=10**6,
                minimum_lots=1,
                minimum_notional_atoms=1,
                maximum_open_orders=100,
                fee_tiers=(FREE,),
            ),
        )
        yield till


def sell_all(account: Account, lots: int) -> PlaceOrder:
    return PlaceOrder(
        account=account.id,
        market="BTC/USD",
        side="sell",
        type="limit",
        time_in_force="GTC",
        quantity_lots=lots,
        price_ticks=60_000,
    )


def hold_at_once(till: Till, database: Database) -> None:
    """Rounds of holders that all begin at the same moment, each with connections of its own."""
    together = threading.Barrier(HOLDERS)

    def hold(_: int) -> None:
        try:
            with database.connect() as connection:
                together.wait()
                Holding(connection, till.now).round()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(HOLDERS) as pool:
        list(pool.map(hold, range(HOLDERS)))
    till.books.catch_up()


def test_of_a_hundred_at_once_against_the_funds_of_one_one_is_held(till: Till, shared_database: Database) -> None:
    account = till.account(10**6)
    to = till.address(account)
    asked = [till.request(account, 999_000, fee_atoms=1_000, to=to) for _ in range(100)]
    hold_at_once(till, shared_database)
    till.settle()
    assert Counter(till.state(one) for one in asked) == {"approved": 1, "refused": 99}
    assert till.balance(account) == (0, 10**6)
    till.check_books()


@pytest.mark.parametrize("first", ["withdrawal", "order", "transfer"])
def test_what_one_takes_no_other_gets(till: Till, shared_database: Database, first: str) -> None:
    """A withdrawal, an order and a transfer of all that an account has, in one commit: the first wins, whichever it is."""
    account, friend = till.account(10**8), till.account()
    withdrawal = till.request(account, 10**8)
    wanted: dict[str, Command] = {
        "withdrawal": HoldWithdrawal(
            account=account.id, asset="BTC", amount_atoms=10**8, reference=f"race {withdrawal.id}"
        ),
        "order": sell_all(account, 100),
        "transfer": TransferFunds(
            account=account.id, to_account=friend.id, asset="BTC", amount_atoms=10**8, reference="race"
        ),
    }
    till.books.do(wanted.pop(first), *wanted.values())
    expected = {"withdrawal": (0, 10**8), "order": (0, 10**8), "transfer": (0, 0)}[first]
    assert till.balance(account) == expected
    till.settle()
    assert till.state(withdrawal) == "refused", "the row's own hold came last"
    assert sum(till.balance(friend)) + sum(till.balance(account)) == 10**8
    till.check_books()


# Anything in any order

OPERATIONS = {
    "pay_in": 2,
    "request": 4,
    "round": 8,
    "cancel": 1,
    "approve": 6,
    "reject": 1,
    "pay": 16,
    "give_up": 1,
    "order": 2,
    "cancel_orders": 1,
    "transfer": 1,
}
"""What is done, and how often."""
SEEDS, LENGTH = 3, 160


class Life:
    """An account, a friend of it, two of the staff, and what came in and went out."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.account, self.friend = till.account(), till.account()
        self.to = till.address(self.account)
        self.staff = [till.account().owner for _ in range(2)]
        self.came_in = 0

    def do(self, what: str, number: int) -> None:
        getattr(self, what)(number)

    def some(self, number: int) -> Withdrawal | None:
        mine = list(Withdrawal.objects.filter(account=self.account).order_by("id"))
        return mine[number % len(mine)] if mine else None

    def pay_in(self, number: int) -> None:
        self.till.pay_in(self.account, number + 1)
        self.came_in += number + 1

    def request(self, number: int) -> None:
        self.till.request(
            self.account, number // 4 + 1, fee_atoms=number % 1_000, approvals_needed=number % 3, to=self.to
        )

    def round(self, number: int) -> None:
        """Sometimes a holder dies before the books follow."""
        if number % 3 == 0:
            Holding(self.till.books.connection, self.till.now).round()
        else:
            self.till.round()

    def cancel(self, number: int) -> None:
        self.decide(lambda one: cancel_withdrawal(
            account=self.account, withdrawal_id=one.id, caller=Caller(), now=self.till.now()
        ), number)  # fmt: skip

    def approve(self, number: int) -> None:
        by = self.staff[number % 2]
        self.decide(lambda one: approve(withdrawal_id=one.id, by=by, words="", now=self.till.now()), number)

    def reject(self, number: int) -> None:
        by = self.staff[number % 2]
        self.decide(lambda one: reject(withdrawal_id=one.id, by=by, words="no", now=self.till.now()), number)

    def decide(self, decision: object, number: int) -> None:
        """What cannot be now is a problem, and changes nothing."""
        if (one := self.some(number)) is not None:
            try:
                decision(one)  # type: ignore[operator]
            except Problem as problem:
                assert problem.kind.status == 422

    def pay(self, number: int) -> None:
        """A payout takes an approved one, or goes a step further with what it has."""
        if number % 2:
            with transaction.atomic():
                withdrawals.claim("BTC", self.to.chain, payout_id=number, at_most=1, now=self.till.now())
        self.move(number, (S.SIGNED, S.BROADCAST, S.MINED, S.SETTLING))

    def give_up(self, number: int) -> None:
        """A conflicting transaction is final."""
        one = self.some(number)
        if one is not None and S(one.state) in withdrawals.IN_A_PAYOUT:
            withdrawals.move(one, S.RELEASING, "It can never confirm.", now=self.till.now())

    def move(self, number: int, to: tuple[WithdrawalState, ...]) -> None:
        one = self.some(number)
        states = () if one is None else [state for state in to if state in WITHDRAWAL_TRANSITIONS[S(one.state)]]
        if one is not None and states:
            withdrawals.move(one, states[0], "moved", now=self.till.now())

    def order(self, number: int) -> None:
        self.till.books.do(sell_all(self.account, number % 2 + 1))

    def cancel_orders(self, number: int) -> None:
        self.till.books.do(CancelAll(account=self.account.id))

    def transfer(self, number: int) -> None:
        self.till.books.do(
            TransferFunds(
                account=self.account.id,
                to_account=self.friend.id,
                asset="BTC",
                amount_atoms=number + 1,
                reference="gift",
            )
        )

    def check(self) -> None:
        self.till.books.catch_up()
        available, held = self.till.balance(self.account)
        given = sum(self.till.balance(self.friend))
        rows = list(Withdrawal.objects.filter(account=self.account))
        paid = sum(int(one.amount_atoms + one.fee_atoms) for one in rows if self.has_left(one))
        assert available + held + paid + given == self.came_in
        assert available >= 0
        lasting = sum(hold.amount_atoms for hold in self.till.books.engine.withdrawals.holds.values()
                      if hold.account == self.account.id)  # fmt: skip
        assert lasting <= held

    def has_left(self, one: Withdrawal) -> bool:
        """Settled, or about to be with its event applied already."""
        row = self.till.books.connection.execute(
            "SELECT 1 FROM withdrawal_hold WHERE reference = %s AND fee_atoms IS NOT NULL", (f"withdrawal {one.id}",)
        ).fetchone()
        return row is not None

    def finish(self) -> None:
        """Every withdrawal comes to an end, and nothing is held for any."""
        for _ in range(8):
            self.till.round()
            for one in Withdrawal.objects.filter(account=self.account).order_by("id"):
                self.end(one)
        self.till.settle()
        ended = {S.SETTLED, S.REFUSED, S.CANCELLED, S.REJECTED, S.RETURNED}
        assert {S(one.state) for one in Withdrawal.objects.filter(account=self.account)} <= ended
        assert not [one for one in self.till.books.engine.withdrawals.holds.values() if one.account == self.account.id]
        self.check()

    def end(self, one: Withdrawal) -> None:
        now = self.till.now()
        match S(one.state):
            case S.REVIEWING | S.APPROVED | S.HELD:
                withdrawals.release(one, S.CANCELLED, "ended", now=now)
            case S.BATCHED | S.SIGNED | S.BROADCAST:
                withdrawals.move(one, S.RELEASING, "ended", now=now)
            case S.MINED:
                withdrawals.move(one, S.SETTLING, "ended", now=now)


def test_whatever_is_done_in_whatever_order_what_is_there_and_was_paid_is_what_came_in(till: Till) -> None:
    met = set()
    for seed in range(SEEDS):
        life, draw = Life(till), random.Random(seed)
        life.pay_in(10**6)
        for what in draw.choices(list(OPERATIONS), list(OPERATIONS.values()), k=LENGTH):
            life.do(what, draw.randrange(10**6))
            life.check()
        life.finish()
        steps = WithdrawalStep.objects.filter(withdrawal__account=life.account)
        met |= set(steps.values_list("state", flat=True))
    assert met == set(WithdrawalState), "every state is met"
    till.check_books()
