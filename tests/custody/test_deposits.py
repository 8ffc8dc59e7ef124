"""The contract of deposits, in every world: what is seen, when it is credited, and what a reorganisation takes back."""

import datetime as dt

import pytest
from django.db import transaction

from accounts.models import User
from funding import withdrawals
from funding.descriptors import derive
from funding.gauges import Gauges, load_gauges
from funding.holding import Holding
from funding.models import Alarm, ChainCursor, DepositWallet, ScannedBlock, Withdrawal, WithdrawalAddress
from funding.nodes import followed
from funding.scanning import rescan
from trading.engine.commands import Credit, TransferFunds
from trading.models import Asset

from .stage import LARGE, MIDDLE, SMALL, Stage, words_of


def test_a_deposit_is_seen_then_counted_then_credited_once(stage: Stage) -> None:
    stage.pay((stage.address(), MIDDLE))
    stage.settle()
    assert (stage.states(), stage.balance()) == (["seen"], 0)
    for _ in range(2):
        stage.world.mine()
        stage.settle()
        assert (stage.states(), stage.balance()) == (["confirming"], 0)
    stage.world.mine()
    stage.settle()
    assert (stage.states(), stage.balance()) == (["credited"], MIDDLE)
    (deposit,) = stage.deposits()
    assert (deposit.needed, deposit.account_id, int(deposit.amount_atoms)) == (3, stage.account.id, MIDDLE)
    stage.world.mine(10)
    stage.settle()
    assert stage.balance() == MIDDLE
    stage.check_books()


def test_a_larger_amount_takes_more_confirmations(stage: Stage) -> None:
    stage.pay((stage.address(), LARGE))
    stage.world.mine(5)
    stage.settle()
    assert stage.states() == ["confirming"]
    stage.world.mine()
    stage.settle()
    assert (stage.states(), stage.balance()) == (["credited"], LARGE)


def test_two_outputs_of_one_transaction_are_two_deposits(stage: Stage) -> None:
    first, second = stage.address(), stage.address()
    txid = stage.pay((first, SMALL), (second, SMALL + 1))
    stage.world.mine()
    stage.settle()
    assert {(one.txid, one.state) for one in stage.deposits()} == {(txid, "credited")}
    assert stage.balance() == 2 * SMALL + 1
    stage.check_books()


def test_many_small_outputs_take_as_many_confirmations_as_their_sum(stage: Stage) -> None:
    stage.pay(*((stage.address(), 4 * SMALL) for _ in range(3)))
    stage.world.mine()
    stage.settle()
    assert {one.needed for one in stage.deposits()} == {3}
    assert set(stage.states()) == {"confirming"}


def test_what_came_while_nobody_watched_is_credited_once(stage: Stage) -> None:
    other = stage.new_account()
    for _ in range(3):
        stage.pay((stage.address(), SMALL), (stage.address(other), 2 * SMALL))
        stage.world.mine(4)
    stage.settle()
    assert (stage.balance(), stage.balance(other)) == (3 * SMALL, 6 * SMALL)
    stage.check_books()


def test_reading_everything_anew_credits_nothing_twice(stage: Stage) -> None:
    start = ChainCursor.objects.get()
    stage.pay((stage.address(), SMALL))
    stage.world.mine(3)
    stage.settle()
    for _ in range(3):
        ScannedBlock.objects.filter(height__gt=start.height).delete()
        ChainCursor.objects.update(height=start.height, block_hash=start.block_hash)
        stage.settle()
    assert (stage.states(), stage.balance()) == (["credited"], SMALL)


def test_what_was_not_known_to_be_ours_when_its_block_was_read_is_found_by_reading_again(stage: Stage) -> None:
    wallet = DepositWallet.objects.get()
    start = ChainCursor.objects.get().height
    stage.world.pay((derive(wallet.descriptor, wallet.chain, wallet.next_index).address, SMALL))
    stage.world.mine(3)
    stage.settle()
    stage.address()
    stage.settle()
    assert stage.states() == []
    for _ in range(3):
        assert rescan(wallet.chain, stage.node, from_height=start, now=stage.now()) == 4
        stage.settle()
    assert (stage.states(), stage.balance()) == (["credited"], SMALL)
    stage.check_books()


def test_dust_is_recorded_and_not_credited(stage: Stage) -> None:
    stage.pay((stage.address(), 99_999))
    stage.world.mine(6)
    stage.settle()
    assert (stage.states(), stage.balance()) == (["dust"], 0)
    assert "100000 atomic units are the least" in words_of(stage.deposits()[0])[0]


@pytest.mark.parametrize("depth", range(1, 13))
def test_a_double_spent_deposit_is_taken_back(stage: Stage, depth: int) -> None:
    txid = stage.pay((stage.address(), SMALL))
    stage.world.mine(depth)
    stage.settle()
    assert (stage.states(), stage.balance()) == (["credited"], SMALL)
    stage.world.reorganise(depth, double_spent=[txid])
    stage.settle()
    assert (stage.states(), stage.balance()) == (["reversed"], 0)
    stage.check_books()


@pytest.mark.parametrize("depth", [1, 2, 6, 12])
def test_a_transaction_that_is_mined_again_is_credited_again_and_once(stage: Stage, depth: int) -> None:
    stage.pay((stage.address(), SMALL))
    stage.world.mine(depth)
    stage.settle()
    stage.world.reorganise(depth)
    stage.settle()
    assert (stage.states(), stage.balance()) == (["reversed"], 0)
    stage.world.mine()
    stage.settle()
    assert (stage.states(), stage.balance()) == (["credited"], SMALL)
    assert stage.deposits()[0].round == 1
    stage.check_books()


