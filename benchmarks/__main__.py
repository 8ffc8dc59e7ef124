"""``make bench``: every figure of docs/benchmarks.md in one run, with the machine's limits beside them."""

import json
import os
import platform
from pathlib import Path

from exchange.launch.postgres import EmbeddedPostgres
from tests.fixtures import Cluster, manage

from . import database, durable, engine, web

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / ".state" / "bench.json"


def main() -> None:
    state = Path(os.environ["KONTOR_STATE"])
    state.mkdir(parents=True, exist_ok=True)
    figures: dict[str, float] = {}
    with EmbeddedPostgres(state) as postgres:
        cluster = Cluster(postgres)
        template = cluster.copy("kontor", "bench_template")
        manage("migrate", "--noinput", url=template.owner_url)
        manage("lay_out_demo", url=template.url)
        for name, measure in (
            ("the machine", lambda: database.run(template.owner_url)),
            ("the engine", engine.run),
            ("REST and stream", lambda: web.run(cluster.copy("bench_template").url)),
            ("journal, engine and projection", lambda: durable.run(cluster.copy("bench_template").url)),
        ):
            print(f"measuring {name} …", flush=True)
            figures |= measure()  # type: ignore[no-untyped-call]
    postgres.discard()
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; medians of 3 runs\n")
    for name, value in figures.items():
        print(f"{name:<24}{value:>14,.2f}" if value < 100 else f"{name:<24}{value:>14,.0f}")
    RESULT.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"\nwritten to {RESULT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
