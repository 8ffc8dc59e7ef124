"""How many requests a second of the soak's mix this machine sustains: doubled until answers come late, then closer."""

from .crowd import Crowd
from .latency import Histogram, Latencies

FIRST_RATE = 250.0
PROBE_S = 4.0
LATE_S = 0.2
"""At a rate that is not sustained the delay grows all through a probe: then more than one answer in ten is so late."""
HALVINGS = 2


async def find_sustainable(crowd: Crowd) -> float:
    """Requests per second; leaves the crowd's latencies empty."""
    sustained = FIRST_RATE
    while not await _is_sustained(crowd, sustained):
        sustained /= 2
    while await _is_sustained(crowd, 2 * sustained):
        sustained *= 2
    step = sustained / 2
    for _ in range(HALVINGS):
        if await _is_sustained(crowd, sustained + step):
            sustained += step
        step /= 2
    crowd.latencies = Latencies()
    return sustained


async def _is_sustained(crowd: Crowd, rate: float) -> bool:
    crowd.latencies = Latencies()
    await crowd.trade(rate, PROBE_S)
    everything = Histogram.sum(crowd.latencies.by_kind.values())
    return everything.quantile_s(0.9) < LATE_S
