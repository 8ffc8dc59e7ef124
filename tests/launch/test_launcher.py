"""The launcher's refusals and its end: one clear sentence, the right exit code, nothing left behind."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch.waiting import processes_in, wait_until
from tests.server import free_port

LAUNCH = [sys.executable, "-m", "exchange.launch"]
AS_NOBODY = """
import os, sys
import exchange.launch.__main__ as launcher
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(launcher.main())
"""


def environment(state: Path, **variables: str) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATABASE_OWNER_URL", "BOTS")
    }
    return inherited | {"KONTOR_STATE": str(state), "PORT": str(free_port())} | variables


def refusal(command: list[str], variables: dict[str, str]) -> tuple[int, str]:
    """Exit code and the one sentence on standard error."""
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr.startswith("kontor: "), ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.returncode, ended.stderr


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A launcher that has told its first step, but not come to its last."""
    process = subprocess.Popen(
        LAUNCH, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    assert "starting PostgreSQL" in process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    wait_until(lambda: processes_in(tmp_path) == [], what="the end of PostgreSQL")


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, sentence = refusal(LAUNCH, environment(tmp_path, PORT=str(port)))
    assert code == 2
    assert f"port {port} is in use" in sentence
    assert "PORT=" in sentence


def test_a_second_launcher_on_the_same_state_says_who_is_running(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        lock.write("process 4711, http://127.0.0.1:8000\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, sentence = refusal(LAUNCH, environment(tmp_path))
    assert code == 2
    assert "already running" in sentence
    assert "process 4711" in sentence


def test_a_state_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "readonly"
    folder.mkdir(mode=0o555)
    code, sentence = refusal([sys.executable, "-c", AS_NOBODY], environment(folder / "state"))
    assert code == 2
    assert "cannot write to" in sentence
    assert str(folder) in sentence


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("PORT", "eighty", "PORT must be a number"),
        ("PORT", "0", "PORT must be a number"),
        ("PORT", "٨٠٠٠", "PORT must be a number"),
        ("BOTS", "perhaps", "BOTS must be on or off"),
        ("DATABASE_URL", "mysql://somewhere/else", "DATABASE_URL must have the form"),
        ("DATABASE_URL", "postgresql://kontor:secret@127.0.0.1:1/kontor", "does not answer"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named(tmp_path: Path, variable: str, value: str, part: str) -> None:
    code, sentence = refusal(LAUNCH, environment(tmp_path, **{variable: value}))
    assert code == 2
    assert part in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_stop_ends_everything_with_exit_code_0(
    launcher: "subprocess.Popen[str]", tmp_path: Path, number: signal.Signals
) -> None:
    launcher.send_signal(number)
    output, _ = launcher.communicate(timeout=60)
    assert launcher.returncode == 0, output
    assert "stopped" in output
    assert processes_in(tmp_path) == []


def test_nothing_outlives_a_killed_launcher(launcher: "subprocess.Popen[str]", tmp_path: Path) -> None:
    wait_until(lambda: processes_in(tmp_path) != [], what="the start of PostgreSQL")
    launcher.kill()
    wait_until(lambda: processes_in(tmp_path) == [], what="the end of PostgreSQL")


def test_the_secret_key_is_made_once_and_for_its_owner_only(launcher: "subprocess.Popen[str]", tmp_path: Path) -> None:
    key = tmp_path / "secret_key"
    assert len(key.read_text()) >= 50
    assert key.stat().st_mode & 0o777 == 0o600
