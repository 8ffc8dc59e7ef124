"""Answer times by kind of request, in bounded memory: counts in buckets 2 % apart, in seconds."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Self

_STEP = math.log(1.02)
_LEAST_S = 1e-5


class Histogram:
    def __init__(self) -> None:
        self.count = 0
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        self.count += 1
        self._buckets[math.ceil(math.log(max(seconds, _LEAST_S)) / _STEP)] += 1

    @classmethod
    def sum(cls, parts: Iterable["Histogram"]) -> Self:
        whole = cls()
        for part in parts:
            whole.count += part.count
            whole._buckets.update(part._buckets)
        return whole

    def quantile_s(self, share: float) -> float:
        """The time that this share of the answers kept; at most 2 % too much. 0 if there was none."""
        wanted = share * self.count
        for bucket in sorted(self._buckets):
            wanted -= self._buckets[bucket]
            if wanted <= 0:
                return math.exp(bucket * _STEP)
        return 0.0


class Latencies:
    """Of the whole soak by kind, and of the time since the last ``take_window`` by group of kinds."""

    def __init__(self) -> None:
        self.by_kind: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._window: defaultdict[str, Histogram] = defaultdict(Histogram)

    def note(self, kind: str, group: str, seconds: float) -> None:
        self.by_kind[kind].add(seconds)
        self._window[group].add(seconds)

    def take_window(self) -> dict[str, Histogram]:
        taken, self._window = self._window, defaultdict(Histogram)
        return taken
