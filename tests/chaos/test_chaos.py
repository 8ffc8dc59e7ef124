"""Every scenario in its shortest form, and every mutant: ``python -m tests.chaos`` does more of the same."""

import shutil
from collections.abc import Iterator

import pytest

from tests.fixtures import STATE

from .deployment import Blueprint, Rig
from .mutants import MUTANTS, hunt
from .scenarios import SCENARIOS, run

FOLDER = STATE / "chaos"
SEED = 1
REPLICAS = 2
"""Enough to disagree. ``python -m tests.chaos`` takes three."""


@pytest.fixture(scope="module")
def blueprint() -> Iterator[Blueprint]:
    (STATE / "static").mkdir(parents=True, exist_ok=True)
    blueprint = Blueprint(FOLDER / "blueprint")
    yield blueprint
    blueprint.discard()
    shutil.rmtree(FOLDER)


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if scenario.quick])
def test_nothing_is_lost_or_doubled(name: str, blueprint: Blueprint) -> None:
    rig = Rig(blueprint, FOLDER / name, SEED, replicas=REPLICAS)
    tally = run(SCENARIOS[name], rig, SCENARIOS[name].quick)
    if tally.not_possible:
        pytest.skip(tally.not_possible)
    assert tally.findings == []
    assert (tally.lost, tally.doubled, tally.gaps) == (0, 0, 0)
    assert tally.verified is not None
    assert tally.acknowledged


@pytest.mark.parametrize("name", MUTANTS)
def test_a_defect_put_in_on_purpose_is_found(name: str, blueprint: Blueprint) -> None:
    assert hunt(MUTANTS[name], blueprint, FOLDER / name, SEED, replicas=REPLICAS).killed_by
