"""Which form of the engine runs: the build of exactly these sources, or the sources themselves; and what is said of it."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from exchange.launch.configuration import CHECKOUT
from trading.engine import FORM

WHICH = "import trading.engine; from trading.engine import rules; print(trading.engine.FORM, rules.__file__)"


def load(program: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(program, CHECKOUT / "etc" / f"{program}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


native = load("native")
needs_compiler = pytest.mark.skipif(
    bool(native.missing()) and not os.environ.get("CI"), reason=f"it takes {' and '.join(native.missing())}"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the build is about, with little to compile."""
    package = tmp_path / "trading" / "engine"
    package.mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "trading" / "__init__.py").touch()
    shutil.copy(CHECKOUT / "etc" / "native.py", tmp_path / "etc")
    for name in ("__init__.py", "form.py", "rules.py"):
        shutil.copy(CHECKOUT / "trading" / "engine" / name, package)
    return tmp_path


def build(checkout: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return execute([sys.executable, "etc/native.py"], checkout, **environment)


def which(checkout: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return execute([sys.executable, "-c", WHICH], checkout, **environment)


def execute(command: list[str], checkout: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if name not in ("KONTOR_ENGINE", "HOME")}
    return subprocess.run(
        command, cwd=checkout, env=inherited | environment, capture_output=True, text=True, check=False
    )


@needs_compiler
def test_these_tests_run_the_compiled_engine_wherever_there_is_a_compiler() -> None:
    """In continuous integration there must be one."""
    assert FORM.is_native or os.environ.get("KONTOR_ENGINE") == "interpreted", FORM.reason


@needs_compiler
def test_a_build_is_of_exactly_these_sources_and_is_used_unless_told_otherwise(checkout: Path) -> None:
    assert which(checkout).stdout.startswith("interpreted: it is not compiled")
    built = build(checkout)
    assert built.returncode == 0, built.stdout + built.stderr
    assert built.stdout.splitlines()[0] == "kontor: compiling the engine"
    before = set(checkout.rglob("*"))
    assert which(checkout).stdout.startswith(f"compiled {checkout}/.state/native/")
    assert which(checkout, KONTOR_ENGINE="native").stdout.startswith("compiled ")
    told = which(checkout, KONTOR_ENGINE="interpreted").stdout
    assert told == f"interpreted: KONTOR_ENGINE says so {checkout}/trading/engine/rules.py\n"
    assert build(checkout).stdout == ""

    rules = checkout / "trading" / "engine" / "rules.py"
    as_built = rules.read_text()
    rules.write_text(as_built + "\n# changed\n")
    assert which(checkout).stdout == f"interpreted: it is not compiled {rules}\n"
    rules.write_text(as_built)
    assert which(checkout).stdout.startswith("compiled ")
    (checkout / "trading" / "engine" / "one_more.py").touch()
    assert which(checkout).stdout.startswith("interpreted: it is not compiled")
    assert {path.name for path in set(checkout.rglob("*")) - before} <= {"one_more.py", "__pycache__"} | {
        path.name for path in checkout.rglob("*.pyc")
    }


@needs_compiler
def test_two_builds_at_once_make_one(checkout: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: build(checkout), range(2)))
    assert [built.returncode for built in done] == [0, 0], [built.stdout + built.stderr for built in done]
    assert sum("compiling the engine" in built.stdout for built in done) == 1
    assert which(checkout).stdout.startswith("compiled ")
    assert sorted(path.name for path in (checkout / ".state" / "native").iterdir() if path.name != "lock") == [
        path.name for path in (checkout / ".state" / "native").glob("?" * 32)
    ]


@needs_compiler
def test_a_build_that_does_not_load_is_passed_over_and_said(checkout: Path) -> None:
    assert build(checkout).returncode == 0
    for library in (checkout / ".state" / "native").rglob("*.so"):
        library.write_bytes(b"damaged")
    assert which(checkout).stdout.startswith("interpreted: its build cannot be loaded (")
    refused = which(checkout, KONTOR_ENGINE="native")
    assert refused.returncode == 1
    assert "KONTOR_ENGINE is native, but its build cannot be loaded (" in refused.stderr


@needs_compiler
def test_what_does_not_compile_is_said_and_leaves_nothing(checkout: Path) -> None:
    (checkout / "trading" / "engine" / "rules.py").write_text('FIRST: int = "one"\n')
    failed = build(checkout)
    assert failed.returncode == 1
    assert "compiling the engine failed" in failed.stdout
    assert "Incompatible types in assignment" in failed.stdout
    assert [path.name for path in (checkout / ".state" / "native").iterdir()] == ["lock"]
    assert which(checkout).stdout.startswith("interpreted: it is not compiled")


def test_without_a_compiler_it_is_said_what_is_missing_and_all_goes_on(checkout: Path) -> None:
    (checkout / "bin").mkdir()
    told = build(checkout, PATH=str(checkout / "bin"), CC="")
    assert told.returncode == 3
    assert "the engine is not compiled, for it needs a C compiler (on Debian and Ubuntu: apt-get" in told.stdout
    assert which(checkout).stdout.startswith("interpreted: it is not compiled")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    compiler, headers = native.missing()
    assert "gcc" in compiler
    assert "python3-dev" in headers


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("native", "KONTOR_ENGINE is native, but it is not compiled; `python etc/native.py` compiles the engine"),
        ("quick", "KONTOR_ENGINE is 'quick'; it must be one of auto, native, interpreted"),
    ],
)
def test_a_form_that_is_not_there_is_refused(checkout: Path, choice: str, words: str) -> None:
    refused = which(checkout, KONTOR_ENGINE=choice)
    assert refused.returncode == 1
    assert words in refused.stderr


def test_a_checkout_that_cannot_be_written_stays_interpreted(checkout: Path) -> None:
    (checkout / ".state").write_text("a file stands where the folder would be made")
    told = build(checkout)
    assert told.returncode == 1
    assert "the engine is not compiled: " in told.stdout
    assert which(checkout).stdout.startswith("interpreted: it is not compiled")


@pytest.mark.parametrize("choice", ["", "native", "interpreted"])
def test_a_start_goes_on_without_a_compiler_unless_the_compiled_engine_is_demanded(
    checkout: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    bootstrap = load("bootstrap")
    monkeypatch.setattr(bootstrap, "NATIVE", checkout / "etc" / "native.py")
    monkeypatch.setenv("KONTOR_ENGINE", choice)
    monkeypatch.setenv("PATH", str(checkout))
    monkeypatch.delenv("CC", raising=False)
    if choice == "native":
        with pytest.raises(bootstrap.Failure, match="the engine is not compiled"):
            bootstrap.compile_engine()
    else:
        bootstrap.compile_engine()
    said = capfd.readouterr().out
    assert ("it needs a C compiler" in said) == (choice != "interpreted")
