"""Withdrawals as their owners and the staff see them: where each stands and what it waits for, in words."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from accounts.freeze import frozen_until
from trading import amounts
from trading.models import Asset

from .models import ChainCursor, Withdrawal, WithdrawalStep
from .states import WithdrawalState

S = WithdrawalState
WHY: dict[WithdrawalState, str] = {
    S.REQUESTED: "It was asked for. What it takes is being held.",
    S.HELD: "What it takes is held.",
    S.REVIEWING: "It is so large that people at the exchange look at it first.",
    S.APPROVED: "It waits for the next payout.",
    S.BATCHED: "It is part of a payout that is being made.",
    S.SIGNED: "Its payout is signed and is given to the network next.",
    S.BROADCAST: "Its transaction is known to the network and waits for a block.",
    S.MINED: "Its transaction is in a block and waits for more.",
    S.SETTLING: "It is paid for good and is being taken off the account.",
    S.SETTLED: "It is paid.",
    S.RELEASING: "It is not paid. What was held is being given back.",
    S.REFUSED: "Less was available than it takes with its fee. Nothing was held.",
    S.CANCELLED: "You cancelled it. What was held is available again.",
    S.REJECTED: "The exchange rejected it. What was held is available again.",
    S.RETURNED: "Its payout can never confirm. What was held is available again.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalView:
    """``quantity`` leaves the account, ``fee`` of it is ours, ``amount`` arrives. ``sequence``: the event that took it off."""

    withdrawal: Withdrawal
    quantity: str
    fee: str
    amount: str
    confirmations: int
    why: str
    steps: list[WithdrawalStep]


def withdrawals_of(account_id: int, *, before_id: int | None, limit: int, now: dt.datetime) -> list[WithdrawalView]:
    """The account's withdrawals, newest first, without their steps."""
    found = Withdrawal.objects.filter(account_id=account_id).select_related("account__owner").order_by("-id")
    if before_id is not None:
        found = found.filter(id__lt=before_id)
    return views(found[:limit], now=now)


def withdrawal_of(account_id: int, withdrawal_id: int, *, now: dt.datetime) -> WithdrawalView | None:
    """One of the account's withdrawals with all that happened to it."""
    found = Withdrawal.objects.filter(account_id=account_id, id=withdrawal_id).first()
    return None if found is None else view(found, now=now)


def view(withdrawal: Withdrawal, *, now: dt.datetime) -> WithdrawalView:
    return _view(withdrawal, _tips(), _assets(), list(withdrawal.steps.order_by("id")), now)


def views(withdrawals: Iterable[Withdrawal], *, now: dt.datetime) -> list[WithdrawalView]:
    tips, assets = _tips(), _assets()
    return [_view(withdrawal, tips, assets, [], now) for withdrawal in withdrawals]


def _why(withdrawal: Withdrawal, now: dt.datetime) -> str:
    if withdrawal.state == S.APPROVED and frozen_until(withdrawal.account.owner, now=now) is not None:
        return "It waits until your withdrawals are not frozen any more."
    return WHY[S(withdrawal.state)]


def _tips() -> dict[str, int]:
    return dict(ChainCursor.objects.values_list("chain", "height"))


def _assets() -> dict[str, Asset]:
    return {asset.asset: asset for asset in Asset.objects.all()}


def _view(
    withdrawal: Withdrawal,
    tips: dict[str, int],
    assets: dict[str, Asset],
    steps: list[WithdrawalStep],
    now: dt.datetime,
) -> WithdrawalView:
    asset, height = assets[withdrawal.asset], withdrawal.block_height
    amount, fee = int(withdrawal.amount_atoms), int(withdrawal.fee_atoms)
    quantity, fee_text, amount_text = (
        amounts.shown(atoms, asset.decimals, asset.trading_decimals) for atoms in (amount + fee, fee, amount)
    )
    return WithdrawalView(
        withdrawal=withdrawal,
        quantity=quantity,
        fee=fee_text,
        amount=amount_text,
        confirmations=0 if height is None else max(0, tips.get(withdrawal.chain, 0) - height + 1),
        why=_why(withdrawal, now),
        steps=steps,
    )
