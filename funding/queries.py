"""Deposits as their owners and the staff see them: how far each has come, and why it is not credited, in words."""

from dataclasses import dataclass

from trading import amounts
from trading.models import Asset

from .deposits import confirmations
from .models import ChainCursor, Deposit, DepositStep
from .states import DepositState


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositView:
    """``confirmations`` of ``needed``; at most as many are shown once it is credited."""

    deposit: Deposit
    amount: str
    confirmations: int
    why: str
    steps: list[DepositStep]


def deposits_of(account_id: int, *, before_id: int | None, limit: int) -> list[DepositView]:
    """The account's deposits, newest first, without their steps."""
    found = Deposit.objects.filter(account_id=account_id).select_related("address").order_by("-id")
    if before_id is not None:
        found = found.filter(id__lt=before_id)
    return [_view(deposit, []) for deposit in found[:limit]]


def deposit_of(account_id: int, deposit_id: int) -> DepositView | None:
    """One of the account's deposits with all that happened to it."""
    deposit = Deposit.objects.filter(account_id=account_id, id=deposit_id).select_related("address").first()
    return None if deposit is None else _view(deposit, list(deposit.steps.order_by("id")))


def why(deposit: Deposit, *, tip_height: int) -> str:
    """Where a deposit stands and what it waits for, as a sentence."""
    done = min(confirmations(deposit, tip_height), deposit.needed)
    match DepositState(deposit.state):
        case DepositState.SEEN:
            return f"The network knows the transaction. It waits for a block, and then for {deposit.needed} in all."
        case DepositState.GONE:
            return (
                "The transaction left the network without a block: it was replaced, or its coins were spent otherwise."
            )
        case DepositState.CONFIRMING:
            return f"{done} of {deposit.needed} confirmations."
        case DepositState.CREDITING if deposit.block_hash is None:
            return "Its block was replaced just before the credit was written. It waits for another block."
        case DepositState.CREDITING:
            return "It has the confirmations that it takes and is being credited."
        case DepositState.CREDITED:
            return "It is credited."
        case DepositState.REVERSING:
            return "Its block was replaced by another branch of the chain. The credit is being taken back."
        case DepositState.REVERSED:
            return "Its block was replaced by another branch of the chain, and the credit was taken back."
        case DepositState.DEFICIT:
            return (
                "Its block was replaced, and too little is available to take the credit back. Withdrawals are frozen."
            )
        case DepositState.DUST:
            return "It is less than the least deposit of this asset, and is not credited."
        case DepositState.REFUSED:
            return "It could not be credited by itself. We look into it."


def _view(deposit: Deposit, steps: list[DepositStep]) -> DepositView:
    cursor = ChainCursor.objects.filter(chain=deposit.chain).first()
    tip_height = 0 if cursor is None else cursor.height
    asset = Asset.objects.get(asset=deposit.asset)
    return DepositView(
        deposit=deposit,
        amount=amounts.shown(int(deposit.amount_atoms), asset.decimals, asset.trading_decimals),
        confirmations=min(confirmations(deposit, tip_height), deposit.needed),
        why=why(deposit, tip_height=tip_height),
        steps=steps,
    )
