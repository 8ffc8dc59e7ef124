"""The states of deposits and withdrawals, and which may follow which. The database refuses all others."""

from django.db.models import TextChoices


class DepositState(TextChoices):
    SEEN = "seen", "waits for a block"
    GONE = "gone", "left the mempool without a block"
    CONFIRMING = "confirming", "in a block, waits for more"
    CREDITING = "crediting", "has what it takes, is being credited"
    CREDITED = "credited", "credited"
    REVERSING = "reversing", "its block is gone, the credit is being taken back"
    REVERSED = "reversed", "its block is gone, the credit was taken back"
    DEFICIT = "deficit", "its block is gone, and the account has too little to take the credit back"
    DUST = "dust", "too little to be credited"
    REFUSED = "refused", "the exchange did not take the credit"


S = DepositState

TRANSITIONS: dict[DepositState, frozenset[DepositState]] = {
    S.SEEN: frozenset((S.GONE, S.CONFIRMING)),
    S.GONE: frozenset((S.SEEN, S.CONFIRMING)),
    S.CONFIRMING: frozenset((S.SEEN, S.CREDITING, S.REFUSED)),
    S.CREDITING: frozenset((S.CREDITED, S.REFUSED)),
    S.CREDITED: frozenset((S.REVERSING,)),
    S.REVERSING: frozenset((S.REVERSED, S.DEFICIT)),
    S.REVERSED: frozenset((S.CONFIRMING,)),
    S.DEFICIT: frozenset((S.REVERSING, S.CREDITED)),
    S.DUST: frozenset(),
    S.REFUSED: frozenset(),
}
"""By state. A deficit whose transaction is in a block again is credited: nothing was ever taken back."""


class WithdrawalState(TextChoices):
    REQUESTED = "requested", "was asked for, its hold is being taken"
    HELD = "held", "its amount and fee are held"
    REVIEWING = "reviewing", "waits for the approval of people"
    APPROVED = "approved", "waits for the next payout"
    BATCHED = "batched", "is part of a payout"
    SIGNED = "signed", "its payout is signed"
    BROADCAST = "broadcast", "its payout was given to the network"
    MINED = "mined", "its payout is in a block"
    SETTLING = "settling", "is paid for good, the hold leaves the books"
    SETTLED = "settled", "paid"
    RELEASING = "releasing", "is not paid, the hold is being given back"
    REFUSED = "refused", "the books refused the hold"
    CANCELLED = "cancelled", "cancelled by its owner"
    REJECTED = "rejected", "rejected by the staff"
    RETURNED = "returned", "its payout can never confirm"


W = WithdrawalState

WITHDRAWAL_TRANSITIONS: dict[WithdrawalState, frozenset[WithdrawalState]] = {
    W.REQUESTED: frozenset((W.HELD, W.REFUSED)),
    W.HELD: frozenset((W.REVIEWING, W.APPROVED, W.RELEASING)),
    W.REVIEWING: frozenset((W.APPROVED, W.RELEASING)),
    W.APPROVED: frozenset((W.BATCHED, W.RELEASING)),
    W.BATCHED: frozenset((W.APPROVED, W.SIGNED, W.RELEASING)),
    W.SIGNED: frozenset((W.BROADCAST, W.RELEASING)),
    W.BROADCAST: frozenset((W.MINED, W.RELEASING)),
    W.MINED: frozenset((W.BROADCAST, W.SETTLING)),
    W.SETTLING: frozenset((W.SETTLED,)),
    W.RELEASING: frozenset((W.CANCELLED, W.REJECTED, W.RETURNED)),
    W.SETTLED: frozenset(),
    W.REFUSED: frozenset(),
    W.CANCELLED: frozenset(),
    W.REJECTED: frozenset(),
    W.RETURNED: frozenset(),
}
"""By state. A payout that is dissolved before anything was signed gives its withdrawals back to the next one."""

RELEASED = (W.CANCELLED, W.REJECTED, W.RETURNED)
"""What a withdrawal becomes once its hold was given back."""
