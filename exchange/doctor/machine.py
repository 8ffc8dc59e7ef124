"""The machine: disk, open files, the state directory, the form of the engine, the files of the site."""

import os
import resource
import shutil
import stat
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders

from trading.engine import FORM

from .findings import Findings, ok, warning, worse, wrong

LEAST_FREE_BYTES = 200 * 1024 * 1024
"""Below that a start is refused."""
LITTLE_FREE_BYTES = 2 * 1024 * 1024 * 1024
LEAST_FILES = 256
LITTLE_FILES = 4096
"""A connection of the stream takes one."""
PRIVATE = ("secret_key", "demo.json", "signer/keys")
"""What a demo keeps in its state directory for its owner alone."""


def engine_form() -> Findings:
    if FORM.is_native:
        yield ok("The engine is compiled.")
    elif os.environ.get("KONTOR_ENGINE") == "interpreted":
        yield ok("The engine is interpreted, as KONTOR_ENGINE says.")
    else:
        says = f"the engine is interpreted ({FORM.reason}), and does several times less in a second."
        yield warning("KONTOR_ENGINE", says, "Compile it: .venv/bin/python etc/native.py, then start the servers anew.")


def free_disk(folder: Path, *, least: int = LEAST_FREE_BYTES, little: int = LITTLE_FREE_BYTES) -> Findings:
    if not folder.exists():
        return
    free = shutil.disk_usage(folder).free
    says = f"{free / 2**30:.1f} GiB are free on the disk that holds {folder}."
    fix = "Make room, or let KONTOR_STATE name a folder on another disk."
    if free < least:
        yield wrong("KONTOR_STATE", says, fix)
    elif free < little:
        yield warning("KONTOR_STATE", says, fix)
    else:
        yield ok(says)


def open_files() -> Findings:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < LITTLE_FILES:
        says = f"a process may have {limit} files open, and each connection is one."
        fix = f"Raise it: LimitNOFILE={LITTLE_FILES * 4} in systemd's unit, or ulimit -n."
        yield (wrong if limit < LEAST_FILES else warning)("LimitNOFILE", says, fix)
    else:
        yield ok("A process may have many files open.")


def state_directory(folder: Path) -> Findings:
    """It is there, we can write to it, and what is private in it is."""
    if not folder.is_dir():
        fix = "Make it, or let KONTOR_STATE name one that is there; make run makes it by itself."
        yield worse(not settings.DEMO, "KONTOR_STATE", f"there is no folder {folder}.", fix)
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        fix = "Give it to the user that runs the exchange, or name another."
        yield wrong("KONTOR_STATE", f"this user cannot write to {folder}.", fix)
    if folder.stat().st_mode & stat.S_IWOTH:
        yield wrong("KONTOR_STATE", f"everybody on this machine can write to {folder}.", f"chmod o-w {folder}")
    for path in (folder / name for name in PRIVATE):
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield wrong("KONTOR_STATE", f"others can read {path}.", f"chmod 600 {path}")
    yield ok(f"The state is in {folder}.")


def site_files() -> Findings:
    """What `collectstatic` gathers, which pages ask for."""
    if not settings.NODE_MODULES.is_dir():
        yield wrong(
            "node_modules",
            "the modules of the site are missing.",
            "make run fetches them, as npm ci does in exchange/site.",
        )
        return
    gathered = Path(settings.STATIC_ROOT)
    lacking = sum(
        not (gathered / (getattr(storage, "prefix", "") or "") / path).is_file()
        for finder in get_finders()
        for path, storage in finder.list([])
    )
    if lacking:
        says = f"{lacking} files of the site are not in {gathered}."
        yield worse(not settings.DEMO, "KONTOR_STATE", says, "Gather them: manage.py collectstatic --noinput.")
    else:
        yield ok("The files of the site are gathered.")
