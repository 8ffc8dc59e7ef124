"""What a load generator's connections saw together. Seconds inside, milliseconds in the report."""

import resource
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Measured:
    """``latencies_s`` of accepted orders. ``late_s``: how much later than due the generator itself sent orders whose
    connection was free. ``other``: answers that were no acceptance, by their code.
    """

    latencies_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)

    def report(self, elapsed_s: float, cpu_s: float) -> dict[str, object]:
        """``cpu_s``: what the generator has used of the machine meanwhile."""
        count = len(self.latencies_s)
        figures: dict[str, object] = {
            "orders_per_s": count / elapsed_s,
            "ms_p50": _quantile_ms(self.latencies_s, 0.5),
            "ms_p99": _quantile_ms(self.latencies_s, 0.99),
            "generator_cpu_us": 1_000_000 * cpu_s / max(count, 1),
            "other": dict(self.other),
        }
        if self.late_s:
            figures["generator_late_ms_p99"] = _quantile_ms(self.late_s, 0.99)
        return figures


def own_cpu_s() -> float:
    """CPU seconds that this process has used, in the kernel too."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _quantile_ms(values_s: Sequence[float], share: float) -> float:
    ordered = sorted(values_s)
    return ordered[int(len(ordered) * share)] * 1000 if ordered else 0.0
