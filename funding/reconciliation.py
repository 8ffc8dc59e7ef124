"""Whether the books, our coins and the node's chain agree, to the atomic unit. A difference stops withdrawals of the asset.

Three comparisons, each exact at the moment of one snapshot of the database:

- The hot wallet in the books is our coins, and what has ended on the chain but is not in the books yet: withdrawals that are being
  settled, network fees, sweeps. A deposit's coin counts while the books have its credit.
- Cold storage in the books is what was swept there, less what came back.
- Each coin that nothing of ours spends is unspent in the node's chain, with the amount that we wrote down. So a coin that somebody
  else spends is found, though only our keys could.

The one writer of reconciliations. Amounts in atomic units.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction

from bitcoind_proxy.client import ChainClient
from ledger.chart import Kind
from ledger.models import LedgerAccount
from trading.reversal import outcome
from trading.withdrawal_holds import has_ended

from .alarms import raise_alarm, settle_alarm
from .models import ChainCursor, Deposit, DepositWallet, Withdrawal
from .payout_models import Coin, Payout, Reconciliation
from .payout_states import ENDED_ON_CHAIN, PayoutState, Purpose
from .payouts import end_of
from .states import DepositState, WithdrawalState
from .stops import stop

STANDING = (DepositState.CREDITED, DepositState.DEFICIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """Of the hot wallet and of cold storage: what the books have, and what they should. ``seq``: the books' last event."""

    seq: int
    hot_books_atoms: int
    hot_coins_atoms: int
    cold_books_atoms: int
    cold_coins_atoms: int
    others: tuple[str, ...]


def assets() -> list[tuple[str, str]]:
    """(asset, chain) of everything that is kept."""
    found = DepositWallet.objects.order_by("asset").values_list("asset", "chain").distinct()
    return [(asset, chain) for asset, chain in found]


def reconcile(asset: str, chain: str, node: ChainClient, *, now: dt.datetime) -> Reconciliation:
    """Compares, writes down what came of it, and stops withdrawals if there is a difference. Raises NodeFailure."""
    sides = _sides(asset, chain)
    differences = list(sides.others)
    for name, books, coins in (
        ("hot wallet", sides.hot_books_atoms, sides.hot_coins_atoms),
        ("cold storage", sides.cold_books_atoms, sides.cold_coins_atoms),
    ):
        if books != coins:
            differences.append(
                f"the books have {books} in the {name}, and the coins come to {coins}: {coins - books:+}"
            )
    differences += _strangers(asset, chain, node)
    found, _ = Reconciliation.objects.update_or_create(
        asset=asset,
        defaults={
            "at": now,
            "seq": sides.seq,
            "hot_books_atoms": sides.hot_books_atoms,
            "hot_coins_atoms": sides.hot_coins_atoms,
            "cold_books_atoms": sides.cold_books_atoms,
            "cold_coins_atoms": sides.cold_coins_atoms,
            "differences": "; ".join(differences),
        },
    )
    subject = f"reconciliation of {asset}"
    if differences:
        stop(asset, found.differences, now=now)
        raise_alarm(subject, found.differences, now=now)
    else:
        settle_alarm(subject, now=now)
    return found


def _sides(asset: str, chain: str) -> _Sides:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT seq FROM projection_checkpoint")
            row = cursor.fetchone()
        seq = 0 if row is None else int(row[0])
        raw: Any = connection.connection  # the same snapshot, for questions in plain SQL
        moving_hot, moving_cold = _unbooked(raw, asset, chain)
        transit = _books(asset, Kind.CUSTODY_TRANSIT)
        return _Sides(
            seq=seq,
            hot_books_atoms=_books(asset, Kind.CUSTODY_HOT),
            hot_coins_atoms=_counted(raw, asset, chain, seq) + moving_hot,
            cold_books_atoms=_books(asset, Kind.CUSTODY_COLD),
            cold_coins_atoms=_cold(asset, chain, seq) + moving_cold,
            others=(f"the books have {transit} between wallets, where nothing of ours is",) if transit else (),
        )


