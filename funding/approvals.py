"""The one writer of approvals: what the staff say to withdrawals beyond the limits, once each, never to one of their own.

How many it takes was decided when the withdrawal was asked for. The database holds both again.
"""

import datetime as dt

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from accounts.problems import Problem

from .models import Approval, Withdrawal
from .problems import DECIDED_ALREADY, NOT_TO_BE_DECIDED, OWN_WITHDRAWAL, UNKNOWN_WITHDRAWAL
from .states import WithdrawalState
from .withdrawals import move, note, release

S = WithdrawalState
REJECTABLE = frozenset((S.HELD, S.REVIEWING, S.APPROVED))


@transaction.atomic
def approve(*, withdrawal_id: int, by: User, words: str, now: dt.datetime) -> Withdrawal:
    """One of the approvals that it takes; the last lets it go to the next payout. Raises Problem."""
    withdrawal = _to_decide(withdrawal_id, by, frozenset((S.REVIEWING,)))
    Approval.objects.create(withdrawal=withdrawal, by=by, approves=True, words=words, at=now)
    if withdrawal.approvals.filter(approves=True).count() < withdrawal.approvals_needed:
        note(withdrawal, "One of the two people whose approval it takes has approved it.", now=now)
    else:
        move(withdrawal, S.APPROVED, "It is approved, and waits for the next payout.", now=now)
    return withdrawal


@transaction.atomic
def reject(*, withdrawal_id: int, by: User, words: str, now: dt.datetime) -> Withdrawal:
    """Until it is part of a payout. ``words`` are for its owner. Raises Problem."""
    withdrawal = _to_decide(withdrawal_id, by, REJECTABLE)
    Approval.objects.create(withdrawal=withdrawal, by=by, approves=False, words=words, at=now)
    release(withdrawal, S.REJECTED, f"It was rejected: {words}", now=now)
    return withdrawal


def to_review(*, before_id: int | None, limit: int, state: str) -> "QuerySet[Withdrawal]":
    """The withdrawals in a state, newest first, with an id below ``before_id``."""
    found = Withdrawal.objects.filter(state=state).select_related("account__owner").prefetch_related("approvals__by")
    if before_id is not None:
        found = found.filter(id__lt=before_id)
    return found.order_by("-id")[:limit]


def _to_decide(withdrawal_id: int, by: User, states: frozenset[WithdrawalState]) -> Withdrawal:
    withdrawal = Withdrawal.objects.select_for_update(of=("self",)).filter(id=withdrawal_id).select_related("account")
    found = withdrawal.first()
    if found is None:
        raise Problem(UNKNOWN_WITHDRAWAL, "There is no withdrawal of this id.")
    if found.account.owner_id == by.id:
        raise Problem(OWN_WITHDRAWAL, "Somebody else has to decide on it.")
    if found.state not in states:
        raise Problem(NOT_TO_BE_DECIDED, f"It is {S(found.state).label}.", {"state": found.state})
    if found.approvals.filter(by=by).exists():
        raise Problem(DECIDED_ALREADY, "It takes somebody else.")
    return found
