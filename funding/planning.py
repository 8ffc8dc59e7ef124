"""What a payout's next transaction is: the coins, what it pays, what it costs. Plans are written, nothing is signed.

Plans are made under the lock of the wallet that change comes to, so no coin is in two of them. Amounts in atomic units.
"""

import datetime as dt
from collections.abc import Sequence

from django.db import connection, transaction

from bitcoind_proxy.client import ChainClient
from bitcoind_proxy.errors import UnavailableEstimate

from . import coins, payouts, withdrawals
from .descriptors import is_single
from .models import Withdrawal
from .payout_models import Attempt, ChangeAddress, Coin, Payout
from .payout_rules import PayoutRules, payout_rules_of
from .payout_states import AttemptKind, Purpose
from .transactions import RELAY_SATS_PER_KVBYTE, WITNESS_BYTES, Draft, Pay, TooLittle, drafted, fee_of, size_vbytes

COINS_LOOKED_AT = 1_000
INPUT_VBYTES = 41 + -(-WITNESS_BYTES // 4)


class TooDear(Exception):
    """The fee would be more than the rules allow."""


class _Fewer(Exception):
    """The coins pay only so many of the withdrawals."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


def rate_now(asset: str, node: ChainClient) -> int:
    """What to pay for a thousand virtual bytes. Raises NodeFailure."""
    rules = payout_rules_of(asset)
    try:
        return rules.rate(node.fee_sats_per_kvbyte(rules.target_blocks))
    except UnavailableEstimate:
        return rules.rate(None)


def plan_withdrawals(chain: str, asset: str, *, rate: int, height: int, now: dt.datetime) -> Payout | None:
    """A payout of the oldest approved withdrawals, as many as there are coins for; None if there are none.

    Raises TooLittle if the coins do not pay even the oldest, TooDear.
    """
    at_most = payout_rules_of(asset).withdrawals_at_most
    while True:
        try:
            with transaction.atomic():
                return _plan_withdrawals(chain, asset, at_most, rate, height, now)
        except _Fewer as fewer:
            if not fewer.count:
                raise TooLittle(f"the oldest withdrawal of {asset} is more than the coins that may be spent") from None
            at_most = fewer.count


def _plan_withdrawals(chain: str, asset: str, at_most: int, rate: int, height: int, now: dt.datetime) -> Payout | None:
    change = coins.new_change_address(chain, asset, now=now)
    payout_id = _next_id()
    claimed = withdrawals.claim(asset, chain, payout_id=payout_id, at_most=at_most, now=now)
    if not claimed:
        transaction.set_rollback(True)
        return None
    pays, found = pays_of(claimed), spendable(chain, asset, height)
    taken = _covering(found, pays, change, rate, payout_rules_of(asset))
    if not taken:
        raise _Fewer(min(len(claimed) - 1, _as_many(found, pays, change, rate, payout_rules_of(asset))))
    return _begun(payout_id, Purpose.WITHDRAWALS, taken, change, rate=rate, height=height, now=now)


def plan_transfer(
    chain: str,
    asset: str,
    purpose: Purpose,
    taken: Sequence[Coin],
    *,
    rate: int,
    height: int,
    now: dt.datetime,
    target_script: str = "",
    target_atoms: int = 0,
) -> Payout:
    """A payout that pays no withdrawals: to cold storage, or many coins into one. Raises TooLittle, TooDear."""
    with transaction.atomic():
        change = coins.new_change_address(chain, asset, now=now)
        free = set(spendable(chain, asset, height)).intersection(taken)
        if len(free) < len(taken):
            raise TooLittle("another payout took the coins meanwhile")
        return _begun(
            _next_id(),
            purpose,
            taken,
            change,
            rate=rate,
            height=height,
            now=now,
            target_script=target_script,
            target_atoms=target_atoms,
        )


def _begun(
    payout_id: int,
    purpose: Purpose,
    taken: Sequence[Coin],
    change: ChangeAddress,
    *,
    rate: int,
    height: int,
    now: dt.datetime,
    target_script: str = "",
    target_atoms: int = 0,
) -> Payout:
    payout = payouts.begin(
        payout_id,
        purpose=purpose,
        anchor=taken[0],
        change_address=change,
        target_script=target_script,
        target_atoms=target_atoms,
        now=now,
    )
    coins.set_aside(taken, payout)
    _plan(payout, AttemptKind.PAY, rate=rate, height=height, now=now)
    return payout


def plan_bump(payout: Payout, *, rate: int, height: int, now: dt.datetime) -> Attempt:
    """An attempt of the same kind that pays more; with more coins if it takes them. Raises TooLittle, TooDear."""
    last = payouts.latest(payout)
    kind = AttemptKind.PAY if last is None else AttemptKind(last.kind)
    with transaction.atomic():
        wallet = payout.change_address.wallet
        coins.lock(wallet)
        more = iter(spendable(payout.chain, payout.asset, height))
        while True:
            try:
                return _plan(payout, kind, rate=rate, height=height, now=now)
            except TooLittle:
                coin = next(more, None)
                if coin is None:
                    raise
                coins.set_aside([coin], payout)


def plan_cancellation(payout: Payout, *, rate: int, height: int, now: dt.datetime) -> Attempt:
    """An attempt that brings all coins home, and pays more than the last one did. Raises TooLittle, TooDear."""
    return _plan(payout, AttemptKind.CANCEL, rate=rate, height=height, now=now)


def _plan(payout: Payout, kind: AttemptKind, *, rate: int, height: int, now: dt.datetime) -> Attempt:
    """A replacement's rate is above that of what it replaces too, however much larger it is."""
    last = payouts.latest(payout)
    if last is not None:
        rate = max(rate, -(-last.fee_atoms * 1000 // last.size_vbytes) + RELAY_SATS_PER_KVBYTE)
    draft = _drafted(payout, kind, rate, 0 if last is None else last.fee_atoms)
    most = payout_rules_of(payout.asset).maximum_fee_atoms
    if draft.fee_atoms > most:
        raise TooDear(f"a fee of {draft.fee_atoms} is more than {most}")
    return payouts.plan(payout, draft, kind, height=height, now=now)


def _drafted(payout: Payout, kind: AttemptKind, rate: int, least_fee: int) -> Draft:
    pays = [] if kind == AttemptKind.CANCEL else pays_for(payout)
    spends = [coins.as_spend(coin) for coin in coins.of(payout)]
    dust = payout_rules_of(payout.asset).dust_atoms
    home = coins.home(payout.change_address)
    return drafted(spends, pays, home, rate_sats_per_kvbyte=rate, least_fee=least_fee, dust_atoms=dust)


def pays_for(payout: Payout) -> list[Pay]:
    """What a payout pays others, in an order that does not change."""
    match Purpose(payout.purpose):
        case Purpose.WITHDRAWALS:
            return pays_of(list(Withdrawal.objects.filter(payout_id=payout.id).order_by("id")))
        case Purpose.SWEEP:
            return [Pay(script=payout.target_script, amount_atoms=payout.target_atoms)]
        case Purpose.CONSOLIDATION:
            return []


def pays_of(claimed: Sequence[Withdrawal]) -> list[Pay]:
    return [Pay(script=one.script, amount_atoms=int(one.amount_atoms)) for one in claimed]


def _covering(
    found: Sequence[Coin], pays: Sequence[Pay], change: ChangeAddress, rate: int, rules: PayoutRules
) -> list[Coin]:
    wanted = sum(one.amount_atoms for one in pays) + fee_of(size_vbytes([], [*pays, coins.home(change)]), rate)
    return coins.chosen(found, wanted, per_coin_atoms=fee_of(INPUT_VBYTES, rate), at_most=rules.coins_at_most)


def _as_many(found: Sequence[Coin], pays: Sequence[Pay], change: ChangeAddress, rate: int, rules: PayoutRules) -> int:
    """How many of the first payments there are coins for."""
    count = len(pays)
    while count and not _covering(found, pays[:count], change, rate, rules):
        count -= 1
    return count


def spendable(chain: str, asset: str, height: int) -> list[Coin]:
    """The coins that may be spent at this height of the cursor, and that the signer can spend; the largest first."""
    buried_from = height + 1 - payout_rules_of(asset).final_confirmations
    found = coins.spendable(chain, asset, buried_from=buried_from)[:COINS_LOOKED_AT]
    return [coin for coin in found if is_single(coin.wallet.descriptor)]


def _next_id() -> int:
    """A payout's id before it is there: withdrawals are claimed for it first, and say what it has to pay."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('funding_payout', 'id'))")
        (found,) = cursor.fetchone()
    return int(found)
