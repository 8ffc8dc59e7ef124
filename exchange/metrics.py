"""``GET /metrics``: how this process is, in Prometheus's text format, for callers from METRICS_FROM.

Read when it is asked for, from what the parts know of themselves; what custody knows is read from the database.
"""

import asyncio
import datetime as dt
import ipaddress
import logging
from collections.abc import Iterator

from django.conf import settings
from django.db import Error as DatabaseError
from prometheus_client import CONTENT_TYPE_LATEST, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from accounts.problems import METHOD_NOT_ALLOWED, NOT_FOUND, Problem
from funding.gauges import Gauges, load_gauges
from trading.api.http import Content, Request, Send, respond, respond_problem
from trading.runtime import Runtime
from trading.stream.hub import Hub

log = logging.getLogger(__name__)

PATH = "/metrics"
FORWARDED = (b"forwarded", b"x-forwarded-for")
"""What a proxy adds: behind one nobody is local, whoever the proxy is."""


async def serve_metrics(runtime: Runtime, hub: Hub, request: Request, send: Send) -> None:
    """Others than METRICS_FROM are told that there is nothing here."""
    if not _may_read(request):
        await respond_problem(send, request, Problem(NOT_FOUND, "There is nothing here."))
    elif request.method not in ("GET", "HEAD"):
        allowed = {"Allow": "GET, HEAD"}
        await respond_problem(send, request, Problem(METHOD_NOT_ALLOWED, "GET it.", headers=allowed))
    else:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        registry.register(_Exchange(runtime, hub, await _custody()))
        await respond(send, request, 200, Content(CONTENT_TYPE_LATEST.encode(), generate_latest(registry)))


def _may_read(request: Request) -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.address)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network) for network in settings.METRICS_FROM)


async def _custody() -> Gauges | None:
    try:
        return await asyncio.to_thread(load_gauges, now=dt.datetime.now(dt.UTC))
    except DatabaseError as error:
        log.warning("the gauges of custody were not read: %s", str(error).strip())
        return None


class _Exchange(Collector):
    """The exchange's own metrics, at one moment."""

    def __init__(self, runtime: Runtime, hub: Hub, custody: Gauges | None) -> None:
        self._runtime = runtime
        self._hub = hub
        self._custody = custody

    def collect(self) -> Iterator[Metric]:
        runtime = self._runtime
        live, projected = runtime.live.seq, runtime.projector.seq
        yield _gauge("kontor_journal_sequence", "The last event of the journal that this process has applied", live)
        yield _gauge("kontor_projected_sequence", "The last event that the read models and books have", projected)
        yield _gauge(
            "kontor_projection_lag_events", "Events that the read models and books do not have yet", live - projected
        )
        yield _gauge("kontor_commands_waiting", "Commands that are not answered yet", runtime.waiting)
        yield _gauge("kontor_stream_clients", "Connections of the stream", self._hub.connected)
        yield self._latencies()
        yield self._parts()
        if self._custody is not None:
            yield from _custody_metrics(self._custody)

    def _latencies(self) -> Metric:
        metric = HistogramMetricFamily(
            "kontor_command_seconds", "From a command's submission until it is durable and answered"
        )
        latencies = self._runtime.latencies
        metric.add_metric([], latencies.cumulated(), latencies.sum_s)
        return metric

    def _parts(self) -> Metric:
        metric = GaugeMetricFamily("kontor_part_ok", "Whether this part serves, see /health/ready", labels=["part"])
        for part, words in self._runtime.health().parts.items():
            metric.add_metric([part], float(words == "ok"))
        return metric


def _custody_metrics(custody: Gauges) -> Iterator[Metric]:
    ages = GaugeMetricFamily(
        "kontor_node_tip_age_seconds", "Since the chain was last read to its tip", labels=["chain"]
    )
    for chain, age_s in custody.tip_age_s.items():
        ages.add_metric([chain], float("inf") if age_s is None else age_s)
    hot = GaugeMetricFamily("kontor_hot_balance", "What is in the hot wallet, in whole units", labels=["asset"])
    for asset, amount in custody.hot.items():
        hot.add_metric([asset], amount)
    yield ages
    yield hot
    yield _gauge("kontor_custody_alarms", "Alarms of custody that are open", custody.alarms)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)
