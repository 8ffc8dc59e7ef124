"""Durable orders per second below the web layer: journal and engine alone, and with read models and books keeping up.

Orders are handed to the engine thread as a web process does, so many at a time. Journal and engine alone are what a
process without a projector does; with projections the clock stops when the last order is in the read models and books.
"""

from statistics import median

from benchmarks.flow import fund, order_drafts
from benchmarks.pipeline import throughput

ORDERS = 30_000
IN_FLIGHT = 2_000
LAG_LIMIT = 5_000
"""So many events the read models may be behind; then the orders wait."""
RUNS = 3


def run(url: str) -> dict[str, float]:
    """Leaves the journal ahead of the read models: for a database of its own."""
    fund(url)
    durable = median(_orders(url, seed, projecting=True) for seed in range(RUNS))
    journal = median(_orders(url, seed, projecting=False) for seed in range(RUNS, 2 * RUNS))
    return {"durable_orders_per_s": durable, "journal_orders_per_s": journal}


def _orders(url: str, seed: int, *, projecting: bool) -> float:
    drafts = order_drafts(ORDERS, seed)
    return throughput(url, drafts, in_flight=IN_FLIGHT, projecting=projecting, lag_limit=LAG_LIMIT)
