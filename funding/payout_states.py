"""The states of a payout, and which may follow which. The database refuses all others."""

from django.db.models import TextChoices


class PayoutState(TextChoices):
    BUILDING = "building", "its transaction waits for the signer"
    SIGNED = "signed", "its transaction is signed"
    BROADCAST = "broadcast", "its transaction was given to the network"
    MINED = "mined", "a transaction of it is in a block"
    FINAL = "final", "paid for good"
    RETURNED = "returned", "cancelled for good: its coins came home"
    DISSOLVED = "dissolved", "given up before anything was shown to the signer"


class Purpose(TextChoices):
    WITHDRAWALS = "withdrawals", "pays withdrawals"
    SWEEP = "sweep", "takes what is too much to cold storage"
    CONSOLIDATION = "consolidation", "makes one coin of many"


class AttemptKind(TextChoices):
    PAY = "pay", "does what the payout is for"
    CANCEL = "cancel", "brings the coins home instead"


P = PayoutState

PAYOUT_TRANSITIONS: dict[PayoutState, frozenset[PayoutState]] = {
    P.BUILDING: frozenset((P.SIGNED, P.DISSOLVED)),
    P.SIGNED: frozenset((P.BROADCAST,)),
    P.BROADCAST: frozenset((P.MINED,)),
    P.MINED: frozenset((P.BROADCAST, P.FINAL, P.RETURNED)),
    P.FINAL: frozenset(),
    P.RETURNED: frozenset(),
    P.DISSOLVED: frozenset(),
}
"""By state. Back from ``mined`` when its block was replaced."""

OPEN = (P.BUILDING, P.SIGNED, P.BROADCAST, P.MINED)
ENDED_ON_CHAIN = (P.FINAL, P.RETURNED)
