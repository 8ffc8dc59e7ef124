"""Every mutant, so that the scenarios are known to find what they look for."""

import pytest

from .conftest import FOLDER, REPLICAS, SEED
from .deployment import Blueprint
from .mutants import MUTANTS, hunt


@pytest.mark.parametrize("name", MUTANTS)
def test_a_defect_put_in_on_purpose_is_found(name: str, blueprint: Blueprint) -> None:
    assert hunt(MUTANTS[name], blueprint, FOLDER / name, SEED, replicas=REPLICAS).killed_by
