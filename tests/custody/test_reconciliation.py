"""Books, coins and chain: equal to the atomic unit at every moment of a withdrawal; a difference stops withdrawals until a person
has looked."""

import io
from collections.abc import Callable

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from bitcoind_proxy.simulator.coins import MINER_SCRIPT, spend
from funding.booking import Booking
from funding.holding import Holding
from funding.models import Alarm, ChainCursor
from funding.paying import cancel
from funding.payout_models import Coin, Reconciliation, WithdrawalStop
from funding.reconciliation import reconcile
from funding.stops import lift
from trading.engine.commands import Credit, MoveCustody

from .stage import SMALL
from .till import Till
from .worlds import SimulatedWorld

MUCH, SOME = 40 * 10**6, 10**6


def differences(till: Till) -> str:
    return reconcile(till.world.asset, till.world.chain, till.node, now=till.now()).differences


def parts(till: Till) -> list[Callable[[], object]]:
    """A round in its parts: after each of them the books may be behind the coins, or the coins behind the chain."""
    booking = Booking(till.world.chain, till.books.connection, till.now)
    return [
        lambda: till.new_watcher().round(),
        till.books.catch_up,
        lambda: Holding(till.books.connection, till.now).round(),
        till.books.catch_up,
        lambda: till.new_paying().round(),
        lambda: booking.round(height=ChainCursor.objects.get().height),
        till.books.catch_up,
    ]


def test_books_and_coins_agree_at_every_moment(till: Till) -> None:
    """Deposits that come, stay dust or are taken back; payouts that are paid, reorganised, cancelled."""
    compared = 0

    def act() -> None:
        nonlocal compared
        for _ in range(2):
            for part in parts(till):
                part()
                assert differences(till) == ""
                compared += 1

    till.pay((till.address(), MUCH), (till.address(), 99_999))
    gone = till.pay((till.address(), SMALL))
    act()
    till.world.mine()
    act()
    till.world.reorganise(1, double_spent=[gone])
    act()
    till.world.mine(4)
    act()
    till.request(SOME)
    act()
    till.world.mine()
    act()
    till.world.reorganise(1)
    act()
    till.world.mine(2)
    act()
    till.request(SOME)
    act()
    cancel(2, now=till.now())
    act()
    till.world.mine(2)
    act()
    act()
    assert till.withdrawals() == ["settled", "returned"]
    assert compared == 12 * 14
    found = Reconciliation.objects.get()
    assert found.hot_books_atoms == found.hot_coins_atoms == till.custody()


def test_one_atomic_unit_stops_withdrawals_until_a_person_lifts_it(
    simulated_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = simulated_till
    till.fund(MUCH)
    lost = {"asset": "BTC", "amount_atoms": 1, "reference": "by hand"}
    till.books.do(MoveCustody(**lost, source="custody_hot", target="network_fees"))
    assert differences(till).endswith(": +1")
    assert Alarm.objects.filter(settled_at=None, subject="reconciliation of BTC").count() == 1
    till.request(SOME)
    till.settle()
    assert (till.withdrawals(), till.payouts()) == (["approved"], [])

    monkeypatch.setattr(settings, "FUNDING_NODES", {till.world.chain: till.world.target})
    words = "BTC: the books have 39999999 in the hot wallet, and the coins come to 40000000: \\+1"
    with pytest.raises(CommandError, match=words):
        call_command("reconcile", stdout=io.StringIO())
    till.books.do(MoveCustody(**lost, source="network_fees", target="custody_hot"))
    said = io.StringIO()
    call_command("reconcile", stdout=said)
    assert "hot 40000000 in the books, 40000000 in coins" in said.getvalue()
    till.settle()
    assert till.withdrawals() == ["approved"], "what was stopped goes on only when a person says so"
    call_command("resume_withdrawals", "BTC", reason="a posting by hand, taken back", stdout=said)
    till.finish()
    assert till.withdrawals() == ["settled"]
    assert WithdrawalStop.objects.get().lifted_because == "a posting by hand, taken back"
    with pytest.raises(CommandError, match="were not stopped"):
        call_command("resume_withdrawals", "BTC", reason="again")


def test_a_stop_that_is_lifted_too_early_comes_back(simulated_till: Till) -> None:
    till = simulated_till
    till.fund(MUCH)
    till.books.do(
        Credit(account=till.account.id, asset="BTC", amount_atoms=5, source="deposit", reference="nothing came")
    )
    assert differences(till).endswith(": -5")
    assert lift("BTC", because="it will be nothing", now=till.now())
    assert differences(till)
    assert WithdrawalStop.objects.filter(lifted_at=None).count() == 1


def test_a_coin_that_somebody_else_spent_is_found(simulated_till: Till) -> None:
    till = simulated_till
    assert isinstance(till.world, SimulatedWorld)
    till.fund(MUCH, MUCH)
    assert differences(till) == ""
    coin = Coin.objects.order_by("id").first()
    assert coin is not None
    thief = spend([(coin.txid, coin.vout)], [(MINER_SCRIPT, MUCH - 1_000)])
    till.world.simulated._admit(thief)
    assert differences(till) == "", "what waits may still be replaced"
    till.world.mine()
    assert differences(till) == "", "the node is ahead of us"
    till.settle()
    assert differences(till) == f"coin {coin} is not in the node's chain"
    assert WithdrawalStop.objects.filter(asset="BTC", lifted_at=None).exists()
