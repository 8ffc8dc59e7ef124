"""Which form of the engine runs: compiled to machine code, or interpreted. Source and behaviour are the same.

``etc/native.py`` compiles the engine into ``.state/native/KEY`` of the checkout. KEY is a hash of the sources as they are,
of the interpreter's binary interface and of the compiler's version: a build of anything else is never found.

``KONTOR_ENGINE``: ``auto`` (the default) takes the build if there is one that loads, ``native`` refuses to start without,
``interpreted`` leaves it alone. Read once, when the package is imported, before any other module of it.
"""

import hashlib
import os
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parent
BUILDS = PACKAGE.parent.parent / ".state" / "native"
SHARED_LIBRARY = "trading.engine.compiled"
"""The compiled modules are one library, whose name is this and a suffix that mypyc adds."""

LEFT_INTERPRETED = ("__init__", "form", "native", "commands")
"""``commands``: a compiled dataclass does not keep its annotations, so nothing could be decoded into it."""

CHOICES = ("auto", "native", "interpreted")


class EngineUnavailable(ImportError):
    """The environment asks for a form of the engine that is not there. The message says what to do."""


class Form(NamedTuple):
    """The form in use. ``reason``: why it is not the compiled one; empty if it is."""

    is_native: bool
    reason: str

    def __str__(self) -> str:
        return "compiled" if self.is_native else f"interpreted: {self.reason}"


def key(package: Path = PACKAGE) -> str:
    """What a build of the sources in this folder is called."""
    digest = hashlib.sha256(f"{EXTENSION_SUFFIXES[0]}\0{_compiler_version()}\0".encode())
    for source in sorted(package.glob("*.py")):
        content = source.read_bytes()
        digest.update(b"%b\0%d\0%b" % (source.name.encode(), len(content), content))
    return digest.hexdigest()[:32]


def folder_of_build(key: str, builds: Path = BUILDS) -> Path:
    """Where the compiled modules of a build are."""
    return builds / key / "trading" / "engine"


def choose(path: list[str]) -> Form:
    """Puts the compiled modules before the sources in the package's path, if they are to be used.

    Raises EngineUnavailable.
    """
    choice = os.environ.get("KONTOR_ENGINE") or "auto"
    if choice not in CHOICES:
        raise EngineUnavailable(f"KONTOR_ENGINE is {choice!r}; it must be one of {', '.join(CHOICES)}")
    if choice == "interpreted":
        return Form(False, "KONTOR_ENGINE says so")
    reason = _use_build(path)
    if reason and choice == "native":
        raise EngineUnavailable(f"KONTOR_ENGINE is native, but {reason}; `python etc/native.py` compiles the engine")
    return Form(not reason, reason)


def _use_build(path: list[str]) -> str:
    """Puts the build into the path and loads its library; returns why not, if it cannot."""
    build = folder_of_build(key())
    if not build.is_dir():
        return "it is not compiled"
    if find_spec("librt") is None:
        return "librt, which compiled modules need, is not installed"
    path.insert(0, str(build))
    try:
        import_module(f"{SHARED_LIBRARY}__mypyc")
    except ImportError as error:
        path.remove(str(build))
        return f"its build cannot be loaded ({error})"
    return ""


def _compiler_version() -> str:
    """mypyc's version as its package says it, without importing that; empty if it is not installed."""
    mypy = find_spec("mypy")
    return "" if mypy is None or mypy.origin is None else Path(mypy.origin).with_name("version.py").read_text()
