"""The contract of payouts, in every world: paid once, to the atomic unit, whatever the network does with the transaction."""

import pytest
from django.conf import settings

from accounts.problems import Problem
from accounts.security_log import Caller
from bitcoind_proxy.errors import NodeFailure
from funding.models import ChainCursor, Withdrawal, WithdrawalStep
from funding.paying import bump, cancel
from funding.payout_models import Coin
from funding.planning import plan_withdrawals
from funding.reconciliation import reconcile
from funding.withdrawing import cancel_withdrawal
from trading.engine.commands import Credit

from .till import FEE, PAYOUT_RULES, Till
from .worlds import NodeWorld

MUCH = 40 * 10**6


def test_withdrawals_are_paid_by_one_transaction_and_settled_once_it_is_final(till: Till) -> None:
    till.fund(MUCH)
    first, second = till.request(10**6), till.request(2 * 10**6)
    till.settle()
    assert (till.withdrawals(), till.payouts()) == (["broadcast"] * 2, ["broadcast"])
    assert till.books.engine.balance(till.account.id, till.world.asset)[1] == 3 * 10**6 + 2 * FEE
    till.world.mine()
    till.settle()
    assert (till.withdrawals(), till.payouts()) == (["mined"] * 2, ["mined"])
    assert till.received() == {first.script: 10**6, second.script: 2 * 10**6}
    till.world.mine()
    till.settle()
    assert (till.withdrawals(), till.payouts()) == (["settled"] * 2, ["final"])
    assert till.balance() == MUCH - 3 * 10**6 - 2 * FEE
    (attempt,) = till.attempts()
    assert till.custody() == MUCH - 3 * 10**6 - attempt.fee_atoms
    assert set(Withdrawal.objects.values_list("txid", flat=True)) == {attempt.txid}
    till.check_books()


def test_change_comes_home_and_is_spent_again(till: Till) -> None:
    till.fund(MUCH)
    for _ in range(3):
        till.request(10**6)
        till.finish()
    assert till.withdrawals() == ["settled"] * 3
    assert Coin.objects.filter(is_spent=False).count() == 1
    assert till.received() == till.owed()
    till.check_books()


def test_many_small_coins_pay_together_and_the_rest_waits_for_more(till: Till) -> None:
    till.fund(*[10**6] * 5)
    till.request(4 * 10**6)
    till.finish()
    assert till.withdrawals() == ["settled"]
    asset, account = till.world.asset, till.account.id
    till.books.do(Credit(account=account, asset=asset, amount_atoms=10**6, source="adjustment", reference="gift"))
    till.request(3 * 10**5)
    till.request(9 * 10**5)
    till.settle()
    assert till.withdrawals()[1:] == ["broadcast", "approved"], "as many as there are coins for, the oldest first"
    till.finish()
    till.fund(10**6)
    till.finish()
    assert till.withdrawals() == ["settled"] * 3
    assert till.received() == till.owed()
    till.check_books()


def test_a_payout_that_nobody_mines_pays_more_for_the_same_withdrawals(till: Till) -> None:
    till.fund(MUCH)
    one = till.request(10**6)
    till.settle()
    (payout_id,) = {Withdrawal.objects.get().payout_id}
    assert payout_id is not None
    bump(payout_id, rate=10_000, now=till.now())
    till.settle()
    till.world.mine_empty(3)
    till.settle()
    fees = [attempt.fee_atoms for attempt in till.attempts()]
    assert len(fees) == 3
    assert fees == sorted(fees)
    assert len({attempt.txid for attempt in till.attempts()}) == 3
    assert till.node.mempool_entry(till.attempts()[-1].txid).fee_sats == fees[-1]
    till.finish()
    assert till.withdrawals() == ["settled"]
    assert till.received() == {one.script: 10**6}
    assert Withdrawal.objects.get().txid == till.attempts()[-1].txid
    till.check_books()


def test_an_owner_cancels_until_the_signer_is_asked_and_the_others_wait_for_the_next_payout(till: Till) -> None:
    till.fund(MUCH)
    first, second = till.request(10**6), till.request(2 * 10**6)
    till.hold()
    plan_withdrawals(
        till.world.chain, till.world.asset, rate=1_000, height=ChainCursor.objects.get().height, now=till.now()
    )
    assert till.withdrawals() == ["batched"] * 2

    def cancel_first() -> Withdrawal:
        return cancel_withdrawal(account=till.account, withdrawal_id=first.id, caller=Caller(), now=till.now())

    assert cancel_first().state == "releasing"
    assert (till.withdrawals(), till.payouts()) == (["releasing", "approved"], ["dissolved"])
    till.finish()
    assert till.withdrawals() == ["cancelled", "settled"]
    assert cancel_first().state == "cancelled"
    with pytest.raises(Problem):
        cancel_withdrawal(account=till.account, withdrawal_id=second.id, caller=Caller(), now=till.now())
    assert till.received() == till.owed()
    till.check_books()


def test_a_cancelled_payout_comes_home_and_only_then_gives_back(till: Till) -> None:
    till.fund(MUCH)
    till.request(10**6)
    till.settle()
    payout_id = Withdrawal.objects.get().payout_id
    assert payout_id is not None
    cancel(payout_id, now=till.now())
    till.settle()
    assert till.withdrawals() == ["broadcast"], "what was sent may still be mined"
    till.world.mine()
    till.settle()
    assert till.withdrawals() == ["broadcast"]
    till.world.mine()
    till.settle()
    assert (till.withdrawals(), till.payouts()) == (["returned"], ["returned"])
    assert till.balance() == MUCH
    assert till.books.engine.balance(till.account.id, till.world.asset)[1] == 0
    assert not till.received()
    assert till.custody() == MUCH - till.attempts()[-1].fee_atoms
    till.check_books()


