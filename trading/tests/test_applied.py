"""What goes to the process that writes the read models comes out there as it went in."""

import pytest

from trading.applied import Applied, pack, read, unpack
from trading.engine.commands import Event
from trading.engine.outcomes import BalanceChanged, CommandRejected, Filled, OrderCancelled, OrderRejected, Reason
from trading.fold import Fold
from trading.journal.records import FORMAT, Record, draft, link, new_command_id
from trading.outcome_chain import CHECKPOINT_EVENTS, KINDS, outcomes_told, told_of

from .engine import flow

BEYOND_A_WORD = 10**40


def folded(events: list[Event]) -> list[Applied]:
    """The events as a process would have them that had read them in its journal."""
    fold, applied = Fold.new(), []
    for number, (_, at_us, command) in enumerate(events, start=1):
        _, kind, _, _, body, request_id = one = draft(command, command_id=new_command_id(), request_id=f"é {number}")
        hash_ = link(fold.journal_hash, FORMAT, number, at_us, one.command_id, kind, request_id, body)
        applied.append(
            fold.apply(Record(number, at_us, one.command_id, kind, body, request_id, FORMAT, hash_)),
        )
    return applied


@pytest.mark.parametrize("profile", flow.PROFILES.values(), ids=flow.PROFILES.keys())
def test_events_come_out_as_they_went_in(profile: flow.Profile) -> None:
    events = folded(list(flow.events(5, CHECKPOINT_EVENTS + 200, profile)))
    found = [read(packed) for packed in unpack(pack(events))]
    assert found == events
    assert [event.checkpoint is not None for event in found].count(True) == 1
    for event, before in zip(found, events, strict=True):
        assert [type(outcome) for outcome in event.outcomes] == [type(outcome) for outcome in before.outcomes]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_outcome_keeps_kind_and_fields(kind: type) -> None:
    fields: list[object] = [None, "text é ]", BEYOND_A_WORD, -BEYOND_A_WORD, 0, True] * 3
    one = kind(*fields[: len(kind._fields)])  # type: ignore[attr-defined]
    if kind in (CommandRejected, OrderRejected, OrderCancelled):
        one = one._replace(reason=Reason.EXPIRED)
    balance = BalanceChanged(1, "BTC", BEYOND_A_WORD, 0)
    found = outcomes_told(told_of([one, balance]))
    assert found == [one, balance]
    assert [type(outcome) for outcome in found] == [kind, BalanceChanged]
    if hasattr(one, "reason") and type(one.reason) is Reason:
        assert found[0].reason is Reason.EXPIRED  # type: ignore[union-attr]


def test_what_does_not_fit_its_kinds_is_not_read() -> None:
    told = told_of([BalanceChanged(1, "BTC", 2, 3)])
    for wrong in (told + told[-1:], told[:-1], told[1:]):
        with pytest.raises(ValueError):
            outcomes_told(wrong)


def test_no_kind_s_number_is_that_of_a_bracket() -> None:
    assert len(KINDS) <= b"]"[0]
    assert Filled in KINDS
