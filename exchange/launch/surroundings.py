"""What a start needs: a free port, a writable state directory for itself alone, a secret key, a database that answers."""

import errno
import fcntl
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from exchange.launch.configuration import HOST, Configuration, without_password
from exchange.launch.refusal import EXIT_REFUSED, Refusal, disk_full, refusal_of_folder

DATABASE_NOTE = "database.json"
_PORT_PATIENCE_S = 1.0
_LEAST_FREE_BYTES = 200 * 1024 * 1024
_CONNECT_LIMIT_S = 10
_SECRET_KEY_BYTES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoUser:
    role: str
    email: str
    password: str


@contextmanager
def sole_use_of_state(configuration: Configuration) -> Iterator[None]:
    """Hold the state directory. Raises Refusal when another launcher has it, it is not writable, or the disk is full."""
    state_dir = configuration.state_dir
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        configuration.log_dir.mkdir(exist_ok=True)
        lock = (state_dir / "lock").open("a+")
    except OSError as error:
        raise refusal_of_folder(state_dir, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Refusal(
                f"Kontor is already running with the state in {state_dir}: {lock.read().strip()}",
                exit_code=EXIT_REFUSED,
            ) from None
        try:
            if shutil.disk_usage(state_dir).free < _LEAST_FREE_BYTES:
                raise disk_full(state_dir)
            lock.truncate(0)
            lock.write(f"process {os.getpid()}, {configuration.address}\n")
            lock.flush()
        except OSError as error:
            raise refusal_of_folder(state_dir, error) from error
        yield


def require_free_port(port: int) -> None:
    """Raises Refusal if something listens there, after a moment of patience for a predecessor that is just ending."""
    deadline = time.monotonic() + _PORT_PATIENCE_S
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except PermissionError:
                raise Refusal(
                    f"this user may not listen on port {port}; choose one with PORT=8080 make run",
                    exit_code=EXIT_REFUSED,
                ) from None
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise Refusal(
                        f"cannot listen on {HOST}:{port}: {error.strerror}", exit_code=EXIT_REFUSED
                    ) from error
            else:
                return
        if time.monotonic() > deadline:
            raise Refusal(
                f"port {port} is in use by another program; choose another with PORT={_neighbour(port)} make run",
                exit_code=EXIT_REFUSED,
            )
        time.sleep(0.1)


def ensure_secret_key(state_dir: Path) -> None:
    """The demo's SECRET_KEY: made once, readable by its owner only. Raises Refusal."""
    path = state_dir / "secret_key"
    fresh = state_dir / "secret_key.new"
    try:
        if path.exists() and path.stat().st_size:
            return
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(_SECRET_KEY_BYTES))
        fresh.replace(path)
    except OSError as error:
        raise refusal_of_folder(state_dir, error) from error


def note_database(state_dir: Path, *, application_url: str, owner_url: str) -> None:
    """Writes down where the embedded server is, so that ``manage.py`` finds it. No password is in it. Raises Refusal."""
    path = state_dir / DATABASE_NOTE
    try:
        path.write_text(json.dumps({"DATABASE_URL": application_url, "DATABASE_OWNER_URL": owner_url}, indent=1))
    except OSError as error:
        raise refusal_of_folder(state_dir, error) from error


def require_database(url: str) -> None:
    """Raises Refusal unless the given server answers a query."""
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_LIMIT_S) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise Refusal(
            f"the database of DATABASE_URL, {without_password(url)}, does not answer: {reason}", exit_code=EXIT_REFUSED
        ) from None


def read_demo_users(state_dir: Path) -> list[DemoUser]:
    """The people who can sign in to the demo, as the layout command left them. Raises Refusal."""
    path = state_dir / "demo.json"
    try:
        users = json.loads(path.read_text())["users"]
        return [DemoUser(role=user["role"], email=user["email"], password=user["password"]) for user in users]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(f"{path} is missing or damaged ({error}); remove it and start again") from error


def _neighbour(port: int) -> int:
    return port + 1 if port < 65535 else port - 1
