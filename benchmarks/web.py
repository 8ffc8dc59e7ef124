"""Orders per second through the front door: REST with sessions, and the stream. Acknowledged means durable.

The server is started as `make run` starts it; the load comes from a process of its own on the same machine.
"""

import json
import subprocess
import sys
from statistics import median

from tests.server import Server

CONNECTIONS = 64
STREAM_CONNECTIONS = 16
SECONDS = 4.0
RUNS = 3
TRADERS = 16


def run(url: str) -> dict[str, float]:
    with Server(url) as server:
        traders = [server.trader(BTC="100", USD="10000000") for _ in range(TRADERS)]
        tokens = [trader.token for trader in traders]
        stream_tokens = [trader.get("/session/stream-token")["token"] for trader in traders]
        rest = [_load("rest", server.port, CONNECTIONS, tokens) for _ in range(RUNS)]
        stream = [_load("stream", server.port, STREAM_CONNECTIONS, stream_tokens) for _ in range(RUNS)]
    return {
        "rest_orders_per_s": median(run["orders_per_s"] for run in rest),
        "rest_ms_p50": median(run["p50_ms"] for run in rest),
        "rest_ms_p99": median(run["p99_ms"] for run in rest),
        "stream_orders_per_s": median(run["orders_per_s"] for run in stream),
    }


def _load(kind: str, port: int, connections: int, tokens: list[str]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.load", kind, str(port), str(connections), str(SECONDS)]
    finished = subprocess.run(command, input=json.dumps(tokens), capture_output=True, text=True, check=True)
    report = json.loads(finished.stdout)
    if report.pop("other"):
        raise RuntimeError(f"not every order was accepted: {finished.stdout}")
    return {name: float(value) for name, value in report.items()}
