"""The pages that say which test shows what: those tests, and the tables of orders, are there."""

import re

import pytest

from tests.fixtures import ROOT

SCENARIOS = ROOT / "trading" / "tests" / "engine" / "scenarios"


@pytest.mark.parametrize("page", ["security.md", "features.md"])
def test_the_tests_that_a_page_names_are_there(page: str) -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", (ROOT / "docs" / page).read_text())
    missing = [f"{path}::{name}" for path, name in named if f"def {name}(" not in (ROOT / path).read_text()]
    assert len(named) > 30 and not missing


def test_the_tables_that_the_features_name_are_there_and_no_row_is_without_proof() -> None:
    rows = re.findall(r"^\| (F\d+) \| .+ \| (.+) \|$", (ROOT / "docs" / "features.md").read_text(), re.MULTILINE)
    assert len(rows) > 80 and {f"F{number}" for number in range(1, 39)} <= {feature for feature, _ in rows}
    for feature, proofs in rows:
        tables = re.findall(r"`(F\d+)` of `(\w+\.txt)`", proofs)
        assert tables or "::test_" in proofs, feature
        for table, path in tables:
            titles = (SCENARIOS / path).read_text()
            assert table == feature and re.search(rf"^= {table}\b", titles, re.MULTILINE), (feature, path)
