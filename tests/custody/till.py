"""A stage that pays out: a signer with the wallet's keys, people who withdraw, rounds of everybody who has a part in it."""

import dataclasses
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from embit.bip32 import HDKey
from embit.hashes import hash160
from embit.script import Script

from accounts.models import Account
from bitcoind_proxy.networks import NETWORKS
from bitcoind_proxy.simulator.faults import Faults
from funding.addresses import add_wallet
from funding.booking import Booking
from funding.holding import Holding
from funding.models import ChainCursor, Withdrawal, WithdrawalAddress
from funding.paying import Paying
from funding.payout_models import Attempt, Coin, Payout
from funding.signer.client import SignerClient
from funding.signer.keys import read_keys
from funding.signer.policy import Policy
from funding.signer.record import Record
from funding.signer.server import SignerServer
from funding.signer.service import SignerService
from funding.signer.tests.wallet import private_descriptor, write_keys
from funding.states import WithdrawalState
from funding.treasury import Treasury
from tests.fixtures import Database
from trading.models import Asset
from trading.tests.ledgers import differences

from .stage import Stage
from .worlds import World

PAYOUT_RULES: dict[str, Any] = {
    "final_confirmations": 2,
    "target_blocks": 2,
    "fee_sats_per_kvbyte": (1_000, 2_000, 100_000),
    "maximum_fee_atoms": 100_000,
    "dust_atoms": 1_000,
    "withdrawals_at_most": 20,
    "gather_s": 0.0,
    "coins_at_most": 20,
    "bump_after_blocks": 3,
}
TREASURY_RULES: dict[str, Any] = {
    "hot_atoms": (0, 10**12, 10**13),
    "consolidate_coins": 50,
    "consolidate_at_most_sats_per_kvbyte": 0,
}
COLD = "0020" + "09" * 32
POLICY = Policy(
    maximum_fee_sats=200_000,
    maximum_fee_sats_per_kvbyte=500_000,
    daily_sats=10**12,
    daily_fee_sats=10**9,
    approvals=((10**8, 1),),
    cold=frozenset((bytes.fromhex(COLD),)),
)
ROUNDS = 12
FEE = 5_000
"""What a withdrawal costs its owner."""
_numbers = itertools.count(1)
_OPEN = ("building", "signed", "broadcast", "mined")


