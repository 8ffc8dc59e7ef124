"""Journal, engine and projections put together as a web process does it, without the web: what the benchmarks feed.

The one place in ``benchmarks`` that knows how a replica and a projector are made.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Semaphore, Thread

from exchange.worker import SWITCH_INTERVAL_S
from trading.applied import Applied
from trading.collector import spare_the_collector
from trading.fold import Fold
from trading.inbox import Overloaded
from trading.journal.records import Draft
from trading.projections.projector import Projector
from trading.publications import Publication, Submission
from trading.replica import Replica, ReplicaSettings

INBOX = 10_000
START_LIMIT_S = 120.0
POLL_S = 0.005

Answered = Callable[[Sequence[object]], None]
"""Told on the engine's thread which tags were answered, all at once."""


class Pipeline:
    """``submit`` hands a draft to the engine's thread; its tag comes back when it is committed and applied.

    Made by ``running``. ``seq``: the last event that was answered.
    """

    def __init__(self, url: str, answered: Answered, *, projecting: bool) -> None:
        self.seq = 0
        self.failed_because: BaseException | None = None
        self._answered = answered
        self._caught_up = Event()
        self._projecting = projecting
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="event loop", daemon=True)
        self._projector = Projector(url, loop=self._loop, on_progress=lambda seq: None, on_stopped=self._on_stopped)
        self._replica = Replica(
            ReplicaSettings(conninfo=url, poll_s=0.05, batch_limit=1000, inbox_limit=INBOX),
            restore_at_most=lambda: self._projector.seq,
            on_caught_up=lambda _: self._caught_up.set(),
            publish=self._on_publication,
            project=self._projector.project if projecting else _ignore,
            on_restored=self._on_restored,
            on_stopped=self._on_stopped,
        )

    def submit(self, draft: Draft, tag: object) -> bool:
        """False if the inbox is full. Raises RuntimeError once a thread has failed."""
        if self.failed_because is not None:
            raise RuntimeError("the pipeline stopped") from self.failed_because
        try:
            self._replica.submit(Submission(draft, tag))  # type: ignore[arg-type]
        except Overloaded:
            return False
        return True

    @property
    def lag(self) -> int:
        """Events that are answered and not in the read models yet."""
        return self.seq - self._projector.seq

    def wait_until_projected(self, *, within: int = 0) -> None:
        """Until the read models are at most so many events behind."""
        while self.lag > within:
            if self.failed_because is not None:
                raise RuntimeError("the pipeline stopped") from self.failed_because
            time.sleep(POLL_S)

    def start(self) -> None:
        self._thread.start()
        if self._projecting:
            asyncio.run_coroutine_threadsafe(self._start_projector(), self._loop).result()
        self._replica.start()
        if not self._caught_up.wait(START_LIMIT_S):
            raise RuntimeError(f"the journal was not read within {START_LIMIT_S} s: {self._replica.stopped_because}")

    def stop(self) -> None:
        self._replica.stop()
        self._projector.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start_projector(self) -> None:
        self._projector.start()

    def _on_restored(self, fold: Fold) -> None:
        self._projector.know(market.definition for market in fold.engine.markets.values())

    def _on_stopped(self, error: BaseException | None) -> None:
        self.failed_because = self.failed_because or error

    def _on_publication(self, publication: Publication) -> None:
        if publication.answers:
            self.seq = publication.answers[-1][1].seq
            self._answered([submission.future for submission, _ in publication.answers])


@contextmanager
def running(url: str, answered: Answered, *, projecting: bool = True) -> Iterator[Pipeline]:
    """A started pipeline, with the interpreter set as in a web worker."""
    interval_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    pipeline = Pipeline(url, answered, projecting=projecting)
    pipeline.start()
    spare_the_collector()
    try:
        yield pipeline
    finally:
        pipeline.stop()
        sys.setswitchinterval(interval_s)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def throughput(url: str, drafts: Iterable[Draft], *, in_flight: int, projecting: bool, lag_limit: int) -> float:
    """Drafts per second, so many under way at a time; with projections until the last is in the read models.

    The drafts are drawn before, for that is not the exchange's work.
    """
    places, drafts = Semaphore(in_flight), list(drafts)
    with running(url, lambda tags: places.release(len(tags)), projecting=projecting) as pipeline:
        started = time.perf_counter()
        for count, draft in enumerate(drafts, start=1):
            places.acquire()
            if projecting and count % in_flight == 0:
                pipeline.wait_until_projected(within=lag_limit)
            pipeline.submit(draft, None)
        for _ in range(in_flight):
            places.acquire()
        if projecting:
            pipeline.wait_until_projected()
        return count / (time.perf_counter() - started)


def _ignore(applied: Sequence[Applied]) -> None:
    """No read models."""
