"""Keeps the processes of a started exchange alive, and stops them in order: bots, web, PostgreSQL.

A process that ends by itself is started again with growing pauses; one that ends more often than `RESTARTS_LIMIT` times in
`RESTARTS_WINDOW_S` stops everything, with its last words. When the exchange itself ends well, all is stopped: it was shut down.
One thread runs all of this.
"""

import time
from collections import deque
from dataclasses import dataclass, field

from exchange.launch import logs
from exchange.launch.child import Child
from exchange.launch.console import Console
from exchange.launch.postgres import EmbeddedPostgres
from exchange.launch.refusal import Refusal
from exchange.launch.stop_signals import StopRequested, StopSignals

RESTARTS_LIMIT = 5
RESTARTS_WINDOW_S = 60.0
_FIRST_PAUSE_S = 0.5
_POLL_S = 0.1
_BOUND_LOGS_EVERY_S = 10.0


@dataclass(slots=True)
class Restarts:
    """The recent ends of one process, and the pause that they call for."""

    ended_at_s: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS_LIMIT + 1))

    def pause_after_end(self, now_s: float) -> float | None:
        """Seconds until the next start, doubling within the window; None when it ended too often. Clock: any monotonic one."""
        self.ended_at_s.append(now_s)
        recent = sum(1 for at in self.ended_at_s if now_s - at <= RESTARTS_WINDOW_S)
        return None if recent > RESTARTS_LIMIT else _FIRST_PAUSE_S * 2.0 ** (recent - 1)


@dataclass(slots=True)
class Charge:
    """A child in the supervisor's care. ``ends_all``: when it ends well by itself, an operator has shut the exchange down."""

    child: Child
    stop_limit_s: float
    ends_all: bool
    restarts: Restarts = field(default_factory=Restarts)
    due_at_s: float | None = None


class Supervisor:
    """Children in the order of their start; they are stopped in the reverse order, and PostgreSQL last."""

    def __init__(self, *, console: Console, signals: StopSignals, postgres: EmbeddedPostgres | None) -> None:
        self._console = console
        self._signals = signals
        self._postgres = postgres
        self._postgres_restarts = Restarts()
        self._charges: list[Charge] = []

    def start(self, child: Child, *, stop_limit_s: float, ends_all: bool = False) -> None:
        """Raises OSError."""
        self._charges.append(Charge(child=child, stop_limit_s=stop_limit_s, ends_all=ends_all))
        child.start()

    def watch(self) -> None:
        """Look after everything until a stop is requested. Raises StopRequested, Refusal."""
        bound_logs_at_s = 0.0
        while True:
            self._signals.sleep(_POLL_S)
            now_s = time.monotonic()
            self._look_after_postgres(now_s)
            for charge in self._charges:
                self._look_after(charge, now_s)
            if now_s >= bound_logs_at_s:
                self._bound_logs()
                bound_logs_at_s = now_s + _BOUND_LOGS_EVERY_S

    def stop(self) -> None:
        """Bots, web, PostgreSQL; returns when no process is left."""
        for charge in reversed(self._charges):
            if charge.child.is_running():
                self._console.say(f"stopping {charge.child.name}")
            charge.child.stop(limit_s=charge.stop_limit_s, hurried=self._signals.is_hurried)
        if self._postgres is not None:
            if self._postgres.is_running():
                self._console.say("stopping PostgreSQL")
            self._postgres.stop("immediate" if self._signals.is_hurried() else "fast")

    def _look_after(self, charge: Charge, now_s: float) -> None:
        child = charge.child
        if charge.due_at_s is not None:
            if now_s >= charge.due_at_s:
                charge.due_at_s = None
                child.start()
            return
        if child.is_running():
            return
        child.sweep()
        if charge.ends_all and child.exit_code() == 0:
            self._console.say(f"{child.name} was shut down by an operator")
            raise StopRequested
        pause_s = charge.restarts.pause_after_end(now_s)
        if pause_s is None:
            raise Refusal(
                f"{child.name} ended more than {RESTARTS_LIMIT} times in {RESTARTS_WINDOW_S:.0f} s; "
                f"the log is {child.log}, its end is:\n{logs.tail(child.log)}"
            )
        self._console.say(
            f"{child.name} ended unexpectedly ({_manner(child.exit_code())}), starting again; see {child.log}"
        )
        charge.due_at_s = now_s + pause_s

    def _look_after_postgres(self, now_s: float) -> None:
        if self._postgres is None or self._postgres.is_running():
            return
        pause_s = self._postgres_restarts.pause_after_end(now_s)
        if pause_s is None:
            raise Refusal(
                f"PostgreSQL ended more than {RESTARTS_LIMIT} times in {RESTARTS_WINDOW_S:.0f} s; its log is {self._postgres.log}"
            )
        self._console.say("PostgreSQL ended unexpectedly, starting again")
        self._postgres.stop("immediate")
        self._signals.sleep(pause_s)
        self._postgres.start()
        self._console.say("PostgreSQL is back")

    def _bound_logs(self) -> None:
        for charge in self._charges:
            logs.keep_within_bound(charge.child.log)
        if self._postgres is not None:
            logs.keep_within_bound(self._postgres.log)


def _manner(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"by signal {-exit_code}"
    return f"with exit code {exit_code}"