def _books(asset: str, kind: Kind) -> int:
    """What the books say we have there: an asset account's balance with its sign turned."""
    found = LedgerAccount.objects.filter(asset=asset, kind=kind, owner=None).first()
    return 0 if found is None else -int(found.balance)


def _counted(raw: Any, asset: str, chain: str, seq: int) -> int:
    """Our coins as the books should count them."""
    coins = Coin.objects.filter(chain=chain, wallet__asset=asset, is_spent=False)
    ended = Payout.objects.filter(chain=chain, ended_by__txid=models.OuterRef("txid"))
    total = _sum(coins.filter(deposit__state__in=STANDING))
    total += _sum(coins.filter(models.Exists(ended), change_address__is_refill=False))
    for coin in coins.filter(deposit__state__in=(DepositState.CREDITING, DepositState.REVERSING)):
        total += coin.amount_atoms if _is_credited(raw, coin.deposit) else 0
    return total + _sum(coins.filter(refill_seq__lte=seq))


def _is_credited(raw: Any, deposit: Deposit | None) -> bool:
    if deposit is None or deposit.credit_seq is None or not outcome(raw, deposit.credit_seq):
        return False
    return deposit.reversal_seq is None or not outcome(raw, deposit.reversal_seq)


def _unbooked(raw: Any, asset: str, chain: str) -> tuple[int, int]:
    """What has ended on the chain and is not in the books yet, as it adds to what the books have: hot, cold."""
    hot = cold = 0
    for withdrawal in Withdrawal.objects.filter(asset=asset, chain=chain, state=WithdrawalState.SETTLING):
        if withdrawal.settle_seq is None or not has_ended(raw, withdrawal.settle_seq):
            hot += int(withdrawal.amount_atoms)
    for payout in Payout.objects.filter(chain=chain, asset=asset, state__in=ENDED_ON_CHAIN, is_booked=False):
        if payout.fee_seq is None or not outcome(raw, payout.fee_seq):
            hot += end_of(payout).fee_atoms
        if _is_moved(payout) and (payout.move_seq is None or not outcome(raw, payout.move_seq)):
            hot, cold = hot + payout.target_atoms, cold - payout.target_atoms
    return hot, cold


def _is_moved(payout: Payout) -> bool:
    return payout.purpose == Purpose.SWEEP and payout.state == PayoutState.FINAL


def _cold(asset: str, chain: str, seq: int) -> int:
    swept = Payout.objects.filter(chain=chain, asset=asset, purpose=Purpose.SWEEP, state=PayoutState.FINAL)
    back = Coin.objects.filter(chain=chain, wallet__asset=asset, refill_seq__lte=seq)
    return int(swept.aggregate(total=models.Sum("target_atoms"))["total"] or 0) - _sum(back)


def _sum(coins: "models.QuerySet[Coin]") -> int:
    return int(coins.aggregate(total=models.Sum("amount_atoms"))["total"] or 0)


def _strangers(asset: str, chain: str, node: ChainClient) -> list[str]:
    """Coins of ours that the node's chain does not have, in words. Nothing while the node is elsewhere than we are."""
    cursor = ChainCursor.objects.filter(chain=chain).first()
    if cursor is None or node.tip().block_hash != cursor.block_hash:
        return []
    idle = Coin.objects.filter(chain=chain, wallet__asset=asset, payout=None, block_hash__isnull=False)
    ours = {(coin.txid, coin.vout): coin.amount_atoms for coin in idle}
    unspent = node.unspent(ours)
    now = ChainCursor.objects.get(chain=chain)
    if (now.block_hash, node.tip().block_hash) != (cursor.block_hash, cursor.block_hash):
        return []
    taken = Coin.objects.filter(chain=chain, wallet__asset=asset).exclude(payout=None).values_list("txid", "vout")
    wrong = [point for point, atoms in ours.items() if point not in unspent or unspent[point].amount_sats != atoms]
    return [f"coin {txid}:{vout} is not in the node's chain" for txid, vout in sorted(set(wrong).difference(taken))]
