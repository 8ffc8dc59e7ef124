"""How long an order waits below the web layer until it is committed, applied and answered, while the projector runs.

Open loop: orders are due by a fixed schedule and counted from the moment at which they were due, not from when they were
sent; who is kept waiting by a stall counts as much as who caused it. Where the last answers come later than
SUSTAINED_S after the schedule's end, or the inbox overflows, the rate is not sustained and has no figures.
"""

import math
import threading
import time
from collections.abc import Sequence
from statistics import median

from benchmarks.flow import fund, order_drafts
from benchmarks.pipeline import running

RATES = {100: 10.0, 1_000: 3.0, 5_000: 3.0, 10_000: 3.0}
"""Orders per second, and for how many seconds: a thousand orders at least."""
QUANTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
SUSTAINED_S = 0.25
ANSWER_LIMIT_S = 15.0
RUNS = 3


def run(url: str) -> dict[str, float]:
    """Milliseconds; NaN for a rate that is not sustained in most of the runs."""
    fund(url)
    figures = {}
    for rate, seconds in RATES.items():
        runs = [_quantiles(_latencies(url, rate, seconds, seed)) for seed in range(RUNS)]
        runs.sort(key=lambda one: (math.isnan(one["p50"]), one["p50"]))
        for name in QUANTILES:
            values = [one[name] for one in runs if not math.isnan(one[name])]
            figures[f"latency_{rate}_ms_{name}"] = median(values) if 2 * len(values) > RUNS else math.nan
    return figures


def _quantiles(latencies_s: Sequence[float]) -> dict[str, float]:
    """In milliseconds; NaN without latencies."""
    ordered = sorted(latencies_s)
    if not ordered:
        return dict.fromkeys(QUANTILES, math.nan)
    return {name: 1000 * ordered[math.ceil(share * len(ordered)) - 1] for name, share in QUANTILES.items()}


def _latencies(url: str, rate: int, seconds: float, seed: int) -> list[float]:
    """In seconds; none if the rate is not sustained."""
    count = int(rate * seconds)
    drafts = list(order_drafts(count, seed))
    latencies_s: list[float] = []
    done = threading.Event()

    def answered(tags: Sequence[object]) -> None:
        now = time.perf_counter()
        latencies_s.extend(now - float(str(due)) for due in tags)
        if len(latencies_s) == count:
            done.set()

    with running(url, answered) as pipeline:
        started = time.perf_counter() + 0.1
        for number, draft in enumerate(drafts):
            due = started + number / rate
            _wait_until(due)
            if not pipeline.submit(draft, due):
                return []
        done.wait(ANSWER_LIMIT_S)
        return latencies_s if time.perf_counter() - due < SUSTAINED_S else []


def _wait_until(moment: float) -> None:
    while (wait_s := moment - time.perf_counter()) > 0:
        time.sleep(wait_s)
