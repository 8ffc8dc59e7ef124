"""The engine's own tests hold for both of its forms: the form of this run, in which they run anyway, and the other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trading.engine import FORM

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not FORM.is_native, reason="there is no other form here")
def test_the_interpreted_engine_passes_the_tests_of_the_compiled_one() -> None:
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "trading/tests/engine"],
        cwd=ROOT,
        env=os.environ | {"KONTOR_ENGINE": "interpreted"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout
