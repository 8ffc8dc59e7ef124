"""How long commands took from their submission to their answer, counted in bounds; for monitoring.

By ``time.monotonic``: the event loop's own time stands still within a turn, and counts milliseconds.
"""

from bisect import bisect_left

BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Latencies:
    """``counts``: for each bound how many were within it and above the one before, at last those above all."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def cumulated(self) -> list[tuple[str, float]]:
        """How many were within each bound, the last of which is ``+Inf``, as Prometheus has it."""
        total, told = 0, []
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self.counts, strict=True):
            total += count
            told.append((bound, float(total)))
        return told
