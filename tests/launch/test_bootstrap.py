"""What the bootstrap says when pip, npm or the machine lets it down: one sentence that names what to change."""

import errno
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from exchange.launch.configuration import CHECKOUT


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", CHECKOUT / "etc" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("output", "part"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "is full"),
        (
            "WARNING: Retrying (Retry(total=1)) after connection broken by 'NewConnectionError('...: Failed to establish'",
            "cannot be reached",
        ),
        ("npm error code EAI_AGAIN\nnpm error syscall getaddrinfo", "cannot be reached"),
        (
            "ERROR: No matching distribution found for uvloop==1.0 (from -r run.txt)",
            "no ready-made wheel of uvloop==1.0",
        ),
        ("Error: [Errno 13] Permission denied: '/srv/kontor/.venv'", "may not write"),
        ("something else\nhappened", "happened"),
    ],
)
def test_a_failed_command_is_explained_in_a_sentence(bootstrap: ModuleType, output: str, part: str) -> None:
    assert part in bootstrap.explain(output, "installing", 1)


@pytest.mark.parametrize(
    ("number", "part"), [(errno.ENOSPC, "is full"), (errno.EACCES, "may not write"), (errno.EROFS, "may not write")]
)
def test_a_failed_write_is_explained_in_a_sentence(bootstrap: ModuleType, number: int, part: str) -> None:
    assert part in bootstrap.sentence_for(OSError(number, "words of the system", "/srv/kontor"))


def test_an_older_python_is_told_what_is_needed(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(bootstrap, "PYTHONS_TO_TRY", ())
    with pytest.raises(bootstrap.Failure, match=r"needs Python 3\.11 or newer, and this is Python 3\.9"):
        bootstrap.refuse_old_python()


def test_damaged_stamps_count_as_none(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bootstrap, "STAMPS", tmp_path / "stamps.json")
    for text in ("", "{", "[]"):
        bootstrap.STAMPS.write_text(text)
        assert bootstrap.read_stamps() == {}


@pytest.mark.parametrize("name", ["run", "dev", "node", "build"])
def test_requirements_are_locked_by_hash_and_name_no_address(name: str) -> None:
    lines = (CHECKOUT / "etc" / "requirements" / f"{name}.txt").read_text().splitlines()
    packages = [line for line in lines if line[:1].isalnum()]
    assert packages
    assert all("==" in line and line.endswith("\\") for line in packages)
    assert not any("://" in line for line in lines)


def test_the_lock_of_the_site_has_hashes_and_names_no_address() -> None:
    packages = json.loads((CHECKOUT / "exchange" / "site" / "package-lock.json").read_text())["packages"]
    fetched = {path: package for path, package in packages.items() if path}
    assert all("integrity" in package and "resolved" not in package for package in fetched.values())
