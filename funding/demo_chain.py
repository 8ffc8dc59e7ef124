"""Coins of the demo's chain and blocks of it, for whoever asks. Where money is real there is neither.

The chain's miner pays, as a stranger would: the exchange finds the payment in the chain like any other.
"""

from collections.abc import Callable
from typing import TypeVar

from django.conf import settings

from accounts.problems import NOT_READY
from accounts.throttling import Limit
from bitcoind_proxy.errors import InvalidQuestion, NodeFailure, Refused
from bitcoind_proxy.mining import MinerClient
from bitcoind_proxy.proto.miner_pb2 import MinedBlocks

from .models import DepositAddress
from .problems import NO_TEST_COINS, TEST_COINS_REFUSED, UNKNOWN_ADDRESS, Problem

T = TypeVar("T")

CHAIN = "bitcoin:regtest"
LARGEST_SATS = 20 * 10**8
PAYMENTS = Limit(name="test-coins", times=20, window_s=600)
"""By user."""
BLOCKS = Limit(name="test-blocks", times=60, window_s=600)
"""By user."""


def send_test_coins(*, account_id: int, user_id: object, address: str, amount_sats: int) -> str:
    """Pays an address of the account; the txid. Raises Problem: no_test_coins, unknown_address, test_coins_refused,
    rate_limited, not_ready."""
    target = _target()
    ours = DepositAddress.objects.filter(account_id=account_id, address=address, wallet__chain=CHAIN)
    if not ours.exists():
        raise Problem(UNKNOWN_ADDRESS, "You have no such deposit address on the test chain.")
    if not 0 < amount_sats <= LARGEST_SATS:
        raise Problem(TEST_COINS_REFUSED, f"At most {LARGEST_SATS // 10**8} coins at once, and more than nothing.")
    PAYMENTS.check(str(user_id))
    return _ask(target, lambda miner: miner.pay_address(address, amount_sats))


def mine_test_block(*, user_id: object) -> MinedBlocks:
    """The next block, now. Raises Problem: no_test_coins, rate_limited, not_ready."""
    target = _target()
    BLOCKS.check(str(user_id))
    return _ask(target, lambda miner: miner.mine_blocks(1))


def _target() -> str:
    if settings.DEMO and settings.DEMO_CHAIN and CHAIN in settings.FUNDING_NODES:
        return str(settings.FUNDING_NODES[CHAIN])
    raise Problem(NO_TEST_COINS, "Test coins and blocks exist in a demo with a chain of its own only.")


def _ask(target: str, call: Callable[[MinerClient], T]) -> T:
    try:
        with MinerClient(target) as miner:
            return call(miner)
    except (Refused, InvalidQuestion) as failure:
        raise Problem(TEST_COINS_REFUSED, f"The chain refused: {failure}.") from failure
    except NodeFailure as failure:
        raise Problem(NOT_READY, "The test chain does not answer. Try again in a moment.") from failure
