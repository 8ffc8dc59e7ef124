"""Every difference that was ever found between the engine and the oracle, in its smallest form: it stays away."""

from pathlib import Path

import pytest

from . import cases
from .comparison import Comparison

CASES = sorted((Path(__file__).parent / "regressions").glob("*.jsonl"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_engine_does_what_the_oracle_does(path: Path) -> None:
    comparison = Comparison(snapshot_every=1)
    for event in cases.read(path):
        comparison.apply(event)
