"""What runs in a serving process: the engine thread, the projector with its process, and the live state on the event loop.

The composition is all here: the engine thread publishes each batch to the event loop, which applies it to the live
state, lets the stream see it, and answers the callers, in this order. The projector is fed by the engine thread.
"""

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from django.conf import settings
from psycopg_pool import ConnectionPool

from . import queries
from .announcements import Announced
from .applied import Applied
from .closures import EnginePhase
from .collector import spare_the_collector
from .custody_terms import CustodyTerms
from .database import conninfo, open_pool
from .engine import FORM
from .engine.commands import Command
from .engine.engine import Engine
from .engine.snapshot import state_hash
from .fold import Fold
from .inbox import Overloaded
from .journal.errors import DatabaseLostData
from .journal.read import head_seq
from .journal.records import draft
from .latencies import Latencies
from .live import RECENT_TRADES, LiveState, TradePrint
from .projections.checkpoint import OutcomesDiffer
from .projections.projector import Projector
from .publications import Answer, Publication, Submission, Waiter
from .replica import URGENT, Replica, ReplicaSettings, ReplicaStopped
from .shapes.notices import Announcement
from .snapshot_worker import SnapshotWorker

log = logging.getLogger(__name__)
T = TypeVar("T")

SWEEP_S = 1.0
PROJECTION_WAIT_S = 5.0
CATCH_UP_WAIT_S = 2.0
ANSWER_WAIT_S = 15.0
"""After this long the caller is told that the outcome is unknown; the command may still be committed."""

STALL_S = 2.0
"""A command that waits longer than this, or a database that does not answer for so long, is no longer called ready."""


class ProjectionBehind(Exception):
    """The read models have not reached what the caller has seen already."""


class LiveBehind(Exception):
    """This process has not folded yet what others have committed."""


class OutcomeUnknown(Exception):
    """The database did not answer in time. The command may or may not be in the journal; its id tells, asked again."""


