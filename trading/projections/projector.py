"""The projector of a serving process: hands what is applied to a process of its own, which writes the read models and books.

The engine thread packs events, some 20 ms of them are gathered, and the event loop sends them over a socket; the writer
answers with its checkpoint after each commit. So neither the writer's work nor its waiting takes anything of the
interpreter that engine and event loop share.

What was sent is kept until the checkpoint has passed it. If the process dies another is started, and gets it again; the
checkpoint's compare-and-swap (``writer.py``) makes repetition harmless. If it stops because of an error, nothing is written
any more, and whoever made the projector is told.
"""

import asyncio
import collections
import contextlib
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg

from trading.applied import Applied, pack
from trading.engine.commands import DefineMarket
from trading.journal.errors import DatabaseLostData

from .checkpoint import OutcomesDiffer, read_checkpoint
from .line import EVENTS, HURRIED, Report, beginning, frame, markets
from .markets import listed

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = (sys.executable, "-m", "trading.projections.process")
GATHER_S = 0.02
"""How long events are gathered into one transaction, unless somebody waits: fewer transactions, not older answers."""
KEPT_EVENTS = 200_000
"""So far the engine may be ahead of the read models; then it waits. A kept event takes about a kilobyte."""
ROOM_POLL_S = 0.2
RESTART_S = 0.5
"""Between attempts, when a process ended before it had written anything."""
REAP_S = 1.0
SEND_BUFFER_BYTES = 1 << 20
RECEIVE_BYTES = 1 << 16


class ProjectorStopped(Exception):
    """The writer met an error that is no other's. The message says which."""


_ERRORS: dict[str, type[Exception]] = {kind.__name__: kind for kind in (DatabaseLostData, OutcomesDiffer)}


class _Chunk(NamedTuple):
    """A frame to send. ``last_seq``: it need not be kept once the checkpoint is there."""

    last_seq: int
    frame: bytes


