"""The proof finds what is wrong and makes it small. An engine that is right stays unharmed for a short while."""

from pathlib import Path

import pytest

from trading.engine.commands import DefineAsset, DefineMarket, Event, Tick
from trading.engine.engine import Engine
from trading.engine.outcomes import OrderCancelled, OrderRefreshed, Outcome, Reason
from trading.tests.engine import cases, flow
from trading.tests.engine.comparison import Apply, Comparison, Difference

from .__main__ import flows, main
from .flows import FlowId, events_of, events_until, run
from .shrink import Shrinker


def forgetful(engine: Engine, event: Event) -> list[Outcome]:
    """Does not tell the last balance where an iceberg is refreshed."""
    outcomes = engine.apply(event)
    if any(isinstance(outcome, OrderRefreshed) for outcome in outcomes):
        outcomes.pop()
    return outcomes


def thievish(engine: Engine, event: Event) -> list[Outcome]:
    """Takes an atom from whoever's waiting order expires, and tells nobody."""
    outcomes = engine.apply(event)
    for outcome in outcomes:
        if isinstance(outcome, OrderCancelled) and outcome.reason is Reason.EXPIRED and outcome.price_ticks is None:
            market = engine.markets[outcome.market].definition
            asset = market.quote if outcome.side == "buy" else market.base
            engine.balances.of(outcome.account, asset).available_atoms -= 1
    return outcomes


def fragile(engine: Engine, event: Event) -> list[Outcome]:
    """Breaks where an order triggers the circuit breaker."""
    outcomes = engine.apply(event)
    if any(getattr(outcome, "reason", None) is Reason.CIRCUIT_BREAKER for outcome in outcomes):
        raise ZeroDivisionError
    return outcomes


@pytest.mark.parametrize(("wrong", "most"), [(forgetful, 8), (thievish, 6), (fragile, 12)])
def test_a_wrong_engine_is_found_and_its_fault_shrunk_to_a_few_events(wrong: Apply, most: int, tmp_path: Path) -> None:
    result = run(FlowId("small", 7, 3_000), wrong)
    assert result.failed_at is not None
    script = Shrinker(wrong, seconds=60).shrink(events_until(result))
    assert len(script) <= most, script
    path = tmp_path / "case.jsonl"
    cases.write(path, "a wrong engine", script)
    again = cases.read(path)
    assert again == script
    differing, right = Comparison(apply=wrong), Comparison()
    with pytest.raises(Difference):
        for event in again:
            differing.apply(event)
    for event in again:
        right.apply(event)


def test_events_that_come_to_the_same_cannot_be_shrunk() -> None:
    with pytest.raises(ValueError, match="come to the same"):
        Shrinker().shrink([Event(1, 0, Tick())])


def test_a_flow_is_the_same_whenever_it_is_drawn() -> None:
    for which in (FlowId("small", 3, 500), FlowId("deep", 3, 500)):
        assert events_of(which) == events_of(which)
        assert events_of(which) != events_of(FlowId(which.profile, 4, 500))


def test_the_flows_of_a_run_have_the_commands_that_were_asked_for_and_different_seeds() -> None:
    chosen = list(flows(seed=2, commands=210_000))
    assert sum(which.events for which in chosen) == 210_000
    assert len({which.seed for which in chosen}) == len(chosen)
    assert {which.profile for which in chosen} == set(flow.PROFILES)


def test_cases_keep_every_kind_of_command(tmp_path: Path) -> None:
    events = events_of(FlowId("small", 5, 2_000))
    path = tmp_path / "case.jsonl"
    cases.write(path, "everything", events)
    assert cases.read(path) == events
    assert {type(event.command) for event in events} >= {DefineAsset, DefineMarket, Tick}


def test_a_short_proof_finds_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--commands", "8_000", "--jobs", "1", "--seed", "3", "--cases", str(tmp_path)]
    assert main(arguments) == 0
    assert "8,0" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
