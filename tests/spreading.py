"""How the tests go to the workers of `pytest -n 3`: a file at a time, so that what a module shares is made once.

Loaded as a pytest plugin; without ``-n`` nothing changes. The files that take longest come first: whoever is done takes the
next one, and at the end no worker is left alone with a long one.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LONGEST = (
    "tests/journeys/test_make_run.py",
    "tests/custody/test_faults.py",
    "tests/chaos/test_chaos.py",
    "trading/tests/test_forms.py",
    "tests/fuzz/test_fuzz.py",
    "tests/journeys/test_api_keys.py",
    "tests/journeys/test_crash.py",
    "tests/chaos/test_mutants.py",
    "tests/journeys/test_browser.py",
    "trading/tests/engine/test_against_oracle.py",
    "tests/custody/test_payouts.py",
    "tests/custody/test_payout_faults.py",
    "tests/custody/test_deposits.py",
    "trading/tests/test_runtime.py",
    "tests/launch/test_drill.py",
    "tests/launch/test_embedded_postgres.py",
    "tests/test_commands.py",
)
"""The files that take more than ten seconds, the longest first. An order that is not quite right costs little."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not hasattr(config, "workerinput"):
        return
    places = {ROOT / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))