def test_a_reorganisation_takes_a_payout_back_to_the_mempool_and_it_is_mined_again(till: Till) -> None:
    till.fund(MUCH)
    one = till.request(10**6)
    till.settle()
    till.world.mine()
    till.settle()
    till.world.reorganise(1)
    till.settle()
    assert (till.withdrawals(), till.payouts()) == (["broadcast"], ["broadcast"])
    till.finish()
    assert till.withdrawals() == ["settled"]
    assert till.received() == {one.script: 10**6}
    words = list(WithdrawalStep.objects.filter(withdrawal=one).order_by("id").values_list("state", flat=True))
    assert words[-6:] == ["mined", "broadcast", "mined", "settling", "settling", "settled"]
    till.check_books()


def test_a_branch_that_has_the_transaction_too_only_moves_it_to_another_block(till: Till) -> None:
    till.fund(MUCH)
    one = till.request(10**6)
    till.settle()
    till.world.mine()
    till.settle()
    before = Withdrawal.objects.get().block_height
    till.world.reorganise(1)
    till.world.mine()  # before anybody looked
    till.settle()
    after = Withdrawal.objects.get().block_height
    assert (after, till.withdrawals()) == (till.attempts()[0].block_height, ["mined"])
    assert before is not None
    assert after is not None
    assert after > before
    till.finish()
    assert till.received() == {one.script: 10**6}
    till.check_books()


def test_a_coin_whose_deposit_is_not_buried_yet_is_not_spent(till: Till) -> None:
    till.pay((till.address(), 5 * 10**6))
    till.world.mine()
    till.settle()
    till.request(10**6)
    till.settle()
    assert (till.states(), till.withdrawals()) == (["credited"], ["approved"])
    till.world.mine()
    till.settle()
    assert till.withdrawals() == ["broadcast"]
    till.finish()
    till.check_books()


def test_the_fee_that_is_booked_is_of_the_attempt_that_was_mined(till: Till) -> None:
    till.fund(MUCH)
    till.request(10**6)
    till.settle()
    till.world.mine()
    till.settle()
    till.world.reorganise(1)
    till.settle()
    payout_id = Withdrawal.objects.get().payout_id
    assert payout_id is not None
    bump(payout_id, rate=10_000, now=till.now())
    till.world.mine(2)  # the first one, before anybody sent the second
    till.finish()
    first, second = till.attempts()
    assert first.fee_atoms < second.fee_atoms
    assert till.custody() == MUCH - 10**6 - first.fee_atoms
    assert Withdrawal.objects.get().txid == first.txid
    till.check_books()


def test_change_of_a_replaced_branch_is_not_counted(till: Till) -> None:
    till.fund(MUCH)
    till.request(10**6)
    till.settle()
    till.world.mine()
    till.settle()
    payout_id = Withdrawal.objects.get().payout_id
    assert payout_id is not None
    till.world.reorganise(1)
    till.settle()
    bump(payout_id, rate=10_000, now=till.now())
    till.finish()
    first, second = till.attempts()
    assert Withdrawal.objects.get().txid == second.txid
    assert set(Coin.objects.filter(change_address__isnull=False).values_list("txid", flat=True)) == {
        first.txid,
        second.txid,
    }
    found = reconcile(till.world.asset, till.world.chain, till.node, now=till.now())
    assert found.differences == ""
    assert found.hot_coins_atoms == MUCH - 10**6 - second.fee_atoms


def test_a_bump_takes_more_coins_if_the_change_does_not_cover_it(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """A larger transaction has to pay a higher rate all the same, or the network keeps the smaller one."""
    rules = {**PAYOUT_RULES, "fee_sats_per_kvbyte": (2_000, 2_000, 2_000)}  # a node may have an estimate by now
    monkeypatch.setitem(settings.PAYOUT_RULES, till.world.asset, rules)
    till.fund(10**6, 10**6)
    one = till.request(10**6 - 600)
    till.settle()
    payout_id = Withdrawal.objects.get().payout_id
    assert payout_id is not None
    assert Coin.objects.filter(payout_id=payout_id).count() == 1
    bump(payout_id, rate=2_000, now=till.now())
    till.settle()
    assert Coin.objects.filter(payout_id=payout_id).count() == 2
    last = till.attempts()[-1]
    assert till.node.mempool_entry(last.txid).fee_sats == last.fee_atoms
    till.finish()
    assert till.received() == {one.script: 10**6 - 600}
    till.check_books()


def test_a_node_that_is_away_and_starts_again_holds_up_and_loses_nothing(node_till: tuple[Till, NodeWorld]) -> None:
    till, node = node_till
    till.fund(MUCH)
    for is_broadcast in (False, True):
        till.request(10**6)
        if is_broadcast:
            till.settle()
        else:
            till.hold()
        node.stop()
        with pytest.raises(NodeFailure):
            till.round()
        node.start_again()
        till.finish()
    assert till.withdrawals() == ["settled"] * 2
    assert till.received() == till.owed()
    till.check_books()
