"""The hot wallet within its bounds: sweeps to cold storage, refills from it, consolidation, each booked to the atomic unit."""

import io

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from embit.script import Script

from bitcoind_proxy.networks import NETWORKS
from funding.models import Alarm
from funding.payout_models import ChangeAddress, Coin, Payout, Reconciliation
from funding.reconciliation import reconcile

from .till import COLD, TREASURY_RULES, Till
from .worlds import SimulatedWorld

MUCH, SOME = 40 * 10**6, 10**6


def bounds(monkeypatch: pytest.MonkeyPatch, till: Till, **changes: object) -> None:
    till.keeps_bounds = True
    monkeypatch.setitem(settings.TREASURY_RULES, till.world.asset, {**TREASURY_RULES, **changes})


def cold(monkeypatch: pytest.MonkeyPatch, till: Till) -> None:
    address = Script(bytes.fromhex(COLD)).address({"bech32": NETWORKS[till.world.chain].bech32})
    monkeypatch.setattr(settings, "COLD_ADDRESSES", {till.world.asset: address})


def agreed(till: Till) -> Reconciliation:
    found = reconcile(till.world.asset, till.world.chain, till.node, now=till.now())
    assert found.differences == ""
    return found


def test_what_is_too_much_is_swept_to_the_cold_address_and_booked_there(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.fund(MUCH, MUCH, MUCH)
    cold(monkeypatch, till)
    bounds(monkeypatch, till, hot_atoms=(0, MUCH, 3 * MUCH - 1))
    till.settle()
    (sweep,) = Payout.objects.all()
    assert (sweep.purpose, sweep.state) == ("sweep", "broadcast")
    till.strangers.append(COLD)
    till.finish()
    assert till.received() == {COLD: sweep.target_atoms}
    found, (attempt,) = agreed(till), till.attempts()
    assert found.cold_books_atoms == sweep.target_atoms
    assert found.hot_books_atoms == 3 * MUCH - sweep.target_atoms - attempt.fee_atoms
    assert 0 <= found.hot_books_atoms - MUCH <= attempt.fee_atoms
    assert Payout.objects.count() == 1
    till.request(SOME)
    till.finish()
    assert till.withdrawals() == ["settled"]
    agreed(till)


def test_a_sweep_without_a_cold_address_is_an_alarm_and_one_that_the_signer_does_not_allow_too(
    simulated_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = simulated_till
    till.fund(MUCH, MUCH)
    bounds(monkeypatch, till, hot_atoms=(0, MUCH, MUCH))
    till.settle()
    assert "COLD_ADDRESSES has none for BTC" in Alarm.objects.get(settled_at=None).words
    monkeypatch.setattr(settings, "COLD_ADDRESSES", {"BTC": "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9"})
    monkeypatch.setattr(settings, "FUNDING_NODES", {till.world.chain: till.world.target})
    with pytest.raises(CommandError, match="none of bitcoin:regtest"):
        call_command("sweep", "BTC")
    cold(monkeypatch, till)
    till.serve(till.tiny(cold=frozenset()))
    said = io.StringIO()
    call_command("sweep", "BTC", stdout=said)
    assert "to cold storage" in said.getvalue()
    till.settle()
    assert till.payouts() == ["building"]
    words = list(Alarm.objects.filter(settled_at=None).values_list("words", flat=True))
    assert any("nor pays a cold address" in one for one in words)
    with pytest.raises(CommandError, match="has not ended yet"):
        call_command("sweep", "BTC")


def test_too_little_asks_for_a_refill_and_what_is_brought_is_booked_from_cold_storage(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.fund(MUCH)
    bounds(monkeypatch, till, hot_atoms=(MUCH + 1, 2 * MUCH, 10**13))
    till.settle()
    alarm = Alarm.objects.get(settled_at=None)
    address = ChangeAddress.objects.get(is_refill=True).address
    assert alarm.words.endswith(f"bring {MUCH} atomic units to {address}")
    till.world.pay((address, MUCH))
    till.world.mine()
    till.settle()
    assert Alarm.objects.filter(settled_at=None).exists(), "it is not deep enough yet"
    till.world.mine()
    till.settle()
    assert not Alarm.objects.filter(settled_at=None).exists()
    found = agreed(till)
    assert (found.hot_books_atoms, found.cold_books_atoms) == (2 * MUCH, -MUCH)
    till.request(MUCH - 6_000)
    till.finish()
    till.check_books()
    agreed(till)


def test_many_small_coins_become_one_while_fees_are_low(simulated_till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    till = simulated_till
    assert isinstance(till.world, SimulatedWorld)
    till.fund(*[SOME] * 6)
    bounds(monkeypatch, till, consolidate_coins=5, consolidate_at_most_sats_per_kvbyte=1_999)
    till.settle()
    assert till.payouts() == []
    till.world.simulated.fee_sats_per_kvbyte = 1_500
    till.finish()
    assert till.payouts() == ["final"]
    assert [coin.amount_atoms for coin in Coin.objects.filter(is_spent=False)] == [
        6 * SOME - till.attempts()[0].fee_atoms
    ]
    agreed(till)