class CommandRefused(Exception):
    """The database does not take what the command holds. Nothing happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """``parts`` says of each part "ok" or why not. ``waiting``: commands that are not answered yet."""

    ready: bool
    parts: dict[str, str]
    waiting: int


class Observer(Protocol):
    """Sees what happens, on the event loop: each event after the live state has it, each batch at its end."""

    def on_event(self, event: Applied) -> None: ...

    def on_batch(self, publication: Publication) -> None: ...


class Runtime:
    """One per process. Made on the event loop; all methods but the callbacks named so are called there."""

    def __init__(self) -> None:
        self.live = LiveState()
        self.observers: list[Observer] = []
        self.custody_terms: Mapping[str, CustodyTerms] = {}
        """By asset; kept true by whoever composes the process."""
        self.suspended_accounts: frozenset[int] = frozenset()
        """Whose orders are not taken; kept true by whoever composes the process."""
        self.announced: tuple[Announced, ...] = ()
        """What the staff tell everybody; kept true by the same."""
        self.nodes: Mapping[str, str] = {}
        """Of each chain whose node is to be followed "ok" or why it is not; kept true by the same."""
        self.pool: ConnectionPool = open_pool()
        self.latencies = Latencies()
        """Of commands that this process has answered."""
        self._loop = asyncio.get_running_loop()
        self._serving = False
        self.ready = False
        """Whether the live state is complete: the journal has been read, and the engine has not stopped."""
        self._lag_limit: int = settings.PROJECTION_LAG_LIMIT
        self._unanswered: dict[Waiter, float] = {}
        """Who waits for the journal, and until when, oldest first."""
        self._projection_waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._live_waiters: list[tuple[int, asyncio.Future[None]]] = []
        self.projector = Projector(
            conninfo(), loop=self._loop, on_progress=self._on_projected, on_stopped=self._on_projector_stopped
        )
        self._snapshots = SnapshotWorker(every=settings.SNAPSHOT_EVERY, pause_s=settings.SNAPSHOT_PAUSE_S)
        self.replica = Replica(
            ReplicaSettings(
                conninfo=conninfo(),
                poll_s=settings.JOURNAL_POLL_MS / 1000,
                batch_limit=settings.JOURNAL_BATCH_LIMIT,
                inbox_limit=settings.COMMAND_QUEUE_LIMIT,
            ),
            restore_at_most=lambda: self.projector.seq,
            on_caught_up=self._on_caught_up,
            publish=self._on_publication,
            project=self.projector.project,
            on_restored=self._on_restored,
            on_stopped=self._on_stopped,
        )

    def start(self) -> None:
        log.info("the engine is %s", FORM)
        self.projector.start()
        self.replica.start()
        self._loop.call_later(SWEEP_S, self._sweep)

    async def stop(self) -> None:
        """Answers what waits, writes what is folded, then ends the threads and the projector's process."""
        self.ready = False
        await asyncio.to_thread(self.replica.stop)
        await asyncio.to_thread(self.projector.stop)
        await asyncio.to_thread(self.pool.close)
        await asyncio.to_thread(self._snapshots.stop)
        log.info("stopped at event %s, state %s", self.replica.fold.seq, state_hash(self.replica.fold.engine))

    async def make_snapshot(self) -> None:
        """Before the end, so that the next start folds little. By the process that leads the projection."""
        if self.projector.leads:
            await asyncio.to_thread(self._snapshots.make_now)

    # Commands

    async def submit(self, command: Command, *, command_id: str, request_id: str) -> Answer:
        """Appends a command and waits until it is committed and applied.

        Raises Overloaded or ReplicaStopped (nothing was accepted), OutcomeUnknown.
        """
        future: asyncio.Future[Answer] = self._loop.create_future()
        self.submit_for(future, command, command_id=command_id, request_id=request_id)
        return await future

    def submit_for(self, waiter: Waiter, command: Command, *, command_id: str, request_id: str) -> None:
        """Appends a command; the waiter is told once it is committed and applied, or of OutcomeUnknown or CommandRefused.

        Raises Overloaded or ReplicaStopped: nothing was accepted, and the waiter is told nothing.
        """
        self._refuse_when_behind(is_urgent=type(command).__name__ in URGENT)
        wanted = draft(command, command_id=command_id, request_id=request_id)
        self.replica.submit(Submission(wanted, waiter, command=command))
        self._unanswered[waiter] = time.monotonic() + ANSWER_WAIT_S

    async def submit_together(
        self, commands: Sequence[tuple[str, Command]], *, request_id: str, urgent: bool = False
    ) -> list[Answer]:
        """Appends commands, each with its id before it, as consecutive events of one batch. Else as ``submit``."""
        self._refuse_when_behind(is_urgent=urgent)
        submissions = []
        futures: list[asyncio.Future[Answer]] = []
        for command_id, command in commands:
            futures.append(self._loop.create_future())
            wanted = draft(command, command_id=command_id, request_id=request_id)
            submissions.append(Submission(wanted, futures[-1], command=command))
        self.replica.submit_together(submissions, urgent=urgent)
        until = time.monotonic() + ANSWER_WAIT_S
        self._unanswered.update((future, until) for future in futures)
        return await asyncio.gather(*futures)

    async def ask(self, question: Callable[[Engine], T]) -> T:
        """Asks something of the engine as it stands after the last event; it must change nothing.

        Raises Overloaded or ReplicaStopped, TimeoutError.
        """
        self._refuse_when_behind(is_urgent=True)
        return await asyncio.wait_for(asyncio.wrap_future(self.replica.ask(question)), ANSWER_WAIT_S)

    def _refuse_when_behind(self, *, is_urgent: bool) -> None:
        if not self.ready:
            raise ReplicaStopped("the engine is still reading the journal")
        lag = self.live.seq - self.projector.seq
        if lag > self._lag_limit and not is_urgent:
            raise Overloaded(f"the read models are {lag} events behind")

    # Reading

    async def read(self, query: Callable[..., T], /, **arguments: Any) -> T:
        """Runs a query in a worker thread, on read models that include everything this process has answered."""
        await self.projected(self.live.seq)
        return await asyncio.to_thread(self._query, query, arguments)

    async def catch_up(self) -> None:
        """Waits until the live state has all that is committed now, whichever process committed it. Raises LiveBehind."""
        seq = await asyncio.to_thread(self._query, head_seq, {})
        if self.live.seq >= seq:
            return
        future: asyncio.Future[None] = self._loop.create_future()
        self._live_waiters.append((seq, future))
        self.replica.look()
        try:
            await asyncio.wait_for(future, CATCH_UP_WAIT_S)
        except TimeoutError:
            raise LiveBehind(f"this process is at event {self.live.seq}, not yet at {seq}") from None

    async def projected(self, seq: int) -> None:
        """Waits until the read models are at ``seq``. Raises ProjectionBehind after PROJECTION_WAIT_S."""
        if self.projector.seq >= seq:
            return
        future: asyncio.Future[None] = self._loop.create_future()
        self._projection_waiters.append((seq, future))
        self.projector.hurry()
        try:
            await asyncio.wait_for(future, PROJECTION_WAIT_S)
        except TimeoutError:
            raise ProjectionBehind(f"the read models are at event {self.projector.seq}, not yet at {seq}") from None

    def _query(self, query: Callable[..., T], arguments: dict[str, Any]) -> T:
        with self.pool.connection() as connection:
            return query(connection, **arguments)

    # Health

    def health(self) -> Health:
        engine = self.replica.stopped_because or self._engine_state()
        projector = self.projector.stopped_because or self.projector.interrupted_because or "ok"
        lag = self.live.seq - self.projector.seq
        if projector == "ok" and lag > self._lag_limit:
            projector = f"{lag} events behind"
        parts = {"engine": engine, "projector": projector}
        return Health(ready=all(part == "ok" for part in parts.values()), parts=parts, waiting=self.waiting)

    @property
    def engine_phase(self) -> EnginePhase:
        """As everybody is told it; an engine that cannot answer is suspended as well."""
        if self.live.closure is not None:
            return self.live.closure.engine
        return "open" if self.health().ready else "suspended"

    @property
    def notices(self) -> list[str]:
        """What everybody is told of the exchange as a whole."""
        own = [] if self.live.closure is None else [self.live.closure.notice]
        return [*own, *(one.words for one in self.announcements)]

    @property
    def announcements(self) -> list[Announcement]:
        """The staff's notices that stand now, newest first."""
        now_us = time.time_ns() // 1000
        return [one.announcement for one in self.announced if one.stands(now_us)]

    @property
    def waiting(self) -> int:
        """Commands that are not answered yet."""
        return len(self._unanswered)

    def _engine_state(self) -> str:
        """In words. Asks nobody: what waits and since when is known here."""
        if not self.ready:
            return "reading the journal"
        since = self.replica.retrying_since
        silent_s = 0.0 if since is None else time.monotonic() - since
        if silent_s > STALL_S:
            return f"the database has not done what was asked of it for {silent_s:.0f} s"
        oldest = next(iter(self._unanswered.values()), None)
        waited_s = 0.0 if oldest is None else time.monotonic() - oldest + ANSWER_WAIT_S
        if waited_s > STALL_S:
            return f"the journal stands at event {self.live.seq}, a command has waited for {waited_s:.0f} s"
        return "ok"

    # Callbacks on the engine thread

    def _on_restored(self, fold: Fold) -> None:
        """Before anything is folded: the projector learns of the markets that no event will tell it of."""
        self.projector.know(market.definition for market in fold.engine.markets.values())
        self._snapshots.last_seq = fold.seq

    def _on_caught_up(self, replica: Replica) -> None:
        engine = replica.fold.engine
        reached = threading.Event()
        self._loop.call_soon_threadsafe(self._notify_when_projected, engine.seq, reached)
        while not reached.wait(0.5):
            if self.projector.stopped_because is not None:
                raise ReplicaStopped(f"the projector stopped: {self.projector.stopped_because}")
        live = self._build_live(replica)
        log.info("read the journal to event %s, state %s", engine.seq, state_hash(engine))
        self._serving = True
        self._loop.call_soon_threadsafe(self._serve, live)

    def _build_live(self, replica: Replica) -> LiveState:
        engine = replica.fold.engine
        live = LiveState()
        with self.pool.connection() as connection:
            rows = queries.orders_by_number(connection, list(engine.orders))
            if len(rows) < len(engine.orders):
                raise ReplicaStopped("the read models lack open orders; manage.py rebuild makes them anew")
            live.load(engine, rows)
            live.load_reasons(queries.state_reasons(connection))
            for market in engine.markets:
                recent = queries.trades(connection, market=market, limit=RECENT_TRADES)
                live.load_history(
                    market,
                    queries.window_minutes(connection, market=market, now_us=engine.at_us),
                    (
                        TradePrint(t.id, t.seq, t.at_us, t.price_ticks, t.quantity_lots, t.quote_atoms, t.taker_side)
                        for t in reversed(recent)
                    ),
                )
        return live

    def _on_publication(self, publication: Publication) -> None:
        if self._serving:
            self._loop.call_soon_threadsafe(self._publish, publication)

    def _on_stopped(self, error: BaseException | None) -> None:
        self._loop.call_soon_threadsafe(self._stop_serving)

    # Callbacks of the projector, on the event loop

    def _on_projector_stopped(self, error: BaseException) -> None:
        """Without a projector orders are still safe. But this process's engine has come to something else than others, or
        has folded what is not there any more: it must not answer.
        """
        if isinstance(error, DatabaseLostData | OutcomesDiffer):
            self.replica.abort(f"{type(error).__name__}: {error}")
        self._wake_projection_waiters()

    def _on_projected(self, seq: int) -> None:
        self._wake_projection_waiters()

    # On the event loop

    def _serve(self, live: LiveState) -> None:
        """Begins to answer. What was loaded will live long and has no garbage in it: the collector need not look at it."""
        self.live = live
        self.ready = True
        spare_the_collector()

    def _publish(self, publication: Publication) -> None:
        for event in publication.applied:
            self.live.apply(event)
            for observer in self.observers:
                observer.on_event(event)
        self.live.set_levels(publication)
        for observer in self.observers:
            observer.on_batch(publication)
        if self._live_waiters:
            self._live_waiters = _wake(self._live_waiters, self.live.seq)
        now = time.monotonic()
        for submission, answer in publication.answers:
            waiter = submission.waiter
            if waiter is None:
                continue
            until = self._unanswered.pop(waiter, None)
            if until is not None:
                self.latencies.add(now - until + ANSWER_WAIT_S)
            if waiter.done():
                continue
            if answer.refused is None:
                waiter.set_result(answer)
            else:
                waiter.set_exception(CommandRefused(answer.refused))

    def _sweep(self) -> None:
        """Once in SWEEP_S: gives up on late answers, has a snapshot made if it is time."""
        self._give_up_on_late_answers()
        if self.ready and self.projector.leads:
            self._snapshots.make_if_due(self.projector.seq)
        self._loop.call_later(SWEEP_S, self._sweep)

    def _give_up_on_late_answers(self) -> None:
        """Tells those who have waited for ANSWER_WAIT_S that the outcome is unknown; one timer instead of one each."""
        now = time.monotonic()
        late = [waiter for waiter, until in itertools.takewhile(lambda one: one[1] < now, self._unanswered.items())]
        for waiter in late:
            del self._unanswered[waiter]
            if not waiter.done():
                waiter.set_exception(OutcomeUnknown("the journal did not answer in time"))

    def _stop_serving(self) -> None:
        """The engine thread has ended: whoever still waits learns it now."""
        self.ready = False
        unanswered, self._unanswered = self._unanswered, {}
        for waiter in unanswered:
            if not waiter.done():
                waiter.set_exception(OutcomeUnknown(self.replica.stopped_because or "the process is stopping"))

    def _notify_when_projected(self, seq: int, reached: threading.Event) -> None:
        if self.projector.seq >= seq:
            reached.set()
            return
        future: asyncio.Future[None] = self._loop.create_future()
        future.add_done_callback(lambda _: reached.set())
        self._projection_waiters.append((seq, future))
        self.projector.hurry()

    def _wake_projection_waiters(self) -> None:
        self._projection_waiters = _wake(self._projection_waiters, self.projector.seq)


def _wake(waiters: list[tuple[int, asyncio.Future[None]]], seq: int) -> list[tuple[int, asyncio.Future[None]]]:
    """Wakes those who wait for ``seq`` or less; returns the others."""
    waiting = []
    for wanted, future in waiters:
        if wanted > seq:
            waiting.append((wanted, future))
        elif not future.done():
            future.set_result(None)
    return [(wanted, future) for wanted, future in waiting if not future.done()]
