"""Make the checkout ready to run: `python3 etc/bootstrap.py [run|dev]`.

Creates `.venv`, installs the requirements that are locked by hash, and fetches the modules of the site. Stamps in
`.venv` remember the lock files, so that the next run is a matter of milliseconds. Needs nothing but Python; writes
nothing outside the checkout, needs no HOME and no compiler (wheels only). Where there is a compiler, the engine is
compiled (`etc/native.py`). A second bootstrap of the same checkout waits for the first.

The syntax stays with what Python 3.6 can parse: an older interpreter must come as far as the sentence that says what is
needed.
"""

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STATE = ROOT / ".state"
SITE = ROOT / "exchange" / "site"
REQUIREMENTS = ROOT / "etc" / "requirements"
LOG = STATE / "log" / "bootstrap.log"
STAMPS = VENV / "kontor-stamps.json"
NATIVE = ROOT / "etc" / "native.py"

PYTHON_NEEDED = (3, 11)
PYTHONS_TO_TRY = ("python3.14", "python3.13", "python3.12", "python3.11")
NODE_MAJOR_NEEDED = 18
PR_SET_PDEATHSIG = 1

# What a group installs, and which groups that satisfies. dev.txt holds all of run.txt.
GROUPS = {"run": ("run",), "dev": ("dev", "run"), "node": ("node",)}

# Pure Python that comes as a source archive only. Its archive is locked by hash, and so is what builds the wheel (build.txt):
# without isolation pip takes that from the environment, and fetches nothing that nobody has locked.
FROM_SOURCE = ("embit", "python-bitcoinrpc")

DISK_FULL = f"the disk that holds {ROOT} is full; the environment takes about 500 MB"
LEAST_FREE_BYTES = 16 * 1024 * 1024
SIGNS_OF_A_FULL_DISK = ("No space left on device", "Disk quota exceeded", "ENOSPC", "EDQUOT")
SIGNS_OF_NO_NETWORK = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "SSLError",
    "ConnectionResetError",
    "EAI_AGAIN",
    "ENOTFOUND",
    "ECONNREFUSED",
    "ECONNRESET",
    "ENETUNREACH",
    "ETIMEDOUT",
)
SIGN_OF_NO_WHEEL = "No matching distribution found for "


class Failure(Exception):
    """Something the reader has to change; the message is one clear sentence."""


class Terminated(Exception):
    """SIGTERM or SIGHUP came."""


def say(words: str) -> None:
    print("kontor: " + words, flush=True)


