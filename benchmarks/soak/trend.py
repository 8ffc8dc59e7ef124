"""Whether a series is flat or grows: a line through its second half, with the bounds of its slope.

The first half is warm-up, and more of it if the server's caches were not full by then: what grows meanwhile is meant to.
What still grows in the rest is judged by its slope: samples close in time are alike, so they are cut into BLOCKS means,
and Student's distribution over these gives the 95 % bounds. *Flat*: the upper bound is below what is relevant. *Growing*:
the lower bound is above it. Between the two the soak was too short to tell, and says so.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

BLOCKS = 10
STUDENT_95 = 2.306
"""Two-sided, for BLOCKS - 2 degrees of freedom."""
EDGE = 10
"""Start and end of a series are the means of its first and last tenth."""

Sample = tuple[float, float]
"""Seconds since the start, and the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relevance:
    """How much growth in an hour matters: a share of the level, and never less than ``least``."""

    share: float
    least: float

    def per_hour(self, level: float) -> float:
        return max(self.share * abs(level), self.least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """``slope`` and ``bound`` are per hour: the slope is within the bound of the truth, 19 times of 20.

    With hardly any samples after the warm-up nothing is known: the bound is infinite.
    """

    start: float
    end: float
    slope: float
    bound: float
    relevant: float

    @property
    def verdict(self) -> str:
        if self.slope - self.bound > self.relevant:
            return "growing"
        return "flat" if self.slope + self.bound < self.relevant else "too short to tell"


def judge(samples: Sequence[Sample], relevance: Relevance, *, warm_s: float) -> Trend:
    """``warm_s``: until then caches filled. Raises ValueError without samples."""
    if not samples:
        raise ValueError("a series without samples has no trend")
    edge = max(1, len(samples) // EDGE)
    start, end = (mean(value for _, value in part) for part in (samples[:edge], samples[-edge:]))
    judged = [sample for sample in samples[len(samples) // 2 :] if sample[0] >= warm_s]
    slope, bound = _slope(_blocks(judged)) if len(judged) >= BLOCKS else (0.0, math.inf)
    return Trend(start=start, end=end, slope=slope, bound=bound, relevant=relevance.per_hour(end))


def _blocks(samples: Sequence[Sample]) -> list[Sample]:
    """The means of BLOCKS parts of almost equal length, in hours and values."""
    cuts = [len(samples) * n // BLOCKS for n in range(BLOCKS + 1)]
    parts = [samples[first:last] for first, last in itertools.pairwise(cuts)]
    return [(mean(at for at, _ in part) / 3600, mean(value for _, value in part)) for part in parts]


def _slope(points: Sequence[Sample]) -> tuple[float, float]:
    """The slope of the line of least squares, and the half width of its 95 % interval."""
    at, value = mean(x for x, _ in points), mean(y for _, y in points)
    spread = sum((x - at) ** 2 for x, _ in points)
    slope = sum((x - at) * (y - value) for x, y in points) / spread
    residual = sum((y - value - slope * (x - at)) ** 2 for x, y in points)
    return slope, STUDENT_95 * math.sqrt(residual / (len(points) - 2) / spread)
