"""Every scenario in its shortest form: ``python -m tests.chaos`` does more of the same."""

import pytest

from .conftest import FOLDER, REPLICAS, SEED
from .deployment import Blueprint, Rig
from .scenarios import SCENARIOS, run


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
