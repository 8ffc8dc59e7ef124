"""Backup and restore: the drill passes on a trading exchange, and what it would have to find, it finds."""

import datetime as dt
from pathlib import Path

import pytest

from exchange.launch.console import Console
from exchange.launch.drill import Event, difference, drill, middle_of
from exchange.launch.refusal import Refusal
from tests.launch.waiting import processes_in

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def at(second: int) -> dt.datetime:
    return START + dt.timedelta(seconds=second)


def journal(*commits: int) -> list[Event]:
    """One event for each second given."""
    return [Event(seq, 10 * seq, bytes([seq]) * 32, at(second)) for seq, second in enumerate(commits, start=1)]


def test_an_exchange_restored_to_a_moment_has_exactly_that_past_and_trades_on(tmp_path: Path) -> None:
    drilled = drill(tmp_path / "state", trade_s=0.2, console=Console())
    assert 0 < drilled.restored < drilled.events
    assert drilled.forgotten
    assert drilled.traded_on
    assert processes_in(tmp_path) == []


def test_a_restored_journal_that_is_the_past_to_the_moment_inclusive_is_right() -> None:
    original = journal(1, 2, 2, 3)
    assert difference(original, original[:3], at(2)) is None


@pytest.mark.parametrize("length", [2, 4])
def test_one_commit_less_or_more_is_found(length: int) -> None:
    original = journal(1, 2, 2, 3)
    wrong = difference(original, original[:length], at(2))
    assert wrong is not None
    assert f"it has {length} events, but 3 were committed" in wrong


def test_an_event_that_is_another_one_is_found() -> None:
    original = journal(1, 2, 3)
    forged = [original[0], original[1]._replace(hash=bytes(32)), original[2]]
    wrong = difference(original, forged, at(3))
    assert wrong is not None
    assert wrong.startswith("event 2 was")


def test_the_moment_is_the_middle_of_what_came_after_the_backup() -> None:
    assert middle_of(journal(1, 2, 3, 4, 5, 6), since=at(3)) == at(5)


def test_a_drill_without_a_past_to_restore_to_is_refused() -> None:
    with pytest.raises(Refusal, match="too little was traded"):
        middle_of(journal(1, 2, 3), since=at(2))
