"""Many readers of the stream: how late they hear, what one costs, and whether those that stall delay orders.

The readers are in a process of their own on the same machine, and share its cores with the server.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from benchmarks.processes import usage_of, worker_under
from tests.server import Server, Trader, wait_until

READERS = 10_000
STALLED = 1_000
UPDATES, PAUSE_S = 40, 0.5
ORDERS = 2_500
"""More than may wait for a reader that stalls."""
STALLING = 1_000
"""Until all that lies between is full, and a reader that stalls can be told from one that reads."""
OUTBOX_S = 15.0
"""How long those that stall are left alone, so that their outboxes are full and they are closed."""


def run(url: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    for measure in (_reading, _stalled):
        with Server(url) as server:
            figures |= measure(server, server.trader(BTC="100", USD="10000000"))
    return figures


def _reading(server: Server, trader: Trader) -> dict[str, float]:
    """READERS of one book, which changes UPDATES times."""
    pid = worker_under(server.pid)
    empty_mib = usage_of(pid).rss_mib
    with _listening("reading", server.port, READERS) as listeners:
        full_mib, before_s = usage_of(pid).rss_mib, _cpu_s(pid)
        for number in range(UPDATES):
            trader.order("sell", "0.01", str(70_000 - number)).raise_for_status()
            time.sleep(PAUSE_S)
        spent_s = _cpu_s(pid) - before_s
        told = _report(listeners)
    trader.http.delete("/trade/orders").raise_for_status()
    if told["delivered"] != READERS * UPDATES or told["lost"]:
        raise RuntimeError(f"not every reader heard everything: {told}")
    return {
        "readers": READERS,
        "reader_ms_p50": told["p50"],
        "reader_ms_p99": told["p99"],
        "reader_ms_max": told["max"],
        "reader_delivery_cpu_us": spent_s / told["delivered"] * 1_000_000,
        "reader_memory_kib": (full_mib - empty_mib) * 1024 / READERS,
    }


def _stalled(server: Server, trader: Trader) -> dict[str, float]:
    """Orders one after the other: beside STALLED readers that read, alone, beside as many that do not, and when those are gone."""
    pid = worker_under(server.pid)
    alone = usage_of(pid)
    with _listening("reading", server.port, STALLED) as listeners:
        figures = _order_ms(trader, "reading")
        _report(listeners)
    wait_until(lambda: usage_of(pid).files < alone.files + STALLED // 10, what="the readers are gone")
    figures |= _order_ms(trader, "alone")
    before_mib = usage_of(pid).rss_mib
    with _listening("stalled", server.port, STALLED) as listeners:
        figures |= _order_ms(trader, "stalling", STALLING)
        figures |= _order_ms(trader, "stalled")
        figures["stalled_memory_kib"] = (usage_of(pid).rss_mib - before_mib) * 1024 / STALLED
        time.sleep(OUTBOX_S)
        figures["stalled_still_open"] = usage_of(pid).files - alone.files
        figures |= _order_ms(trader, "released")
        _report(listeners)
    return figures


def _order_ms(trader: Trader, name: str, orders: int = ORDERS) -> dict[str, float]:
    times_ms = []
    for number in range(orders):
        began = time.perf_counter()
        order = trader.order("sell", "0.01", str(70_000 - number % 50))
        times_ms.append((time.perf_counter() - began) * 1000)
        if order.raise_for_status() and number % 50 == 49:
            trader.http.delete("/trade/orders").raise_for_status()
    cuts = quantiles(times_ms, n=100)
    return {f"order_{name}_ms_p50": cuts[49], f"order_{name}_ms_p99": cuts[98]}


@contextmanager
def _listening(kind: str, port: int, count: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "benchmarks.listeners", kind, str(port), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as listeners:
        try:
            if listeners.stdout is None or listeners.stdout.readline() != "ready\n":
                raise RuntimeError("the readers could not connect")
            yield listeners
        finally:
            listeners.kill()


def _report(listeners: "subprocess.Popen[str]") -> dict[str, float]:
    if listeners.stdin is None or listeners.stdout is None:
        raise RuntimeError("the readers have no pipes")
    listeners.stdin.write("\n")
    listeners.stdin.flush()
    told: dict[str, float] = json.loads(listeners.stdout.readline())
    return told


def _cpu_s(pid: int) -> float:
    """User and system time of a process; the kernel counts hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
