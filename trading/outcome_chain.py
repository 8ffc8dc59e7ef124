"""The chain of outcomes: what the engine made of every event, hashed, so that replicas can compare it and replays prove it.

After every CHECKPOINT_EVENTS events there is a checkpoint: ``SHA-256(checkpoint before ‖ outcomes of each event since)``.
The outcomes of an event are the JSON array of their fields, then one byte for the kind of each; the checkpoint before the
first is 32 zero bytes. So an outcome's fields never change: a new fact is a new kind, at the end of KINDS.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from trading.engine import outcomes
from trading.engine.outcomes import Outcome, Reason

CHECKPOINT_EVENTS = 1000

KINDS: tuple[type[Outcome], ...] = (
    outcomes.AssetDefined,
    outcomes.MarketDefined,
    outcomes.MarketStateChanged,
    outcomes.RulesSet,
    outcomes.FeeTierSet,
    outcomes.Credited,
    outcomes.CommandRejected,
    outcomes.OrderRejected,
    outcomes.OrderAccepted,
    outcomes.Filled,
    outcomes.OrderFilled,
    outcomes.OrderRested,
    outcomes.OrderCancelled,
    outcomes.BalanceChanged,
    outcomes.CreditReversed,
    outcomes.OwnerSet,
    outcomes.CancelAfterSet,
    outcomes.LegPlaced,
    outcomes.OrderWaiting,
    outcomes.OrderTriggered,
    outcomes.OrderAmended,
    outcomes.OrderRepriced,
    outcomes.OrderRefreshed,
    outcomes.SelfTradePrevented,
    outcomes.AuctionUncrossed,
    outcomes.Transferred,
    outcomes.WithdrawalHeld,
    outcomes.WithdrawalReleased,
    outcomes.WithdrawalSettled,
    outcomes.CustodyMoved,
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[list[Any]]).decode
_number_of = {kind: number for number, kind in enumerate(KINDS)}.__getitem__
_reasons = {reason.value: reason for reason in Reason}


_place_of_reason = {
    _number_of(kind): kind._fields.index("reason")
    for kind in (outcomes.CommandRejected, outcomes.OrderRejected, outcomes.OrderCancelled)
}
"""By a kind's number: reasons are the one thing in outcomes that JSON has no type for."""
_make: Callable[[type[Outcome], list[Any]], Outcome] = tuple.__new__


class Checkpoint(NamedTuple):
    """The chain's value after event ``seq``, a multiple of CHECKPOINT_EVENTS."""

    seq: int
    value: bytes


START = Checkpoint(0, bytes(32))


def told_of(outcomes: Sequence[Outcome]) -> bytes:
    """The outcomes of one event, as the chain takes them up."""
    return _encode(outcomes) + bytes(map(_number_of, map(type, outcomes)))


def outcomes_told(told: bytes) -> list[Outcome]:
    """The outcomes of which ``told_of`` made this."""
    end = told.rindex(b"]") + 1  # no kind's number is that of a bracket
    numbers, rows = told[end:], _decode(told[:end])
    if len(numbers) != len(rows):
        raise ValueError(f"{len(rows)} outcomes are of {len(numbers)} kinds")
    if not _place_of_reason.keys().isdisjoint(numbers):
        for number, fields in zip(numbers, rows, strict=True):
            if (place := _place_of_reason.get(number)) is not None:
                fields[place] = _reasons[fields[place]]
    return list(map(_make, map(KINDS.__getitem__, numbers), rows))


class OutcomeChain:
    """The chain as it grows. ``last`` is the latest checkpoint. One thread adds, event by event."""

    __slots__ = ("_digest", "_seq", "last")

    def __init__(self, last: Checkpoint = START) -> None:
        self.last = last
        self._seq = last.seq
        self._digest = hashlib.sha256(last.value)

    def add(self, told: bytes) -> Checkpoint | None:
        """Adds the outcomes of the next event, as ``told_of`` gives them; returns the checkpoint if they complete one."""
        self._digest.update(told)
        self._seq += 1
        if self._seq % CHECKPOINT_EVENTS:
            return None
        self.last = Checkpoint(self._seq, self._digest.digest())
        self._digest = hashlib.sha256(self.last.value)
        return self.last
