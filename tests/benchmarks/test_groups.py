"""Groups of figures, on a small scale: what they make of a database is something that a server starts with."""

import pytest

from benchmarks import startup
from tests.fixtures import Database


def test_a_server_starts_with_the_long_journal_that_is_made_for_it(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "EVENTS": 3_000,
        "TAIL": 500,
        "BATCH": 100,
        "REPLAYED": 1_000,
        "RUNS": 1,
        "LIMIT_S": 1.0,
    }.items():
        monkeypatch.setattr(startup, name, value)
    figures = startup.run(demo_database)
    assert set(figures) == {"startup_empty_s", "startup_snapshot_s", "startup_whole_journal_s", "replay_events_per_s"}
    assert all(value > 0 for value in figures.values())
