"""The line to the process that writes the read models: what is sent arrives whole, and its end is noticed."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from trading.applied import pack, unpack
from trading.projections import line as module
from trading.projections.line import EVENTS, HURRIED, Beginning, Line, Report, beginning, frame, markets
from trading.projections.projector import COMMAND, ROOT

from .engine import flow
from .test_applied import folded
from .world import MARKET, WAIT_LIMIT_S

APPLIED = folded(list(flow.events(5, 60, next(iter(flow.PROFILES.values())))))
NOWHERE = "host=/nowhere dbname=none"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Line]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, Line(theirs)


@contextmanager
def process() -> Iterator[tuple[socket.socket, "subprocess.Popen[bytes]"]]:
    """A writer on its own, and the other end of its line."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        started = subprocess.Popen(COMMAND, stdin=theirs.fileno(), cwd=ROOT, stderr=subprocess.DEVNULL)
        theirs.close()
        try:
            yield ours, started
        finally:
            started.kill()
            started.wait()


def test_frames_that_come_in_pieces_are_taken_whole_and_in_order(ends: tuple[socket.socket, Line]) -> None:
    ours, line = ends
    chunks = [APPLIED[:1], APPLIED[1:30], APPLIED[30:]]
    sent = beginning(NOWHERE, 20) + markets([MARKET]) + b"".join(frame(EVENTS, pack(chunk)) for chunk in chunks)
    taken = []
    for start in range(0, len(sent), 997):
        ours.sendall(sent[start : start + 997])
        if start == 0:
            assert line.begin() == Beginning(NOWHERE, 20)
        line.wait(0)
    ours.close()
    while (batch := line.take()) is not None:
        taken += batch
    assert taken == unpack(pack(APPLIED))
    assert line.markets == [MARKET]


def test_all_that_is_there_is_taken_but_not_much_more_than_a_batch(
    ends: tuple[socket.socket, Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_EVENTS", 25)
    ours, line = ends
    ours.sendall(b"".join(frame(EVENTS, pack(APPLIED[start : start + 10])) for start in range(0, 60, 10)))
    assert [len(line.take() or ()) for _ in range(2)] == [30, 30]


def test_who_waits_is_noticed_while_standing_by_and_until_all_is_taken(ends: tuple[socket.socket, Line]) -> None:
    ours, line = ends
    ours.sendall(frame(EVENTS, pack(APPLIED[:1])))
    line.wait(WAIT_LIMIT_S)
    assert not line.hurried
    ours.sendall(HURRIED)
    line.wait(WAIT_LIMIT_S)
    assert line.hurried
    assert len(line.take() or ()) == 1
    assert not line.hurried
    line.wait(0.001)


def test_an_end_within_a_frame_is_an_end(ends: tuple[socket.socket, Line]) -> None:
    ours, line = ends
    ours.sendall(frame(EVENTS, pack(APPLIED[:5])) + frame(EVENTS, pack(APPLIED[5:]))[:-1])
    ours.close()
    assert len(line.take() or ()) == 5
    assert line.take() is None
    line.wait(0.001)
    line.report(Report(1, True))


def test_a_server_that_only_has_nothing_more_to_send_is_still_there(ends: tuple[socket.socket, Line]) -> None:
    ours, line = ends
    ours.sendall(frame(EVENTS, pack(APPLIED)))
    ours.shutdown(socket.SHUT_WR)
    assert not line.is_abandoned(0.001)
    ours.close()
    assert line.is_abandoned(WAIT_LIMIT_S)


def test_a_process_whose_server_and_database_are_away_ends() -> None:
    with process() as (ours, writer):
        ours.sendall(beginning(NOWHERE, 20) + frame(EVENTS, pack(APPLIED)))
        ours.close()
        assert writer.wait(WAIT_LIMIT_S) == 0


def test_a_process_that_is_told_nothing_ends() -> None:
    with process() as (ours, writer):
        ours.close()
        assert writer.wait(WAIT_LIMIT_S) == 0