def refuse_old_python() -> None:
    """Continue under a new enough Python, or raise Failure. Never returns if another interpreter takes over."""
    if sys.version_info[:2] >= PYTHON_NEEDED:
        return
    for name in PYTHONS_TO_TRY:
        other = shutil.which(name)
        if other and subprocess.call([other, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(other, [other, *sys.argv])  # noqa: S606
    found = ".".join(str(number) for number in sys.version_info[:2])
    raise Failure(
        f"Kontor needs Python 3.11 or newer, and this is Python {found}; "
        "install a newer one, or name it: make run PYTHON=/path/to/python3.11"
    )


def read_stamps() -> "dict[str, str]":
    try:
        stamps = json.loads(STAMPS.read_text())
    except (OSError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}


def write_stamps(stamps: "dict[str, str]") -> None:
    fresh = STAMPS.with_suffix(".new")
    fresh.write_text(json.dumps(stamps, indent=1))
    fresh.replace(STAMPS)


def fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def home_of_venv() -> str:
    """Where the environment lives and what it runs on: a moved checkout or an upgraded Python needs a new one."""
    return str(VENV) + " on " + os.path.realpath(str(VENV / "bin" / "python"))


def venv_is_sound(stamps: "dict[str, str]") -> bool:
    return stamps.get("home") == home_of_venv() and (VENV / "bin" / "python").exists()


def site_is_ready(stamps: "dict[str, str]") -> bool:
    written_by_npm = SITE / "node_modules" / ".package-lock.json"
    return written_by_npm.is_file() and stamps.get("site") == fingerprint(SITE / "package-lock.json")


def is_installed(group: str, stamps: "dict[str, str]") -> bool:
    return venv_is_sound(stamps) and stamps.get(group) == fingerprint(REQUIREMENTS / (group + ".txt"))


def is_ready(group: str) -> bool:
    stamps = read_stamps()
    return is_installed(group, stamps) and site_is_ready(stamps)


@contextlib.contextmanager
def sole_bootstrap() -> "Iterator[None]":
    """Hold the checkout's bootstrap lock; wait for whoever holds it."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with (STATE / "bootstrap.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another start is preparing this checkout; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def environment() -> "dict[str, str]":
    """The environment for pip and npm: their caches and temporary files stay in the checkout, no HOME is needed."""
    scratch = STATE / "cache" / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    changed = dict(os.environ)
    changed.pop("PYTHONHOME", None)
    changed.pop("PYTHONPATH", None)
    changed.pop("PIP_TARGET", None)
    changed.pop("PIP_PREFIX", None)
    changed.pop("PIP_USER", None)
    changed["TMPDIR"] = str(scratch)
    # pip asks rustc for its version, and rustup's stand-in for it would make a folder in HOME.
    changed["RUSTUP_HOME"] = str(STATE / "cache" / "rustup")
    changed["npm_config_cache"] = str(STATE / "cache" / "npm")
    changed["PATH"] = os.pathsep.join([str(VENV / "bin"), os.environ.get("PATH", os.defpath)])
    return changed


def end_with_parent() -> None:
    """In a new child: the kernel kills it when the bootstrap is killed. Linux only, elsewhere nothing happens."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def run(command: "list[str]", doing: str, cwd: Path = ROOT) -> None:
    """Run a command; raise Failure in words when it fails. Its output goes to the log. A signal to us ends it too."""
    process = subprocess.Popen(
        command,
        cwd=str(cwd),
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=end_with_parent,
    )
    try:
        output = process.communicate()[0]
    except BaseException:
        process.terminate()
        process.wait()
        raise
    disk_is_full = shutil.disk_usage(str(STATE)).free < LEAST_FREE_BYTES
    with contextlib.suppress(OSError), LOG.open("ab") as log:
        log.write(output)
    if process.returncode and disk_is_full:
        raise Failure(DISK_FULL)
    if process.returncode:
        raise Failure(explain(output.decode(errors="replace"), doing, process.returncode))


def explain(output: str, doing: str, returned: int) -> str:
    """The one sentence for a failed command, from what it printed."""
    if any(sign in output for sign in SIGNS_OF_A_FULL_DISK):
        return DISK_FULL
    if any(sign in output for sign in SIGNS_OF_NO_NETWORK):
        return (
            f"{doing} failed because the network or the package registry cannot be reached; "
            "the first start needs it, later ones do not"
        )
    if "Permission denied" in output or "EACCES" in output:
        return f"{doing} failed because this user may not write to {ROOT}"
    if SIGN_OF_NO_WHEEL in output:
        package = output.rsplit(SIGN_OF_NO_WHEEL, 1)[1].split()[0]
        return (
            f"there is no ready-made wheel of {package} for this Python and machine, and Kontor compiles nothing; "
            "use Python 3.11 to 3.14 on Linux or macOS, x86-64 or ARM64"
        )
    last = "\n".join(output.strip().splitlines()[-15:])
    return f"{doing} failed with exit code {returned}; the whole output is in {LOG}, its end is:\n{last}"


def make_venv() -> None:
    """Create the environment anew. Raises Failure."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise Failure(
            "this Python cannot make virtual environments because its ensurepip module is missing; "
            "on Debian and Ubuntu: apt-get install python3-venv"
        )
    say("creating the Python environment in .venv")
    if VENV.exists():
        # Moved away first: programs of a killed bootstrap may still write into it.
        old = STATE / "cache" / f"old-venv-{os.getpid()}"
        old.parent.mkdir(exist_ok=True)
        VENV.rename(old)
        shutil.rmtree(str(old), ignore_errors=True)
    run([sys.executable, "-m", "venv", str(VENV)], "creating .venv")


def pip_install(locked: Path, *options: str) -> None:
    """Install what a file locks: wheels, unless an option names what is not. Raises Failure."""
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    bounds = ["--disable-pip-version-check", "--no-input", "--retries", "2", "--require-hashes", "--no-deps"]
    run(
        [*pip, *bounds, "--only-binary", ":all:", *options, "-r", str(locked)],
        "installing the Python packages",
    )


def install(group: str, stamps: "dict[str, str]") -> None:
    """Install one group's locked requirements and write its stamps. Raises Failure.

    While it works there are no stamps, so that an interrupted installation is made anew from nothing."""
    locked = REQUIREMENTS / (group + ".txt")
    count = sum(1 for line in locked.read_text().splitlines() if line[:1].isalnum())
    say(f"installing {count} Python packages, locked by hash")
    if STAMPS.exists():
        STAMPS.unlink()
    if any(line.startswith(FROM_SOURCE) for line in locked.read_text().splitlines()):
        pip_install(REQUIREMENTS / "build.txt", "--upgrade")
        pip_install(locked, "--no-build-isolation", "--no-binary", ",".join(FROM_SOURCE))
    else:
        pip_install(locked)
    stamps["home"] = home_of_venv()
    stamps.update({satisfied: fingerprint(REQUIREMENTS / (satisfied + ".txt")) for satisfied in GROUPS[group]})
    write_stamps(stamps)


def node_is_usable() -> bool:
    """Is there a Node with npm on PATH that is new enough?"""
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    answer = subprocess.run([node, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    major = answer.stdout.decode().strip().lstrip("v").split(".")[0]
    return major.isdigit() and int(major) >= NODE_MAJOR_NEEDED


def fetch_site_modules(stamps: "dict[str, str]") -> None:
    """`npm ci` for the site's modules, with the machine's Node or with one from a wheel. Raises Failure."""
    in_venv = (VENV / "bin" / "npm").exists()
    if not in_venv and not node_is_usable():
        say(f"no Node.js {NODE_MAJOR_NEEDED} or newer here: taking one from a Python wheel")
        install("node", stamps)
        in_venv = True
    npm = str(VENV / "bin" / "npm") if in_venv else str(shutil.which("npm"))
    say("fetching the modules of the site")
    run(
        [
            npm,
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--loglevel=error",
            "--fetch-retries=1",
        ],
        "fetching the modules of the site",
        cwd=SITE,
    )
    stamps["site"] = fingerprint(SITE / "package-lock.json")
    write_stamps(stamps)


def prepare(group: str) -> None:
    """Bring the checkout to where `group` needs it. Raises Failure, OSError."""
    started = time.monotonic()
    with sole_bootstrap():
        if is_ready(group):
            return
        LOG.write_bytes(b"")
        stamps = read_stamps()
        if not venv_is_sound(stamps):
            make_venv()
            stamps = {}
        if not is_installed(group, stamps):
            install(group, stamps)
        if not site_is_ready(stamps):
            fetch_site_modules(stamps)
        shutil.rmtree(str(STATE / "cache"), ignore_errors=True)
    say(f"the environment is ready after {time.monotonic() - started:.1f} s")


def compile_engine() -> None:
    """Compile the engine if it is not; `etc/native.py` says what it does, or why it cannot. Raises Failure if that is
    demanded; else the engine runs interpreted."""
    choice = os.environ.get("KONTOR_ENGINE", "")
    if choice == "interpreted":
        return
    process = subprocess.Popen(
        [str(VENV / "bin" / "python"), str(NATIVE)],
        env={name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")},
        stdin=subprocess.DEVNULL,
        preexec_fn=end_with_parent,
    )
    try:
        returned = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if returned and choice == "native":
        raise Failure("KONTOR_ENGINE is native, but the engine is not compiled")


def on_signal(number: int, frame: object) -> None:
    raise Terminated(number)


def sentence_for(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DISK_FULL
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"this user may not write to {error.filename or ROOT} ({error.strerror})"
    return str(error)


def main(arguments: "list[str]") -> int:
    group = arguments[0] if arguments else "run"
    try:
        refuse_old_python()
        if group not in ("run", "dev") or len(arguments) > 1:
            raise Failure("usage: bootstrap.py [run|dev]")
        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGHUP, on_signal)
        if not is_ready(group):
            prepare(group)
        compile_engine()
    except Failure as failure:
        print(f"kontor: {failure}", file=sys.stderr)
        return 1
    except OSError as error:
        print("kontor: " + sentence_for(error), file=sys.stderr)
        return 1
    except (KeyboardInterrupt, Terminated):
        print("kontor: stopped before the environment was ready; the next start goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