def test_a_branch_that_has_the_transaction_too_leaves_the_credit_alone(stage: Stage) -> None:
    stage.pay((stage.address(), SMALL))
    stage.world.mine(2)
    stage.settle()
    stage.world.reorganise(2)
    stage.world.mine()  # before anybody looked
    stage.settle()
    assert (stage.states(), stage.balance(), stage.deposits()[0].round) == (["credited"], SMALL, 0)
    stage.check_books()


def test_an_unconfirmed_deposit_that_is_reorganised_was_never_credited(stage: Stage) -> None:
    txid = stage.pay((stage.address(), MIDDLE))
    stage.world.mine()
    stage.settle()
    stage.world.reorganise(1, double_spent=[txid])
    stage.settle()
    assert (stage.states(), stage.balance()) == (["gone"], 0)
    stage.check_books()


def test_a_deficit_freezes_and_alarms_until_it_is_collected(stage: Stage) -> None:
    friend = stage.new_account()
    txid = stage.pay((stage.address(), SMALL))
    stage.world.mine()
    stage.settle()
    gift = TransferFunds(
        account=stage.account.id, to_account=friend.id, asset=stage.world.asset, amount_atoms=SMALL, reference="gift"
    )
    stage.books.do(gift)
    stage.world.reorganise(1, double_spent=[txid])
    stage.settle()
    owner = User.objects.get(id=stage.account.owner_id)
    assert (stage.states(), stage.balance(friend)) == (["deficit"], SMALL)
    assert owner.withdrawals_frozen_until is not None
    assert owner.withdrawals_frozen_until.year == 9999
    assert Alarm.objects.filter(settled_at=None).count() == 1
    events = stage.books.seq
    stage.settle()
    assert stage.books.seq == events, "a deficit that cannot be collected fills the journal"
    stage.check_books()

    back = Credit(
        account=stage.account.id, asset=stage.world.asset, amount_atoms=SMALL, source="adjustment", reference="paid"
    )
    stage.books.do(back)
    stage.settle()
    owner.refresh_from_db()
    assert (stage.states(), stage.balance()) == (["reversed"], 0)
    assert owner.withdrawals_frozen_until.year < 9999
    assert not Alarm.objects.filter(settled_at=None).exists()
    stage.check_books()


def test_what_was_to_be_withdrawn_of_a_deposit_that_is_gone_goes_there(simulated_stage: Stage) -> None:
    """It is not paid out while the account owes, and what was held for it is what the account owes."""
    stage = simulated_stage
    txid = stage.pay((stage.address(), SMALL))
    stage.world.mine()
    stage.settle()
    now = stage.now()
    Asset.objects.create(asset=stage.world.asset, name="Coin", kind="crypto", decimals=8, trading_decimals=8)
    fields = {"account": stage.account, "asset": stage.world.asset, "chain": stage.world.chain}
    fields |= {"address": "elsewhere", "script": "0014"}
    to = WithdrawalAddress.objects.create(**fields, label="home", created_at=now, usable_from=now)
    withdrawal = Withdrawal.objects.create(
        **fields,
        idempotency_key="all of it",
        destination=to,
        amount_atoms=SMALL,
        fee_atoms=0,
        value_cents=0,
        approvals_needed=0,
        state="requested",
        requested_at=now,
        changed_at=now,
    )

    def hold() -> str:
        for _ in range(2):
            Holding(stage.books.connection, stage.now).round()
            stage.books.catch_up()
        withdrawal.refresh_from_db()
        return withdrawal.state

    assert hold() == "approved"
    stage.world.reorganise(1, double_spent=[txid])
    stage.settle()
    assert stage.states() == ["deficit"]
    with transaction.atomic():
        assert withdrawals.claim(stage.world.asset, stage.world.chain, payout_id=1, at_most=9, now=now) == []
    assert hold() == "rejected"
    stage.settle()
    assert (stage.states(), stage.balance()) == (["reversed"], 0)
    stage.check_books()


def test_somebody_elses_payment_is_nobodys_deposit(stage: Stage) -> None:
    mine = stage.address()
    stage.pay((mine, SMALL))
    stage.world.mine(2)
    stage.settle()
    assert len(stage.deposits()) == 1, "the change and the coins of miners are not ours"


def test_f42_a_chain_is_followed_while_its_tip_was_read_just_now(stage: Stage) -> None:
    """One that is read but not to its tip, long ago, or no more, is told with the reason."""

    def told(later_s: int = 0) -> str:
        return followed(now=now + dt.timedelta(seconds=later_s))[stage.world.chain]

    now = stage.now()
    assert "not yet to its tip" in told()
    stage.settle()
    read_at = ChainCursor.objects.get().at_tip_at
    assert read_at is not None and read_at >= now
    now = read_at
    assert (told(), told(60), told(75)) == ("ok", "ok", "its tip was read 75 s ago")
    ChainCursor.objects.update(stopped_because="a person has to look")
    assert told() == "not read any more: a person has to look"


def test_f173_monitoring_reads_the_age_of_the_tip_and_what_is_hot(stage: Stage) -> None:
    chain, asset = stage.world.chain, stage.world.asset
    Asset.objects.create(asset=asset, name="Coin", kind="crypto", decimals=8, trading_decimals=8)
    assert load_gauges(now=stage.now()) == Gauges({chain: None}, {asset: 0.0}, 0)
    stage.pay((stage.address(), SMALL))
    stage.world.mine()
    stage.settle()
    gauges = load_gauges(now=stage.now())
    age_s = gauges.tip_age_s[chain]
    assert age_s is not None and 0 <= age_s < 60
    assert gauges.hot == {asset: SMALL / 10**8}
