"""What breaks between the exchange, its node, its signer and its database while it pays: nothing is paid twice, nothing is lost."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connections

from accounts.models import User
from bitcoind_proxy.errors import NodeFailure
from bitcoind_proxy.simulator.faults import Fault, Faults
from funding.holding import Holding
from funding.models import Alarm, Approval, ChainCursor, Withdrawal
from funding.paying import NotPossible, Paying, bump, cancel
from funding.payout_models import Attempt, Coin, Payout
from funding.planning import plan_withdrawals
from funding.scanning import OvertakenByAnother
from funding.signer.client import SignerFailure
from funding.stops import lift, stop

from .till import POLICY, Till
from .worlds import SimulatedWorld

MUCH, SOME = 40 * 10**6, 10**6


def history(till: Till, act: Callable[[], None]) -> None:
    """Two withdrawals, one bump, one reorganisation, and blocks until they are paid; ``act`` after each."""
    till.request(SOME)
    till.request(2 * SOME)
    act()
    bump(the_payout(till), rate=9_000, now=till.now())
    act()
    till.world.mine()
    act()
    till.world.reorganise(1)
    act()
    till.world.mine(2)
    act()
    act()


def the_payout(till: Till) -> int:
    payout = Payout.objects.order_by("-id").first()
    assert payout is not None, till.withdrawals()
    return payout.id


def check_paid(till: Till, count: int) -> None:
    till.finish()
    assert till.withdrawals() == ["settled"] * count
    assert till.received() == till.owed()
    till.check_books()


def simulated(till: Till) -> SimulatedWorld:
    assert isinstance(till.world, SimulatedWorld)
    return till.world


@pytest.mark.parametrize("fault", ["lost", "refused"])
@pytest.mark.parametrize("of", ["node", "signer"])
def test_every_call_may_fail(simulated_till: Till, fault: Fault, of: str) -> None:
    """In each state each call of a round fails once, and whoever made it starts anew."""
    till, failed = simulated_till, 0
    till.fund(MUCH)
    faults: Faults = till.signer_faults if of == "signer" else simulated(till).faults

    def act() -> None:
        nonlocal failed
        for _ in range(3):
            number = reached = 0
            while reached >= number:
                before = faults.calls
                faults.plan(fault, after=number)
                try:
                    till.round()
                except (NodeFailure, SignerFailure):
                    failed += 1
                faults.clear()
                reached = faults.calls - before
                number += 1

    history(till, act)
    assert failed >= (2 if of == "signer" else 40)
    check_paid(till, 2)


class Died(Exception):
    """A process ended here."""


def test_a_process_may_die_whenever_it_looks_at_the_clock(simulated_till: Till) -> None:
    """That is before each thing that it writes down, so after whatever it did before."""
    till, deaths = simulated_till, 0
    till.fund(MUCH)

    def act() -> None:
        nonlocal deaths
        till.new_watcher().round()
        for _ in range(3):
            Holding(till.books.connection, till.now).round()
            till.books.catch_up()
        number = 0
        while True:
            left = number

            def clock() -> dt.datetime:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Died
                return till.now()

            try:
                Paying(till.world.chain, till.node, till.signer, clock).round()
            except Died:
                deaths += 1
                number += 1
                continue
            break
        till.round()

    history(till, act)
    assert deaths > 20
    check_paid(till, 2)


def test_an_evicted_payout_is_given_to_the_network_again(simulated_till: Till) -> None:
    till, chain = simulated_till, simulated(simulated_till).simulated
    till.fund(MUCH)
    till.request(SOME)
    till.settle()
    (attempt,) = till.attempts()
    for _ in range(2):
        chain.evict(attempt.txid)
        till.settle()
        assert till.node.mempool_entry(attempt.txid).fee_sats == attempt.fee_atoms
    check_paid(till, 1)
    assert len(till.attempts()) == 1


def test_what_is_signed_goes_on_while_the_signer_is_away(simulated_till: Till) -> None:
    till = simulated_till
    till.fund(MUCH, MUCH)
    till.request(SOME)
    till.settle()
    till.close_signer()
    till.request(SOME)
    for blocks in (0, 1, 1):
        till.world.mine(blocks)
        with pytest.raises(SignerFailure):
            till.settle()
    assert till.payouts() == ["final", "building"]
    till.serve(POLICY)
    till.signer.close()
    check_paid(till, 2)


def test_two_at_once_pay_once(simulated_till: Till) -> None:
    till = simulated_till
    till.fund(MUCH, MUCH)
    for _ in range(4):
        till.request(SOME)
    for _ in range(3):
        Holding(till.books.connection, till.now).round()
        till.books.catch_up()

    def pay() -> None:
        try:
            for _ in range(3):
                till.new_paying().round()
        except OvertakenByAnother:
            return
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(pay) for _ in range(2)]:
            done.result()
    check_paid(till, 4)


def test_what_nobody_was_shown_is_dissolved_and_paid_by_the_next(simulated_till: Till) -> None:
    till = simulated_till
    till.fund(MUCH)
    till.request(SOME)
    for _ in range(3):
        Holding(till.books.connection, till.now).round()
        till.books.catch_up()
    height = ChainCursor.objects.get().height
    payout = plan_withdrawals(till.world.chain, "BTC", rate=2_000, height=height, now=till.now())
    assert payout is not None
    assert till.withdrawals() == ["batched"]
    cancel(payout.id, now=till.now())
    assert (till.payouts(), till.withdrawals()) == (["dissolved"], ["approved"])
    assert not Coin.objects.exclude(payout=None).exists()
    till.new_paying()._go_on(payout.id, ChainCursor.objects.get())  # who has listed it before goes on with nothing
    assert not Payout.objects.filter(is_shown=True).exists()
    assert not Alarm.objects.exists()
    check_paid(till, 1)


def test_what_the_signer_may_have_signed_comes_home_by_a_transaction(simulated_till: Till) -> None:
    """Its answer was lost: nobody knows whether somebody else has those bytes."""
    till = simulated_till
    till.fund(MUCH)
    till.request(SOME)
    till.signer_faults.plan("lost")
    with pytest.raises(SignerFailure):
        till.settle()
    cancel(the_payout(till), now=till.now())
    till.finish()
    assert (till.payouts(), till.withdrawals()) == (["returned"], ["returned"])
    assert (till.balance(), not till.received()) == (MUCH, True)
    till.check_books()


def test_bytes_that_somebody_else_sends_are_ours_all_the_same(simulated_till: Till) -> None:
    """A cancelled payout's first transaction is mined after all: it is paid, and not given back."""
    till = simulated_till
    till.fund(MUCH)
    till.request(SOME)
    till.settle()
    (attempt,) = till.attempts()
    cancel(the_payout(till), now=till.now())
    till.settle()
    simulated(till).simulated.evict(till.attempts()[-1].txid)
    till.node.send(bytes.fromhex(attempt.transaction))
    till.world.mine()
    check_paid(till, 1)
    assert till.payouts() == ["final"]


