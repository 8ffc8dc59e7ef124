"""The one writer of withdrawals: each change of state with its step, in words.

Callers hold a transaction, and the withdrawal's row lock in it unless they have just made it. ``holding`` writes what the
journal comes to, ``withdrawing`` what owners ask for, ``approvals`` what the staff say; payouts take withdrawals by ``claim`` and
move them on.
"""

import datetime as dt

from django.db.models import Q

from trading import amounts
from trading.models import Asset

from .models import Withdrawal, WithdrawalStep
from .states import RELEASED, WITHDRAWAL_TRANSITIONS, WithdrawalState

IN_A_PAYOUT = frozenset((WithdrawalState.BATCHED, WithdrawalState.SIGNED, WithdrawalState.BROADCAST))
"""From here the way back is ``returned``: nobody but the payout decides any more."""


PENDING = frozenset(
    (WithdrawalState.REQUESTED, WithdrawalState.HELD, WithdrawalState.REVIEWING, WithdrawalState.APPROVED)
)
"""Until here it can be cancelled."""


class WrongTransition(RuntimeError):
    """A withdrawal would go to a state that cannot follow its own."""


def move(withdrawal: Withdrawal, state: WithdrawalState, words: str, *, now: dt.datetime) -> None:
    """To the next state, with whatever else was set on the withdrawal. Raises WrongTransition.

    Out of a payout, ``releasing`` leads to ``returned``; before, whoever releases says what it ends as by ``release``.
    """
    before = WithdrawalState(withdrawal.state)
    if state not in WITHDRAWAL_TRANSITIONS[before]:
        raise WrongTransition(f"withdrawal {withdrawal.id} cannot go from {before} to {state}")
    if state == WithdrawalState.RELEASING and before in IN_A_PAYOUT:
        withdrawal.ends_as = WithdrawalState.RETURNED
    if state == WithdrawalState.APPROVED:
        withdrawal.payout_id = None
    withdrawal.state = state
    note(withdrawal, words, now=now)


def release(withdrawal: Withdrawal, ends_as: WithdrawalState, words: str, *, now: dt.datetime) -> None:
    """The hold is to be given back; one that is being taken is given back as soon as it is. Raises WrongTransition."""
    if ends_as not in RELEASED:
        raise WrongTransition(f"a withdrawal that is released does not end as {ends_as}")
    withdrawal.ends_as = ends_as
    if withdrawal.state == WithdrawalState.REQUESTED:
        note(withdrawal, words, now=now)
    else:
        move(withdrawal, WithdrawalState.RELEASING, words, now=now)


def note(withdrawal: Withdrawal, words: str, *, now: dt.datetime) -> None:
    """Writes what was set on the withdrawal, and a step that says so."""
    withdrawal.changed_at = now
    withdrawal.save()
    WithdrawalStep.objects.create(withdrawal=withdrawal, at=now, state=withdrawal.state, words=words)


def release_all(account_id: int, asset: str, words: str, *, now: dt.datetime) -> None:
    """Rejects what the account has asked for of the asset and no payout has yet: it owes what these would take away."""
    pending = Withdrawal.objects.select_for_update(skip_locked=True).filter(
        account_id=account_id, asset=asset, state__in=PENDING, ends_as=None
    )
    for withdrawal in pending.order_by("id"):
        release(withdrawal, WithdrawalState.REJECTED, words, now=now)


def quantity_in_words(asset_name: str, atoms: int) -> str:
    """As in ``0.50000000 BTC``."""
    asset = Asset.objects.get(asset=asset_name)
    return f"{amounts.shown(atoms, asset.decimals, asset.trading_decimals)} {asset_name}"


def in_words(withdrawal: Withdrawal) -> str:
    """What is paid where, for its owner."""
    return f"{quantity_in_words(withdrawal.asset, int(withdrawal.amount_atoms))} to {withdrawal.address}"


def claim(asset: str, chain: str, *, payout_id: int, at_most: int, now: dt.datetime) -> list[Withdrawal]:
    """Approved withdrawals for a payout, the oldest first, batched from now on.

    Those that somebody else decides now are left, and so are those of users whose withdrawals are frozen: who took over an account
    may have asked for them before its owner changed the password.
    """
    approved = (
        Withdrawal.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(asset=asset, chain=chain, state=WithdrawalState.APPROVED)
        .filter(Q(account__owner__withdrawals_frozen_until=None) | Q(account__owner__withdrawals_frozen_until__lte=now))
    )
    claimed = list(approved.order_by("id")[:at_most])
    for withdrawal in claimed:
        withdrawal.payout_id = payout_id
        move(withdrawal, WithdrawalState.BATCHED, "It is part of the next payout.", now=now)
    return claimed
