"""What ``make mutants`` copies is enough for the tests that judge: a file that moved is noticed here, not after hours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.__main__ import prepare
from tests.mutants.parts import PARTS


@pytest.mark.parametrize("name", PARTS)
def test_the_tests_of_a_part_are_found_in_its_copy(name: str, tmp_path: Path) -> None:
    part = PARTS[name]
    prepare(part, tmp_path, resume=False)
    collect = (sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "-p", "no:xdist")
    plugins = ("-p", "tests.mutants.quick", "-p", "tests.mutants.straight")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "DJANGO_"))}
    found = subprocess.run(
        (*collect, *plugins, *part.arguments, *part.tests),
        cwd=tmp_path,
        env=environment | {"KONTOR_ENGINE": "interpreted"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-2000:]
    for tests in part.tests:
        assert tests in found.stdout, f"none of {tests}"
