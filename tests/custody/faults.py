"""A random world for withdrawals: blocks, branches, evictions, calls that fail, people who bump and cancel; a seed decides.

Each withdrawal is paid exactly once or given back exactly once, and at the end the hot wallet's coins are what the books say, to
the atomic unit.
"""

import random
from collections import Counter
from collections.abc import Callable

from bitcoind_proxy.errors import NodeFailure, Refused
from bitcoind_proxy.simulator.faults import FAULTS, Faults
from funding.models import Withdrawal
from funding.paying import NotPossible, bump, cancel
from funding.payout_models import Payout
from funding.planning import TooDear
from funding.reconciliation import reconcile
from funding.scanning import OvertakenByAnother
from funding.signer.client import SignerFailure
from funding.transactions import TooLittle

from .till import FEE, Till
from .worlds import SimulatedWorld

AT_ONCE = 40
"""So many withdrawals are under way before more are asked for."""
FINAL = 4
DEEPEST = FINAL - 1
"""How many blocks a payout takes to be final, and how many a reorganisation replaces at most."""
COINS = 12
COIN = 5 * 10**7


class Chaos:
    """Acts of a random world on a till. ``happened``: what was done, and what became of it, by name."""

    def __init__(self, till: Till, seed: int) -> None:
        assert isinstance(till.world, SimulatedWorld)
        self.till = till
        self.happened: Counter[str] = Counter()
        self._chain = till.world.simulated
        self._faults: list[tuple[str, Faults]] = [("node", till.world.faults), ("signer", till.signer_faults)]
        self._random = random.Random(seed)
        self._acts: tuple[tuple[int, Callable[[], None]], ...] = (
            (30, self._mine),
            (10, self._mine_empty),
            (12, self._reorganise),
            (8, self._evict),
            (6, self._bump),
            (5, self._cancel),
            (25, self._fail_a_call),
        )

    def run(self, withdrawals: int, reorganisations: int) -> None:
        """Until there were so many of both, and a call whose outcome nobody knew."""
        self.till.fund(*[COIN] * COINS)
        asked = 0
        while (
            asked < withdrawals
            or self.happened["reorganisations"] < reorganisations
            or not self.happened["failed: OutcomeUnknown"]
        ):
            under_way = Withdrawal.objects.exclude(state__in=("settled", "returned", "refused")).count()
            if asked < withdrawals and under_way < AT_ONCE and self._random.random() < 0.7:
                for _ in range(self._random.randint(1, 6)):
                    self.till.request(self._random.randint(50_000, 900_000))
                    asked += 1
            (act,) = self._random.choices([one for _, one in self._acts], [weight for weight, _ in self._acts])
            act()
            self._round()
        for _, faults in self._faults:
            faults.clear()
        self.till.finish()

    def _round(self) -> None:
        try:
            self.till.round()
            self._reconcile()
        except (NodeFailure, SignerFailure, OvertakenByAnother) as failure:
            self.happened[f"failed: {type(failure).__name__}"] += 1

    def _reconcile(self) -> None:
        found = reconcile("BTC", self.till.world.chain, self.till.node, now=self.till.now())
        assert not found.differences, found.differences
        self.happened["reconciliations"] += 1

    # What the world does

    def _mine(self) -> None:
        self.till.world.mine(self._random.randint(1, 2))

    def _mine_empty(self) -> None:
        self.till.world.mine_empty()

    def _reorganise(self) -> None:
        self.till.world.reorganise(self._random.randint(1, DEEPEST))
        self.happened["reorganisations"] += 1

    def _evict(self) -> None:
        waiting = self._chain.mempool(0)
        if waiting:
            self._chain.evict(self._random.choice(waiting))
            self.happened["evictions"] += 1

    def _fail_a_call(self) -> None:
        where, faults = self._random.choice(self._faults)
        fault = self._random.choice([one for one in FAULTS if one != "timed_out"])
        faults.clear()
        faults.plan(fault, after=self._random.randint(0, 12 if where == "node" else 1))

    # What operators do

    def _bump(self) -> None:
        self._ask("bumped", lambda number: bump(number, rate=self._random.randint(2_000, 20_000), now=self.till.now()))

    def _cancel(self) -> None:
        self._ask("cancelled", lambda number: cancel(number, now=self.till.now()))

    def _ask(self, name: str, act: Callable[[int], object]) -> None:
        payouts = Payout.objects.filter(state__in=("building", "signed", "broadcast")).order_by("id")
        numbers = list(payouts.values_list("id", flat=True))
        if not numbers:
            return
        try:
            act(self._random.choice(numbers))
        except (NotPossible, TooDear, TooLittle, Refused):
            return
        self.happened[name] += 1

    # What has to be true at the end

    def check(self) -> None:
        till, asked = self.till, Withdrawal.objects.count()
        states = Counter(till.withdrawals())
        assert states["settled"] + states["returned"] == asked, states
        assert till.received() == till.owed(), "somebody got more or less than he asked for"
        paid = sum(int(one.amount_atoms) + FEE for one in Withdrawal.objects.filter(state="settled"))
        assert till.balance() == COINS * COIN - paid
        assert till.books.engine.balance(till.account.id, till.world.asset)[1] == 0, "something is held for ever"
        self._reconcile()
        till.check_books()
        self.happened.update(states)
        self.happened["payouts"] = Payout.objects.count()
        self.happened["attempts"] = len(till.attempts())
