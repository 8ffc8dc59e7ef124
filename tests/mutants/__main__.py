"""``make mutants``, ``python -m tests.mutants [PART] [PATTERN …]``: small defects put into the code, one at a time.

mutmut makes them and asks the tests about each; one that no test notices has survived, and shows what is not tested. It works
in a copy of the checkout under ``.state/mutants``; the result is there as a table, with the changes that survived. A pattern
such as ``trading.engine.fees*`` chooses among the mutants. Each run starts from nothing, but for ``--resume``: verdicts are
kept then, as far as a function is unchanged.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from .parts import PARTS, Part
from .report import write_report

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".state" / "mutants"
NOT_COPIED = shutil.ignore_patterns("__pycache__", "node_modules", "*.pyc")
PLUGINS = tuple(f"tests/mutants/{name}.py" for name in ("__init__", "quick", "standing", "straight"))
TIMEOUT_FACTOR = 1.0
"""Whose tests take so many times what they took unmutated, and a part's ``timeout_s``, runs for ever: it is found. Unmutated they
are measured with every call counted, which makes them take several times as long.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.mutants", description="Put defects in; see whether the tests notice.")
    parser.add_argument("part", nargs="?", choices=PARTS, help="both without one")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="names of mutants")
    parser.add_argument("--resume", action="store_true", help="keep what an earlier run has found out")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many mutants at once")
    arguments = parser.parse_args()
    for name in [arguments.part] if arguments.part else PARTS:
        work = STATE / name
        prepare(PARTS[name], work, resume=arguments.resume)
        mutmut = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", str(arguments.processes)]
        environment = os.environ | {"KONTOR_ENGINE": "interpreted"}
        ran = subprocess.run([*mutmut, *arguments.patterns], cwd=work, env=environment, check=False)
        if ran.returncode:
            return ran.returncode
        print(write_report(name, work, STATE / f"{name}.md"))
    return 0


def prepare(part: Part, work: Path, *, resume: bool) -> None:
    """Copies to ``work`` what is mutated, what it is tested with, and what mutmut has to know."""
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    (work / "tests" / "mutants").mkdir(parents=True, exist_ok=True)
    for name in (*part.folders, *part.beside, *PLUGINS):
        source, target = ROOT / name, work / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=NOT_COPIED, dirs_exist_ok=True)
        else:
            # mutmut copies the same again, and makes no folders for files.
            for folder in (target.parent, (work / "mutants" / name).parent):
                folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    pytest_options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    options = {
        "source_paths": part.folders,
        "only_mutate": part.patterns,
        "do_not_mutate": part.spared,
        "also_copy": ("tests", *part.beside),
        "pytest_add_cli_args": (
            *("-p", "no:cacheprovider", "-p", "tests.mutants.quick", "-p", "tests.mutants.straight"),
            *part.arguments,
        ),
        "pytest_add_cli_args_test_selection": part.tests,
        "timeout_constant": part.timeout_s,
        "timeout_multiplier": TIMEOUT_FACTOR,
        "use_git_change_detection": False,
    }
    lines = ["[tool.mutmut]", *(f"{name} = {_toml(value)}" for name, value in options.items())]
    lines += [
        "[tool.pytest.ini_options]",
        f"asyncio_mode = {_toml(pytest_options['asyncio_mode'])}",
        'pythonpath = ["."]',
    ]
    (work / "pyproject.toml").write_text("\n".join(lines) + "\n")


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    sys.exit(main())
