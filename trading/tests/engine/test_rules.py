"""The rules have versions, and the journal says which one holds: what happened under an old one stays as it was."""

import pytest

from trading.engine.commands import Event, FeeTier, SetRules
from trading.engine.engine import Engine, UnknownRules
from trading.engine.outcomes import CommandRejected, Reason, RulesSet
from trading.engine.rules import FIRST, LATEST
from trading.engine.snapshot import dump, load

from .desk import ALICE, DAVE, Desk, ending

RETAIL = FeeTier(maker_ppm=1_500, taker_ppm=2_500)


def test_a_new_engine_goes_by_the_first_rules() -> None:
    assert Engine().rules == FIRST


def test_rules_only_become_newer() -> None:
    desk = Desk(rules=FIRST)
    assert desk.do(SetRules(version=2)) == [RulesSet(2)]
    for version in (2, 1, 0, -1):
        assert desk.do(SetRules(version=version)) == [CommandRejected(Reason.RULES_NOT_NEWER)]
    assert desk.engine.rules == 2


def test_rules_from_the_future_stop_the_engine() -> None:
    with pytest.raises(UnknownRules, match=f"event 1 sets rules {LATEST + 1}"):
        Engine().apply(Event(seq=1, at_us=1, command=SetRules(version=LATEST + 1)))


def test_a_snapshot_keeps_the_rules() -> None:
    desk = Desk(rules=2)
    assert load(dump(desk.engine)).rules == 2


@pytest.mark.parametrize(
    ("version", "owned", "end"),
    [
        (1, 10_025, "OrderRested"),
        (1, 10_024, "insufficient_funds"),
        (2, 10_015, "OrderRested"),
        (2, 10_014, "insufficient_funds"),
    ],
)
def test_a_buy_that_cannot_take_is_asked_for_the_makers_fee_from_version_2_on(
    version: int, owned: int, end: str
) -> None:
    desk = Desk(rules=version, fee_tiers=(RETAIL,))
    desk.credit(DAVE, "USD", owned)
    assert ending(desk.buy(DAVE, 10, 1_000)) == end


@pytest.mark.parametrize("version", [1, 2])
def test_a_buy_that_may_take_is_asked_for_the_higher_fee_under_either(version: int) -> None:
    for owned, end in ((10_025, "OrderRested"), (10_024, "insufficient_funds")):
        desk = Desk(rules=version, fee_tiers=(RETAIL,))
        desk.sell(ALICE, 1, 1_000)
        desk.credit(DAVE, "USD", owned)
        assert ending(desk.buy(DAVE, 10, 1_000)) == end
