"""Children: how they end, when they are started again, and that their logs stay bounded."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from exchange.launch import logs
from exchange.launch.child import Child
from exchange.launch.console import Console
from exchange.launch.refusal import Refusal
from exchange.launch.stop_signals import StopRequested, StopSignals
from exchange.launch.supervisor import RESTARTS_LIMIT, RESTARTS_WINDOW_S, Restarts, Supervisor
from tests.launch.waiting import is_alive, wait_until

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
OBEDIENT = "import time; print('up', flush=True); time.sleep(600)"
WITH_GRANDCHILD = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"


def child(folder: Path, program: str, *, name: str = "child") -> Child:
    return Child(
        name=name,
        command=[sys.executable, "-c", program],
        environment=dict(os.environ),
        log=folder / f"{name}.log",
        folder=folder,
    )


def started(folder: Path, program: str) -> Child:
    running = child(folder, program)
    running.start()
    wait_until(lambda: running.log.read_text().endswith("\n"), what="the child's first line")
    return running


def test_a_child_stops_at_sigterm(tmp_path: Path) -> None:
    running = started(tmp_path, OBEDIENT)
    running.stop(limit_s=10, hurried=lambda: False)
    assert running.exit_code() == -signal.SIGTERM


def test_a_stubborn_child_is_killed_after_its_time(tmp_path: Path) -> None:
    running = started(tmp_path, STUBBORN)
    running.stop(limit_s=0.1, hurried=lambda: False)
    assert running.exit_code() == -signal.SIGKILL


def test_a_second_ctrl_c_does_not_wait_for_a_stubborn_child(tmp_path: Path) -> None:
    running = started(tmp_path, STUBBORN)
    running.stop(limit_s=600, hurried=lambda: True)
    assert running.exit_code() == -signal.SIGKILL


def test_what_a_child_started_goes_with_it(tmp_path: Path) -> None:
    running = started(tmp_path, WITH_GRANDCHILD)
    grandchild = int(running.log.read_text())
    running.stop(limit_s=10, hurried=lambda: False)
    wait_until(lambda: not is_alive(grandchild), what="the grandchild's end")


LAUNCHER = """
import signal, sys
from pathlib import Path
from tests.launch.test_supervision import OBEDIENT, child
running = child(Path(sys.argv[1]), OBEDIENT)
running.start()
print(running.pid, flush=True)
signal.pause()
"""


def test_a_child_dies_with_a_killed_launcher(tmp_path: Path) -> None:
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, str(tmp_path)], stdout=subprocess.PIPE)
    assert launcher.stdout is not None
    pid = int(launcher.stdout.readline())
    launcher.kill()
    launcher.wait()
    wait_until(lambda: not is_alive(pid), what="the child's end")


def test_pauses_between_restarts_double_until_it_is_too_often() -> None:
    restarts = Restarts()
    pauses = [restarts.pause_after_end(float(second)) for second in range(RESTARTS_LIMIT + 1)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, None]


def test_ends_that_are_far_apart_are_forgiven() -> None:
    restarts = Restarts()
    assert {restarts.pause_after_end(number * (RESTARTS_WINDOW_S + 1)) for number in range(20)} == {0.5}


def test_a_child_that_keeps_ending_stops_everything_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchange.launch.supervisor._FIRST_PAUSE_S", 0.001)
    supervisor = Supervisor(console=Console(), signals=StopSignals(with_parent=False), postgres=None)
    supervisor.start(child(tmp_path, "raise SystemExit('no reference price')", name="the demo bots"), stop_limit_s=1)
    with pytest.raises(Refusal, match=r"the demo bots ended more than 5 times(?s:.*)no reference price"):
        supervisor.watch()
    supervisor.stop()


def test_when_the_exchange_itself_ends_well_all_is_stopped_and_nothing_starts_again(tmp_path: Path) -> None:
    supervisor = Supervisor(console=Console(), signals=StopSignals(with_parent=False), postgres=None)
    web = child(tmp_path, "pass", name="the exchange")
    supervisor.start(web, stop_limit_s=1, ends_all=True)
    pid = web.pid
    with pytest.raises(StopRequested):
        supervisor.watch()
    supervisor.stop()
    assert (web.pid, web.exit_code()) == (pid, 0)


def test_a_log_is_rotated_at_start_and_three_old_ones_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    for number in range(6):
        with logs.open_log(path) as log:
            log.write(f"run {number}\n".encode())
    assert [(tmp_path / f"web.log{end}").read_text() for end in ("", ".1", ".2", ".3")] == [
        "run 5\n",
        "run 4\n",
        "run 3\n",
        "run 2\n",
    ]
    assert len(list(tmp_path.iterdir())) == 4


def test_a_log_that_outgrows_its_bound_is_put_aside_while_its_child_writes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "BOUND_BYTES", 100)
    path = tmp_path / "web.log"
    with logs.open_log(path) as log:
        log.write(b"x" * 200)
        log.flush()
        logs.keep_within_bound(path)
        log.write(b"later\n")
    assert path.read_bytes() == b"later\n"
    assert (tmp_path / "web.log.1").stat().st_size == 200
