"""``make soak``, ``python -m benchmarks.soak [--minutes N] [--rate R] [--replicas 1|2] [--seed N]``.

Starts a server or two with a PostgreSQL of their own, finds the rate that they sustain, and drives all kinds of requests
at half of it through the front door. At the end it says of each series whether it grew, and checks what must hold.
Exit code 1 if something grew or a check failed.
"""

import argparse
import asyncio
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import uvloop

from exchange.launch.postgres import EmbeddedPostgres
from tests.fixtures import Cluster, Database, manage
from tests.server import Server

from . import report
from .checks import check_book, check_journal, check_orders
from .crowd import Crowd
from .disk import per_order, sizes, wal_bytes
from .findings import Findings
from .rate import find_sustainable
from .samples import Sampler

SAMPLES = 240
"""So many at least are taken, but not more often than each second."""
SHARE = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description="Soak the exchange.")
    parser.add_argument("--minutes", type=float, default=20.0, help="how long (default: 20)")
    parser.add_argument("--rate", type=float, help="requests per second (default: half of what is sustained)")
    parser.add_argument("--replicas", type=int, default=1, choices=(1, 2), help="servers on one database (default: 1)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    state = Path(os.environ["KONTOR_STATE"])
    (state / "static").mkdir(parents=True, exist_ok=True)
    with EmbeddedPostgres(state) as postgres:
        failed = _soak(_lay_out(postgres), arguments)
    postgres.discard()
    shutil.rmtree(state)
    return int(failed)


def _lay_out(postgres: EmbeddedPostgres) -> Database:
    database = Cluster(postgres).copy("kontor", "soak")
    manage("migrate", "--noinput", url=database.owner_url)
    manage("lay_out_demo", url=database.url)
    return database


def _soak(database: Database, arguments: argparse.Namespace) -> bool:
    """Whether anything was wrong."""
    findings = Findings()
    with ExitStack() as running:
        servers = [running.enter_context(Server(database.url)) for _ in range(arguments.replicas)]
        crowd = Crowd(servers, findings, arguments.seed)
        growing = uvloop.run(_meet(crowd, servers, findings, arguments))
        for server in servers:
            server.terminate()
    check_journal(database.url, findings)
    report.show_checks(findings)
    for name in growing:
        print(f"\nGROWING: {name}")
    return bool(findings.wrong or growing)


async def _meet(
    crowd: Crowd, servers: Sequence[Server], findings: Findings, arguments: argparse.Namespace
) -> list[str]:
    """The crowd gathers, trades, is asked what it believes, and leaves. Returns the names of the series that grew."""
    await crowd.gather()
    rate = arguments.rate or await _half_of_sustainable(crowd)
    print(f"{rate:,.0f} requests a second for {arguments.minutes:g} minutes, {len(servers)} server(s)", flush=True)
    url, orders = servers[0].database_url, findings.orders
    tables, wal = sizes(url), wal_bytes(url)
    sampler = Sampler(servers, crowd.latencies, findings)
    await _trade(crowd, sampler, rate, arguments.minutes * 60)
    await check_orders(crowd, servers, findings)
    await crowd.leave()
    check_book(sampler.series["open orders"], crowd.customers, findings)
    trends = report.trends(sampler.series, warm_s=sampler.warm_s)
    report.show_trends(trends)
    report.show_times(crowd.latencies.by_kind)
    orders = findings.orders - orders
    report.show_disk(per_order(tables, sizes(url), orders), (wal_bytes(url) - wal) / orders)
    return [name for name, trend in trends.items() if trend.verdict == "growing"]


async def _half_of_sustainable(crowd: Crowd) -> float:
    sustained = await find_sustainable(crowd)
    print(f"{sustained:,.0f} requests a second of this mix are sustained on this machine")
    return SHARE * sustained


async def _trade(crowd: Crowd, sampler: Sampler, rate: float, seconds: float) -> None:
    sampling = asyncio.create_task(sampler.run(max(1.0, seconds / SAMPLES)))
    await crowd.trade(rate, seconds)
    sampling.cancel()
    with suppress(asyncio.CancelledError):
        await sampling


if __name__ == "__main__":
    sys.exit(main())
