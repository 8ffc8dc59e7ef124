"""The random world of ``faults``: a few dozen withdrawals here, a thousand by `make custody-faults`."""

import os

import pytest
from django.conf import settings

from .faults import FINAL, Chaos
from .till import PAYOUT_RULES, Till

WITHDRAWALS = int(os.environ.get("FAULTS_WITHDRAWALS", "40"))
REORGANISATIONS = int(os.environ.get("FAULTS_REORGANISATIONS", "1"))
SEED = int(os.environ.get("FAULTS_SEED", "20"))


def test_under_random_faults_each_withdrawal_is_paid_or_given_back_once(
    simulated_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.PAYOUT_RULES, "BTC", {**PAYOUT_RULES, "final_confirmations": FINAL})
    chaos = Chaos(simulated_till, seed=SEED)
    chaos.run(WITHDRAWALS, REORGANISATIONS)
    chaos.check()
    for name, count in sorted(chaos.happened.items()):
        print(f"{count:>8,}  {name}")
    assert chaos.happened["settled"] > WITHDRAWALS // 2
