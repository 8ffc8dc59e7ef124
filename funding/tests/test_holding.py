"""The journal's part of withdrawals: each is held, released or settled once, whoever dies when."""

import time
from collections.abc import Callable, Iterator

import pytest

from accounts.models import Mail, SecurityEvent
from funding import withdrawals
from funding.holding import Holding, command_id_of, hold_of, release_of, settlement_of
from funding.journaling import append_once
from funding.models import Alarm, Withdrawal
from funding.states import WithdrawalState
from tests.fixtures import Database
from trading.engine.commands import Command, ReleaseWithdrawal
from trading.journal.append import append
from trading.journal.records import draft, encode

from .till import Till

S = WithdrawalState
COIN = 10**8


@pytest.fixture(scope="module")
def till(shared_database: Database) -> Iterator[Till]:
    with Till(shared_database) as till:
        yield till


def times_in_journal(till: Till, asked: Command) -> int:
    """How often a command of the same kind and words is in the journal, under whatever id."""
    row = till.books.connection.execute(
        "SELECT count(*) FROM order_event WHERE kind = %s AND body::text = %s",
        (type(asked).__name__, encode(asked).decode()),
    ).fetchone()
    return int(str(row and row[0]))


def test_f118_from_a_request_to_a_payment_every_step_is_written_down(till: Till) -> None:
    account = till.account(COIN)
    withdrawal = till.request(account, 900, fee_atoms=100)
    till.settle()
    assert (till.state(withdrawal), till.balance(account)) == ("approved", (COIN - 1_000, 1_000))
    till.pay(withdrawal)
    till.settle()
    assert (till.state(withdrawal), till.balance(account)) == ("settled", (COIN - 1_000, 0))
    assert [step.state for step in withdrawal.steps.order_by("id")] == [
        *("requested", "held", "approved", "batched", "signed", "broadcast", "mined", "settling", "settling", "settled")
    ]
    assert till.books.lines(withdrawal.settle_seq or 0) == [
        (account.id, "user", "BTC", "withdrawal", -900, 0),
        (account.id, "user", "BTC", "fee", -100, 0),
        (None, "custody_hot", "BTC", "withdrawal", 900, 0),
        (None, "fees", "BTC", "fee", 100, 0),
    ]
    assert SecurityEvent.objects.filter(user=account.owner, kind="withdrawal_paid").count() == 1
    assert Mail.objects.filter(to=account.owner.email, subject="A withdrawal was paid").count() == 1
    till.check_books()


def test_what_is_more_than_there_is_is_refused_and_holds_nothing(till: Till) -> None:
    account = till.account(1_000)
    withdrawal = till.request(account, 901, fee_atoms=100)
    till.settle()
    assert (till.state(withdrawal), till.balance(account)) == ("refused", (1_000, 0))
    assert "Nothing is held" in withdrawal.steps.last().words
    till.check_books()


@pytest.mark.parametrize("ends_as", ["cancelled", "rejected"])
def test_a_release_gives_back_all_that_was_held(till: Till, ends_as: str) -> None:
    account = till.account(1_000)
    withdrawal = till.request(account, 900, fee_atoms=100, approvals_needed=2)
    till.settle()
    assert (till.state(withdrawal), till.balance(account)) == ("reviewing", (0, 1_000))
    withdrawals.release(withdrawal, S(ends_as), "No.", now=till.now())
    till.settle()
    assert (till.state(withdrawal), till.balance(account)) == (ends_as, (1_000, 0))
    till.check_books()


def test_what_is_cancelled_while_its_hold_is_being_taken_is_held_and_given_back(till: Till) -> None:
    account = till.account(1_000)
    withdrawal = till.request(account, 1_000)
    Holding(till.books.connection, till.now).round()
    assert till.state(withdrawal) == "requested" and withdrawal.hold_seq
    withdrawals.release(withdrawal, S.CANCELLED, "Its owner cancelled it.", now=till.now())
    till.settle()
    till.settle()
    assert (till.state(withdrawal), till.balance(account)) == ("cancelled", (1_000, 0))
    till.check_books()


def test_what_a_payout_cannot_pay_any_more_is_returned(till: Till) -> None:
    account = till.account(1_000)
    withdrawal = till.request(account, 1_000)
    till.settle()
    till.pay(withdrawal, until=S.BROADCAST)
    withdrawals.move(withdrawal, S.RELEASING, "A conflicting transaction is final.", now=till.now())
    till.settle()
    assert (till.state(withdrawal), till.balance(account)) == ("returned", (1_000, 0))
    till.check_books()


DEATHS: dict[str, tuple[Callable[[Withdrawal], Command], str, tuple[int, int]]] = {
    "hold": (hold_of, "approved", (0, 1_000)),
    "release": (release_of, "cancelled", (1_000, 0)),
    "settle": (settlement_of, "settled", (0, 0)),
}


@pytest.mark.parametrize("in_journal", [True, False])
@pytest.mark.parametrize("kind", DEATHS)
def test_death_between_mark_journal_and_note(till: Till, kind: str, in_journal: bool) -> None:
    """Whether or not the journal has the command of the one that died, the next start carries it through, once."""
    account = till.account(1_000)
    withdrawal = till.request(account, 900, fee_atoms=100)
    asked, state, balance = DEATHS[kind]
    if kind != "hold":
        till.settle()
        withdrawal.refresh_from_db()
    if kind == "settle":
        till.pay(withdrawal)
    elif kind == "release":
        withdrawals.release(withdrawal, S.CANCELLED, "Its owner cancelled it.", now=till.now())
    if in_journal:
        command = asked(withdrawal)
        append_once(till.books.connection, command, command_id_of(withdrawal, command))
    till.settle()
    assert (till.state(withdrawal), till.balance(account)) == (state, balance)
    assert times_in_journal(till, asked(withdrawal)) == 1
    till.check_books()


def test_two_holders_at_once_do_everything_once(till: Till) -> None:
    """Each is in the other's way at every step: the row's lock and the command's id see to it."""
    account = till.account(10 * COIN)
    asked = [till.request(account, COIN) for _ in range(5)]
    for _ in range(3):
        for _ in range(2):
            Holding(till.books.connection, till.now).round()
        till.books.catch_up()
    assert {till.state(one) for one in asked} == {"approved"}
    assert [times_in_journal(till, hold_of(one)) for one in asked] == [1] * 5
    assert till.balance(account) == (5 * COIN, 5 * COIN)


def test_what_the_books_say_otherwise_is_an_alarm_and_no_state(till: Till) -> None:
    account = till.account(1_000)
    withdrawal = till.request(account, 1_000)
    till.settle()
    foreign = ReleaseWithdrawal(reference=f"withdrawal {withdrawal.id}")
    till.books.do(foreign)
    till.pay(withdrawal)
    till.settle()
    assert till.state(withdrawal) == "settling"
    assert Alarm.objects.filter(subject=f"withdrawal {withdrawal.id}").count() == 1


def test_an_id_that_another_command_has_holds_nothing_and_is_an_alarm(till: Till) -> None:
    account = till.account(1_000)
    withdrawal, other = till.request(account, 600), till.request(account, 400)
    taken = command_id_of(withdrawal, hold_of(withdrawal))
    stray = draft(ReleaseWithdrawal(reference="another"), command_id=taken, request_id="test")
    append(till.books.connection, [stray], now_us=time.time_ns() // 1000)
    till.settle()
    assert (till.state(withdrawal), till.state(other)) == ("requested", "approved")
    assert "is another command's" in Alarm.objects.get(subject=f"withdrawal {withdrawal.id}").words
    assert till.balance(account) == (600, 400)