class Till(Stage):
    """``signer_faults``: between the exchange and the signer. ``keeps_bounds``: the treasury has its rounds too."""

    def __init__(self, world: World, database: Database, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        super().__init__(world, database, monkeypatch)
        Asset.objects.create(asset=world.asset, name="Coin", kind="crypto", decimals=8, trading_decimals=8)
        monkeypatch.setitem(settings.PAYOUT_RULES, world.asset, PAYOUT_RULES)
        monkeypatch.setitem(settings.TREASURY_RULES, world.asset, TREASURY_RULES)
        seed = (10**6 + next(_numbers)).to_bytes(32, "big")
        add_wallet(
            asset=world.asset,
            chain=world.chain,
            descriptor=_public(world.chain, seed),
            tip=self.node.tip(),
            now=self.now(),
        )
        self._folder = folder
        write_keys(folder / "keys", private_descriptor(world.chain, seed))
        self.signer_faults = Faults()
        self._record = Record(folder / "record", begin=True)
        self._server: SignerServer | None = None
        self.serve(POLICY)
        self.signer = SignerClient(f"unix:{folder}/signer.sock", timeout_s=10)
        self.first_block = self.node.tip().height
        self.strangers = list[str]()
        self.keeps_bounds = False

    def serve(self, policy: Policy) -> None:
        """From now on the signer has this policy; its record stays."""
        self.close_signer()
        keys = read_keys(self._folder / "keys", NETWORKS[self.world.chain])
        service = SignerService(NETWORKS[self.world.chain], keys, policy, self._record)
        self._server = SignerServer(
            service, listen=f"unix:{self._folder}/signer.sock", interceptors=[self.signer_faults]
        )
        self._server.start()

    def close_signer(self) -> None:
        """For a signer of another process."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __exit__(self, *_: object) -> None:
        self.signer.close()
        self.close_signer()
        self._record.close()
        super().__exit__()

    # People

    def fund(self, *amounts: int) -> None:
        """Deposits of the account, credited, and as deep as coins have to be that are spent."""
        for amount in amounts:
            self.pay((self.address(), amount))
        self.world.mine(6)
        self.settle()

    def stranger(self) -> str:
        """The script of somebody's key."""
        key = HDKey.from_seed((2 * 10**6 + next(_numbers)).to_bytes(32, "big"))
        self.strangers.append("0014" + _hash160(key.get_public_key().sec()).hex())
        return self.strangers[-1]

    def request(self, atoms: int, account: Account | None = None, **more: Any) -> Withdrawal:
        """As the interface makes it, without asking what the rules say."""
        account, script, now = account or self.account, more.pop("script", None) or self.stranger(), self.now()
        network, number = NETWORKS[self.world.chain], next(_numbers)
        text = Script(bytes.fromhex(script)).address({"bech32": network.bech32})
        kept = {"account": account, "asset": self.world.asset, "chain": self.world.chain}
        to = WithdrawalAddress.objects.create(
            **kept, address=text, script=script, label=f"{number}", created_at=now, usable_from=now
        )
        return Withdrawal.objects.create(
            **kept,
            idempotency_key=f"key {number}",
            destination=to,
            address=text,
            script=script,
            amount_atoms=atoms,
            fee_atoms=FEE,
            value_cents=0,
            approvals_needed=more.get("approvals_needed", 0),
            state=WithdrawalState.REQUESTED,
            requested_at=now,
            changed_at=now,
        )

    # Rounds

    def new_paying(self) -> Paying:
        """As after a restart: it knows nothing but what is in the database."""
        return Paying(self.world.chain, self.node, self.signer, self.now)

    def hold(self) -> None:
        """Until what was asked for is held and waits for a payout."""
        for _ in range(3):
            Holding(self.books.connection, self.now).round()
            self.books.catch_up()

    def round(self) -> None:
        self.new_watcher().round()
        self.books.catch_up()
        Holding(self.books.connection, self.now).round()
        self.books.catch_up()
        self.new_paying().round()
        if self.keeps_bounds:
            Treasury(self.world.chain, self.node, self.now).round()
        Booking(self.world.chain, self.books.connection, self.now).round(height=ChainCursor.objects.get().height)
        self.books.catch_up()

    def settle(self) -> None:
        """Rounds until one changes nothing."""
        before: object = None
        for _ in range(ROUNDS):
            self.round()
            now = (
                self.books.seq,
                self.states(),
                list(Withdrawal.objects.order_by("id").values_list("state", "txid")),
                list(Payout.objects.order_by("id").values_list("state", "is_booked")),
                Attempt.objects.count(),
            )
            if now == before:
                return
            before = now
        raise AssertionError(f"not settled after {ROUNDS} rounds: {now}")

    def finish(self) -> None:
        """Blocks until every payout has ended."""
        for _ in range(20):
            self.settle()
            if not Payout.objects.filter(state__in=_OPEN).exists():
                return
            self.world.mine()
        raise AssertionError(f"payouts are {self.payouts()}")

    # What became of it

    def withdrawals(self) -> list[str]:
        return list(Withdrawal.objects.order_by("id").values_list("state", flat=True))

    def payouts(self) -> list[str]:
        return list(Payout.objects.order_by("id").values_list("state", flat=True))

    def attempts(self) -> list[Attempt]:
        return list(Attempt.objects.order_by("id"))

    def received(self) -> Counter[str]:
        """By script, what the active chain pays people who withdrew."""
        found: Counter[str] = Counter()
        strangers = set(self.strangers)
        for height in range(self.first_block + 1, self.node.tip().height + 1):
            for output in self.node.block_outputs(self.node.block_hash(height)):
                if output.script.hex() in strangers:
                    found[output.script.hex()] += output.amount_sats
        return found

    def owed(self) -> Counter[str]:
        """By script, what is settled and so has to be paid."""
        found: Counter[str] = Counter()
        for one in Withdrawal.objects.filter(state__in=("settling", "settled")):
            found[one.script] += int(one.amount_atoms)
        return found

    def check_books(self) -> None:
        """The books are what the journal comes to, and the hot wallet is what its coins come to, to the atomic unit."""
        assert differences(self.books.connection) == []
        coins = Coin.objects.filter(is_spent=False, block_hash__isnull=False)
        dust = sum(int(one.amount_atoms) for one in self.deposits() if one.state in ("dust", "refused"))
        assert self.custody() == sum(coin.amount_atoms for coin in coins) - dust

    def tiny(self, **changes: Any) -> Policy:
        return dataclasses.replace(POLICY, **changes)


def _public(chain: str, seed: bytes) -> str:
    root = HDKey.from_seed(seed)
    account = root.derive("m/84h/1h/0h").to_public()
    account.version = NETWORKS[chain].xpub
    return f"wpkh([{root.my_fingerprint.hex()}/84h/1h/0h]{account.to_base58()}/0/*)"


def _hash160(key: bytes) -> bytes:
    return bytes(hash160(key))
