"""The states of a deposit, and which may follow which. The database refuses all others."""

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
