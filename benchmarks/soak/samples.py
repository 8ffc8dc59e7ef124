"""What is sampled while a soak goes on, and how much growth of each series would matter."""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Sequence

import httpx
import psycopg

from benchmarks.processes import usage_of, worker_under
from tests.server import Server

from .findings import Findings
from .latency import Latencies
from .trend import Relevance, Sample

_QUERY = """
SELECT (SELECT seq FROM journal_head) - (SELECT seq FROM projection_checkpoint),
       (SELECT count(*) FROM trading_order WHERE status = 'open'),
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())
"""
WARM_ORDERS = 50_000
"""A server keeps the last 20,000 closed orders; after so many its caches are full, and its heap has found its size."""

_MEMORY = Relevance(share=0.05, least=5.0)
_COUNT = Relevance(share=0.05, least=2.0)
_LAG = Relevance(share=0.2, least=500.0)
_TIME = Relevance(share=0.25, least=2.0)
_RELEVANCE = {
    "memory": _MEMORY,
    "files": _COUNT,
    "threads": _COUNT,
    "connections": _COUNT,
    "open orders": Relevance(share=0.05, least=100.0),
    "lag": _LAG,
    "commands": Relevance(share=0.5, least=10.0),
    "p50": _TIME,
    "p99": _TIME,
}


def relevance_of(series: str) -> Relevance:
    """By the first words of a series' name."""
    return next(relevance for name, relevance in _RELEVANCE.items() if series.startswith(name))


class Sampler:
    """Series by name, each a list of (seconds since the start, value). ``warm_s``: when WARM_ORDERS had been placed."""

    def __init__(self, servers: Sequence[Server], latencies: Latencies, findings: Findings) -> None:
        self.series: defaultdict[str, list[Sample]] = defaultdict(list)
        self.warm_s = math.inf
        self._findings = findings
        self._workers = [worker_under(server.pid) for server in servers]
        self._servers = servers
        self._url = servers[0].database_url
        self._latencies = latencies
        self._started = time.monotonic()

    async def run(self, every_s: float) -> None:
        """Until cancelled."""
        with psycopg.connect(self._url, autocommit=True) as database:
            while True:
                await asyncio.sleep(every_s)
                self._note_warmth()
                self._note_processes()
                self._note_times()
                await asyncio.to_thread(self._note_database, database)
                await asyncio.to_thread(self._note_queues)

    def _note(self, name: str, value: float) -> None:
        self.series[name].append((time.monotonic() - self._started, value))

    def _note_warmth(self) -> None:
        if math.isinf(self.warm_s) and self._findings.orders >= WARM_ORDERS:
            self.warm_s = time.monotonic() - self._started

    def _note_processes(self) -> None:
        for number, worker in enumerate(self._workers, start=1):
            usage = usage_of(worker)
            self._note(f"memory of server {number}, MiB", usage.rss_mib)
            self._note(f"files of server {number}", usage.files)
            self._note(f"threads of server {number}", usage.threads)

    def _note_times(self) -> None:
        for group, times in sorted(self._latencies.take_window().items()):
            self._note(f"p50 of {group}s, ms", times.quantile_s(0.5) * 1000)
            self._note(f"p99 of {group}s, ms", times.quantile_s(0.99) * 1000)

    def _note_queues(self) -> None:
        for number, server in enumerate(self._servers, start=1):
            health = httpx.get(f"{server.url}/health/ready").json()
            self._note(f"commands waiting at server {number}", health["waiting"])

    def _note_database(self, database: "psycopg.Connection[tuple[int, int, int]]") -> None:
        row = database.execute(_QUERY).fetchone()
        if row is not None:
            self._note("lag of the read models, events", row[0])
            self._note("open orders", row[1])
            self._note("connections to the database", row[2])
