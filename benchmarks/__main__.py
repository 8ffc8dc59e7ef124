"""``make bench``, ``python -m benchmarks [GROUP …]``: the figures of docs/benchmarks.md, the machine's limits beside them.

Without a group all are measured; the machine's limits always are, first. Each group has a database of its own. A rate that
was not sustained has no figure.
"""

import argparse
import json
import logging
import math
import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

from exchange.launch.postgres import EmbeddedPostgres
from tests.fixtures import Cluster, Database, manage

from . import ceiling, database, durable, engine, latency, readers, startup, takeover, web

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / ".state" / "bench.json"
RATIOS = {
    "journal_of_copy": ("journal_orders_per_s", "copy_rows_per_s"),
    "durable_of_ceiling": ("durable_orders_per_s", "ceiling_orders_per_s"),
}
"""How much of a limit of the machine is used."""
GROUPS: dict[str, tuple[str, Callable[[Cluster], dict[str, float]]]] = {
    "engine": ("the engine", lambda cluster: engine.run()),
    "web": ("REST and stream", lambda cluster: web.run(_fresh(cluster).url)),
    "readers": ("many readers of the stream", lambda cluster: readers.run(_fresh(cluster).url)),
    "durable": ("journal, engine and projection", lambda cluster: durable.run(_fresh(cluster).url)),
    "latency": ("answer times by rate", lambda cluster: latency.run(_fresh(cluster).url)),
    "takeover": ("take-over", takeover.run),
    "startup": ("starts with a long journal", lambda cluster: startup.run(_fresh(cluster))),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all without one")
    groups = parser.parse_args().groups or list(GROUPS)
    if unknown := set(groups) - GROUPS.keys():
        parser.error(f"there is no group {', '.join(sorted(unknown))}")
    for chatty in ("httpx", "trading"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; medians of 3 runs\n")
    figures = _measure(groups)
    written = {name: value if math.isfinite(value) else None for name, value in figures.items()}
    RESULT.write_text(json.dumps(written, indent=1) + "\n")
    print(f"\nwritten to {RESULT.relative_to(ROOT)}")


def _measure(groups: list[str]) -> dict[str, float]:
    state = Path(os.environ["KONTOR_STATE"])
    state.mkdir(parents=True, exist_ok=True)
    with EmbeddedPostgres(state) as postgres:
        cluster = Cluster(postgres)
        template = cluster.copy("kontor", "bench_template")
        manage("migrate", "--noinput", url=template.owner_url)
        manage("lay_out_demo", url=template.url)
        figures = _told("the machine", database.run(_fresh(cluster).owner_url) | ceiling.run(_fresh(cluster).owner_url))
        for group in groups:
            title, measure = GROUPS[group]
            figures |= _told(title, measure(cluster))
    postgres.discard()
    shutil.rmtree(state)
    return figures | _told("what is used of the machine's limits", _ratios(figures))


def _told(title: str, figures: dict[str, float]) -> dict[str, float]:
    """At once: whatever comes of the groups after it, these are measured."""
    print(f"{title}:", flush=True)
    for name, value in figures.items():
        print(f"  {name:<42}{_text(value):>16}", flush=True)
    return figures


def _fresh(cluster: Cluster) -> Database:
    return cluster.copy("bench_template")


def _ratios(figures: dict[str, float]) -> dict[str, float]:
    return {
        name: figures[part] / figures[whole]
        for name, (part, whole) in RATIOS.items()
        if part in figures and whole in figures
    }


def _text(value: float) -> str:
    if not math.isfinite(value):
        return "not sustained"
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


if __name__ == "__main__":
    main()
