"""Compile the engine to machine code: `.venv/bin/python etc/native.py`. The bootstrap executes it.

The modules of `trading/engine` go through mypyc and the machine's C compiler into `.state/native/KEY`, see
`trading/engine/form.py`. A copy of the sources is what is hashed and compiled, and the result appears under its name in
one step, so that no process ever finds half of a build, or one of other sources. A second build of the same checkout
waits for the first. Writes nothing outside the checkout.

Exit codes: 0 it is compiled, 3 it cannot be compiled here (what is missing was said), 1 compiling it failed.
"""

import contextlib
import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / ".state" / "log" / "native.log"
COMPILERS = ("cc", "gcc", "clang")
BUILDS_KEPT = 4
"""Of other versions of the sources: whoever goes back to one need not wait."""

COMPILED_BY = ("-fno-semantic-interposition", "-fno-plt")
LINKED_BY = ("-Wl,-Bsymbolic",)
"""Nobody puts functions of his own in the place of the library's: its calls of itself need no table."""

CANNOT, FAILED = 3, 1
COST = "the exchange works the same without, but its engine does several times less in a second"


def say(words: str) -> None:
    print("kontor: " + words, flush=True)


def load_form() -> ModuleType:
    """`trading/engine/form.py` alone: importing the package would already choose a form."""
    spec = importlib.util.spec_from_file_location("form", ROOT / "trading" / "engine" / "form.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError("trading/engine/form.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiler() -> str | None:
    """The C compiler: the environment's, the one that Python was built with, or any."""
    built_with = (sysconfig.get_config_var("CC") or "").split()
    candidates = [*os.environ.get("CC", "").split()[:1], *built_with[:1], *COMPILERS]
    return next((name for name in candidates if shutil.which(name)), None)


def missing() -> list[str]:
    """What is not here that compiling needs, in words."""
    lacks = []
    if compiler() is None:
        lacks.append("a C compiler (on Debian and Ubuntu: apt-get install gcc libc6-dev)")
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        lacks.append("Python's header files (on Debian and Ubuntu: apt-get install python3-dev)")
    if any(importlib.util.find_spec(package) is None for package in ("mypyc", "setuptools")):
        lacks.append("the Python packages mypy and setuptools")
    return lacks


@contextlib.contextmanager
def sole_build(builds: Path) -> Iterator[None]:
    """Hold the lock of all builds; wait for whoever holds it."""
    builds.mkdir(parents=True, exist_ok=True)
    with (builds / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("the engine is being compiled already; waiting for that")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(form: ModuleType) -> int:
    """Compile what is in the checkout now, unless that is done. Returns the exit code."""
    if form.folder_of_build(form.key()).is_dir():
        return 0
    started = time.monotonic()
    with sole_build(form.BUILDS):
        if form.folder_of_build(form.key()).is_dir():
            return 0
        if lacks := missing():
            say(f"the engine is not compiled, for it needs {' and '.join(lacks)}; {COST}")
            return CANNOT
        say("compiling the engine")
        for abandoned in form.BUILDS.glob("building-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=form.BUILDS, prefix="building-") as name:
            if not compile_copy(form, Path(name)):
                return FAILED
        drop_old(form.BUILDS)
    say(f"the engine is compiled after {time.monotonic() - started:.1f} s")
    return 0


def compile_copy(form: ModuleType, folder: Path) -> bool:
    """Copy the sources, compile the copy, and put the result where it is looked for. Says why if it fails."""
    package = folder / "trading" / "engine"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    for source in form.PACKAGE.glob("*.py"):
        shutil.copyfile(source, package / source.name)
    chosen = compiler()
    environment = {**os.environ, "TMPDIR": str(folder), **({"CC": chosen} if chosen else {})}
    # In a process of its own, for mypyc and setuptools print, and exit, as they like.
    compiled = subprocess.run(
        [sys.executable, __file__, "compile"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.write_bytes(compiled.stdout)
    if compiled.returncode:
        last = "\n".join(compiled.stdout.decode(errors="replace").strip().splitlines()[-5:])
        say(f"compiling the engine failed; {COST}. The whole output is in {LOG}, its end is:\n{last}")
        return False
    (folder / "out").rename(form.BUILDS / form.key(package))
    return True


def drop_old(builds: Path) -> None:
    """Remove all but the newest builds."""
    finished = [folder for folder in builds.iterdir() if folder.is_dir()]
    finished.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in finished[BUILDS_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


def compile_here(shared_library: str, left_interpreted: tuple[str, ...]) -> None:
    """Compile `trading/engine` of the current folder into `out`. Exits with 1 if that fails."""
    from mypyc.build import mypycify
    from setuptools import setup

    sources = sorted(Path("trading/engine").glob("*.py"))
    extensions = mypycify(
        ["--config-file=", *(str(source) for source in sources if source.stem not in left_interpreted)],
        opt_level="3",
        debug_level="0",
        target_dir="c",
        group_name=shared_library,
    )
    for extension in extensions:
        # A newer C compiler may warn of more than mypyc's authors have seen.
        kept = [flag for flag in extension.extra_compile_args if flag != "-Werror"]
        extension.extra_compile_args = [*kept, *COMPILED_BY]
        extension.extra_link_args = [*extension.extra_link_args, *LINKED_BY]
    setup(
        name="engine",
        packages=[],
        ext_modules=extensions,
        script_args=["--quiet", "build_ext", "--build-lib=out", "--build-temp=objects"],
    )


def main(arguments: list[str]) -> int:
    # A signal ends it as an exception does: what was begun is removed.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    form = load_form()
    if arguments[:1] == ["compile"]:
        compile_here(form.SHARED_LIBRARY, form.LEFT_INTERPRETED)
        return 0
    try:
        return build(form)
    except OSError as error:
        say(f"the engine is not compiled: {error.filename or form.BUILDS}: {error.strerror}; {COST}")
        return FAILED
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