class Projector:
    """``on_progress`` is called with the checkpoint whenever it has moved, ``on_stopped`` with the error that ended it, if
    one did. All is called on the event loop, but for what names another thread.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        loop: asyncio.AbstractEventLoop,
        on_progress: Callable[[int], None],
        on_stopped: Callable[[BaseException], None],
    ) -> None:
        self.seq = 0
        self.leads = True
        """Whether its process writes, as far as that knows."""
        self.stopped_because: str | None = None
        self.interrupted_because: str | None = None
        """Why nothing is written at the moment, if it will be again by itself."""
        self._conninfo = conninfo
        self._loop = loop
        self._on_progress = on_progress
        self._on_stopped = on_stopped
        self._markets: dict[str, DefineMarket] = {}
        self._waiting: collections.deque[_Chunk] = collections.deque()
        """What is not sent, or not wholly. The engine thread adds, the event loop takes away."""
        self._sent: collections.deque[_Chunk] = collections.deque()
        self._sent_bytes = 0
        """Of the first chunk that waits."""
        self._is_gathering = False
        self._progressed = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._received = b""
        self._has_written = False
        self._ends = False
        self._ended = threading.Event()

    @property
    def pid(self) -> int | None:
        """Of the process that writes, or wrote last."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Reads the checkpoint, then starts the process."""
        with psycopg.connect(self._conninfo, autocommit=True, application_name="kontor-projector") as connection:
            self.seq = read_checkpoint(connection)
        self._start_process()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Has written what is folded, then ends the process. Any thread but the event loop's, which must run meanwhile."""
        self._loop.call_soon_threadsafe(self._end)
        if not self._ended.wait(timeout_s):
            self._ended.set()
            log.error("the projector is not at its end after %.0f s: it is killed", timeout_s)
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def know(self, definitions: Iterable[DefineMarket]) -> None:
        """Markets that are listed before the events that are handed over next. The engine thread's call."""
        fresh = {market.market: market for market in definitions}
        self._markets.update(fresh)
        self._waiting.append(_Chunk(0, markets(fresh.values())))

    def project(self, applied: Sequence[Applied]) -> None:
        """Hands over events, the engine thread's call. Waits while too many are not written; does nothing once stopped."""
        for event in applied:
            if type(event.command) is DefineMarket and (market := listed(event)) is not None:
                self.know((market,))
        if applied[0].seq <= self.seq:
            applied = [event for event in applied if event.seq > self.seq or event.checkpoint]
            if not applied:
                return
        last_seq = applied[-1].seq
        while last_seq - self.seq > KEPT_EVENTS and self.stopped_because is None:
            self._progressed.clear()
            self._progressed.wait(ROOM_POLL_S)
        if self.stopped_because is not None:
            return
        self._waiting.append(_Chunk(last_seq, frame(EVENTS, pack(applied))))
        if not self._is_gathering:
            self._is_gathering = True
            self._loop.call_soon_threadsafe(self._loop.call_later, GATHER_S, self._send_gathered)

    def hurry(self) -> None:
        """Somebody waits for the read models: has written what is there without gathering more."""
        if not self.leads:
            self._waiting.append(_Chunk(0, HURRIED))
        self._send()

    # The process

    def _start_process(self) -> None:
        if self._ended.is_set():
            return
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(COMMAND, stdin=theirs.fileno(), cwd=ROOT)
        except OSError as error:
            ours.close()
            self._wait_for_another(f"no process could be started: {error}")
            return
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._line, self._received, self._has_written = ours, b"", False
        self._loop.add_reader(ours, self._receive)
        self._waiting.appendleft(_Chunk(0, markets(list(self._markets.values()))))
        self._waiting.appendleft(_Chunk(0, beginning(self._conninfo, log.getEffectiveLevel())))
        self._send()

    def _wait_for_another(self, reason: str) -> None:
        log.error("the read models stand still at event %s: %s", self.seq, reason)
        self.interrupted_because = f"{reason}; another is started"
        self._loop.call_later(0 if self._has_written else RESTART_S, self._start_process)

    def _lose_process(self, process: subprocess.Popen[bytes], line: socket.socket) -> None:
        """Nothing comes from it any more: it has ended, or is about to."""
        self._loop.remove_reader(line)
        self._loop.remove_writer(line)
        line.close()
        self._line = None
        try:
            code = process.wait(REAP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if self._is_done():
            self._ended.set()
        elif self.stopped_because is None:
            self._take_back()
            self._wait_for_another(f"its process ended with {code}")

    def _take_back(self) -> None:
        """What was sent is to be sent again; but not what was said first, which is said anew."""
        while self._waiting and not self._waiting[0].last_seq:
            self._waiting.popleft()
        self._waiting.extendleft([chunk for chunk in reversed(self._sent) if chunk.last_seq > self.seq])
        self._sent.clear()
        self._sent_bytes = 0

    def _is_done(self) -> bool:
        """Whether no process is needed any more."""
        if not self._ends:
            return False
        is_written = all(chunk.last_seq <= self.seq for chunk in (*self._sent, *self._waiting))
        return is_written or self.stopped_because is not None or self._ended.is_set()

    def _end(self) -> None:
        self._ends = True
        if self._line is None and self._is_done():
            self._ended.set()
        self._send()

    # The line

    def _send_gathered(self) -> None:
        self._is_gathering = False
        self._send()

    def _send(self) -> None:
        """Sends what waits, as far as the socket takes it now."""
        line = self._line
        if line is None:
            return
        try:
            while self._waiting:
                chunk = self._waiting[0]
                self._sent_bytes += line.send(memoryview(chunk.frame)[self._sent_bytes :])
                if self._sent_bytes == len(chunk.frame):
                    self._sent.append(self._waiting.popleft())
                    self._sent_bytes = 0
        except BlockingIOError:
            self._loop.add_writer(line, self._send)
            return
        except OSError:
            return  # the process is gone, as what reads from it is about to see
        self._loop.remove_writer(line)
        if self._ends:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_WR)

    def _receive(self) -> None:
        line, process = self._line, self._process
        if line is None or process is None:
            return
        try:
            data = line.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *reports, self._received = (self._received + data).split(b"\n")
        for report in reports:
            self._take(msgspec.json.decode(report, type=Report))
        if not data:
            self._lose_process(process, line)

    def _take(self, report: Report) -> None:
        self.leads, self.interrupted_because = report.leads, None
        if report.error is not None:
            self._stop_because(report.error, report.reason)
        elif report.seq > self.seq:
            self.seq, self._has_written = report.seq, True
            while self._sent and self._sent[0].last_seq <= report.seq:
                self._sent.popleft()
            self._progressed.set()
            self._on_progress(report.seq)

    def _stop_because(self, error: str, reason: str) -> None:
        self.stopped_because = f"{error}: {reason}"
        self._waiting.clear()
        self._sent.clear()
        self._progressed.set()
        kind = _ERRORS.get(error)
        self._on_stopped(ProjectorStopped(self.stopped_because) if kind is None else kind(reason))
