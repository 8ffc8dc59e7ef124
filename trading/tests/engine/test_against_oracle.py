"""The engine and the oracle give the same outcomes, event by event, and the engine's invariants hold after each."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading.engine import outcomes
from trading.engine.commands import Event
from trading.engine.engine import Engine
from trading.engine.outcomes import Reason
from trading.engine.snapshot import dump, load, state_hash

from . import drawing, flow
from .comparison import Comparison, Met, facts

OFTEN = 20
OUTCOMES = [name for name, value in vars(outcomes).items() if hasattr(value, "_fields")]


@settings(max_examples=10 * settings.default.max_examples, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawing.steps)
def test_the_engine_does_what_the_oracle_does(drawn: drawing.Steps) -> None:
    comparison = Comparison(snapshot_every=8)
    for event in drawing.events(drawn):
        comparison.apply(event)


@settings(max_examples=3 * settings.default.max_examples, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawing.steps, st.data())
def test_a_snapshot_anywhere_and_the_tail_give_the_same_as_the_whole(drawn: drawing.Steps, data: st.DataObject) -> None:
    events = drawing.events(drawn)
    cut = data.draw(st.integers(0, len(events)), label="cut")
    whole = Engine()
    for event in events[:cut]:
        whole.apply(event)
    resumed = load(dump(whole))
    for event in events[cut:]:
        assert facts(resumed.apply(event)) == facts(whole.apply(event))
    assert state_hash(resumed) == state_hash(whole)


@pytest.mark.parametrize("profile", list(flow.PROFILES.values()), ids=list(flow.PROFILES))
def test_a_drawn_flow_like_the_oracle(profile: flow.Profile) -> None:
    """One of each kind, short enough to be run for every small defect that is put into the engine."""
    comparison = Comparison(state_every=5, snapshot_every=100)
    for event in flow.events(99, 2_500, profile):
        comparison.apply(event)


def test_a_hundred_thousand_commands_like_the_oracle_meeting_everything() -> None:
    """Every outcome and every reason, each of them often."""
    met = Met()
    trades = 0
    for profile, flows in ((flow.SMALL, 13), (flow.PLAIN, 5), (flow.DEEP, 5), (flow.CALM, 2)):
        for seed in range(flows):
            comparison = Comparison(state_every=20, snapshot_every=100)
            for event in flow.events(seed, 4_000, profile):
                comparison.apply(event)
            met.update(comparison.met)
            trades += comparison.engine.matcher.last_trade
    assert trades > 10_000
    seldom = {name: met.outcomes[name] for name in OUTCOMES if met.outcomes[name] < OFTEN}
    seldom |= {reason.value: met.reasons[reason.value] for reason in Reason if met.reasons[reason.value] < OFTEN}
    assert not seldom
    assert all(met.roundings[atoms] >= OFTEN for atoms in (0, 1, 2)), met.roundings


def test_more_is_set_off_than_one_event_takes() -> None:
    """A deep flow in which a crowd waits for one price; what one event leaves in the queue is taken by the next ones."""
    engine, most = Engine(), 0
    events: list[Event] = list(flow.events(2, 1_500, flow.DEEP))
    for event in events:
        engine.apply(event)
        most = max(most, len(engine.open_orders.queue))
    assert most > 0
