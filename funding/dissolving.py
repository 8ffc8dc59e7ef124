"""Payouts that the signer has not seen: they can be given up at any moment, and their withdrawals wait for the next one."""

import datetime as dt

from . import coins, payouts, withdrawals
from .models import Withdrawal
from .payout_models import Payout
from .payout_states import PayoutState
from .states import WithdrawalState


def dissolve(payout: Payout, *, now: dt.datetime) -> None:
    """In the caller's transaction, who holds the payout's row. The database refuses it once the signer was asked."""
    payouts.move(payout, PayoutState.DISSOLVED, "It is dissolved: nobody has signed it.", now=now)
    coins.release(payout)
    for withdrawal in Withdrawal.objects.select_for_update().filter(payout_id=payout.id).order_by("id"):
        words = "Its payout was dissolved before it was signed; it waits for the next one."
        withdrawals.move(withdrawal, WithdrawalState.APPROVED, words, now=now)


def take_out(withdrawal_id: int, *, now: dt.datetime) -> None:
    """The withdrawal is in no payout any more, if it is in one that the signer has not seen. In the caller's transaction.

    The payout's row first, as whoever pays it takes them: so neither waits for the other for ever.
    """
    batched = Withdrawal.objects.filter(id=withdrawal_id, state=WithdrawalState.BATCHED)
    payouts_of = batched.values_list("payout_id", flat=True)
    payout = Payout.objects.select_for_update().filter(id__in=list(payouts_of), state=PayoutState.BUILDING).first()
    if payout is not None and not payout.is_shown:
        payout.is_cancelled = True
        dissolve(payout, now=now)
