"""The engine alone, compiled and interpreted: CPU time per command, the longest batch, memory per order.

Each part of each form is a process of its own, see ``engine_form``.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence

FORMS = ("native", "interpreted")
PARTS = ("flow", "deep", "deepest", "memory")


def run(parts: Sequence[str] = PARTS) -> dict[str, float]:
    """``engine_FORM_PART_…``, and as ``engine_commands_per_s`` what one core could do of the common flow by objects.

    ``_ns`` is CPU time per command. A form that cannot run here has no figures.
    """
    figures = {
        f"engine_{form}_{part}_{name}": value
        for form in FORMS
        for part in parts
        for name, value in _measure(form, part).items()
    }
    rates = [1e9 / figures[name] for form in FORMS if (name := f"engine_{form}_flow_objects_ns") in figures]
    return ({"engine_commands_per_s": rates[0]} if rates else {}) | figures


def _measure(form: str, part: str) -> dict[str, float]:
    measured = subprocess.run(
        [sys.executable, "-m", "benchmarks.engine_form", part],
        env=os.environ | {"KONTOR_ENGINE": form, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if "EngineUnavailable" in measured.stderr:
        return {}
    if measured.returncode:
        raise RuntimeError(f"{part}, {form}: {measured.stderr}")
    figures: dict[str, float] = json.loads(measured.stdout)
    return figures


def main() -> None:
    for name, value in run(sys.argv[1:] or PARTS).items():
        print(f"{name:<44}{value:>12,.1f}", flush=True)


if __name__ == "__main__":
    main()