def test_the_signer_s_no_is_an_alarm_and_the_withdrawal_waits(simulated_till: Till) -> None:
    till = simulated_till
    till.fund(MUCH)
    till.serve(till.tiny(daily_sats=SOME - 1))
    till.request(SOME)
    till.settle()
    assert (till.withdrawals(), till.payouts()) == (["batched"], ["building"])
    assert "over the daily limit" in Alarm.objects.get(settled_at=None).words
    till.serve(POLICY)
    check_paid(till, 1)
    assert not Alarm.objects.filter(settled_at=None).exists()


def test_a_large_withdrawal_is_signed_with_the_names_of_who_approved_it(simulated_till: Till) -> None:
    till = simulated_till
    till.fund(3 * 10**8)
    one = till.request(2 * 10**8, approvals_needed=1)
    till.settle()
    assert till.withdrawals() == ["reviewing"]
    staff = User.objects.create(email="staff@example.com")
    Approval.objects.create(withdrawal=one, by=staff, approves=True, at=till.now())
    Withdrawal.objects.filter(id=one.id).update(state="approved")
    check_paid(till, 1)


def test_a_hot_wallet_that_is_too_small_is_an_alarm(simulated_till: Till) -> None:
    till = simulated_till
    till.fund(SOME)
    simulated(till).simulated.fee_sats_per_kvbyte = 60_000
    till.request(SOME - 5_000)
    till.settle()
    assert till.withdrawals() == ["approved"]
    assert "withdrawals wait" in Alarm.objects.get(subject="hot wallet BTC").words
    till.fund(SOME)
    check_paid(till, 1)
    assert not Alarm.objects.filter(settled_at=None).exists()


def test_a_stop_holds_back_what_is_not_signed(simulated_till: Till) -> None:
    till = simulated_till
    till.fund(MUCH)
    stop("BTC", "the books and the coins differ", now=till.now())
    till.request(SOME)
    till.settle()
    assert (till.withdrawals(), till.payouts()) == (["approved"], [])
    assert lift("BTC", because="a person has looked", now=till.now())
    check_paid(till, 1)


def test_what_is_in_a_block_or_ended_is_neither_cancelled_nor_bumped(simulated_till: Till) -> None:
    till = simulated_till
    till.fund(MUCH)
    till.request(SOME)
    till.settle()
    till.world.mine()
    till.settle()
    for act in (lambda: cancel(1, now=till.now()), lambda: bump(1, rate=9_000, now=till.now())):
        with pytest.raises(NotPossible):
            act()
    till.finish()
    with pytest.raises(NotPossible, match="no open payout"):
        cancel(the_payout(till), now=till.now())


def test_a_final_payout_whose_block_is_replaced_is_an_alarm_and_sent_again(simulated_till: Till) -> None:
    till = simulated_till
    till.fund(MUCH)
    till.request(SOME)
    till.finish()
    (attempt,) = till.attempts()
    till.world.reorganise(3)
    simulated(till).simulated.evict(attempt.txid)
    till.settle()
    assert "was final and is in no block" in Alarm.objects.get(settled_at=None).words
    assert till.node.mempool_entry(attempt.txid).fee_sats == attempt.fee_atoms
    till.world.mine(3)
    check_paid(till, 1)


def test_the_database_refuses_to_forget_what_was_signed(simulated_till: Till) -> None:
    till = simulated_till
    till.fund(MUCH)
    till.request(SOME)
    till.settle()
    assert Attempt.objects.count() == 1
    for change in (
        "UPDATE funding_attempt SET transaction = 'ab'",
        "UPDATE funding_attempt SET txid = repeat('0', 64)",
        "UPDATE funding_payout SET state = 'final'",
        "UPDATE funding_payout SET is_shown = false",
        "UPDATE funding_coin SET amount_atoms = 1",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            till.books.connection.execute(change)
    for table in ("funding_attempt", "funding_payout", "funding_coin", "funding_payout_step"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            till.books.connection.execute(f"DELETE FROM {table}")
    till.finish()
    with pytest.raises(psycopg.errors.CheckViolation, match="spent once"):
        till.books.connection.execute("UPDATE funding_coin SET is_spent = false WHERE is_spent")
