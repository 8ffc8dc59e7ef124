"""The tables at the end of a soak."""

import math
from collections.abc import Mapping, Sequence

from .checks import CHECKS
from .findings import Findings
from .latency import Histogram
from .samples import relevance_of
from .trend import Sample, Trend, judge


def trends(series: Mapping[str, Sequence[Sample]], *, warm_s: float) -> dict[str, Trend]:
    return {name: judge(samples, relevance_of(name), warm_s=warm_s) for name, samples in series.items()}


def show_trends(found: Mapping[str, Trend]) -> None:
    print(f"\n{'series':<34}{'start':>10}{'end':>10}{'per hour':>12}{'±':>10}{'relevant':>10}  verdict")
    for name, trend in found.items():
        slope = f"{trend.slope:>+12,.1f}{trend.bound:>10,.1f}" if math.isfinite(trend.bound) else f"{'?':>12}{'?':>10}"
        print(f"{name:<34}{trend.start:>10,.1f}{trend.end:>10,.1f}{slope}{trend.relevant:>10,.1f}  {trend.verdict}")


def show_times(by_kind: Mapping[str, Histogram]) -> None:
    print(f"\n{'answer times':<34}{'count':>10}{'p50 ms':>10}{'p99 ms':>12}")
    for kind, times in sorted(by_kind.items(), key=lambda item: -item[1].count):
        p50, p99 = (times.quantile_s(share) * 1000 for share in (0.5, 0.99))
        print(f"{kind:<34}{times.count:>10,}{p50:>10.1f}{p99:>12.1f}")


def show_disk(per_order: Mapping[str, tuple[float, float]], wal: float) -> None:
    """``wal``: bytes of WAL per order."""
    print(f"\n{'bytes on disk per order':<34}{'rows':>10}{'indexes':>10}{'together':>12}")
    for table, (rows, indexes) in per_order.items():
        print(f"{table:<34}{rows:>10,.0f}{indexes:>10,.0f}{rows + indexes:>12,.0f}")
    rows, indexes = (sum(one[part] for one in per_order.values()) for part in (0, 1))
    print(f"{'all':<34}{rows:>10,.0f}{indexes:>10,.0f}{rows + indexes:>12,.0f}")
    print(f"{'write-ahead log, to be archived':<34}{'':>20}{wal:>12,.0f}")


def show_checks(findings: Findings) -> None:
    print()
    for check in CHECKS:
        wrong = findings.wrong[check]
        print(f"{'WRONG' if wrong else 'ok':<7}{check}{f': {wrong} times' if wrong else ''}")
    for words in findings.words:
        print(f"       {words}")
    print(
        f"\n{findings.orders:,} orders, {findings.cancels:,} cancels, of which {findings.races:,} met an order that was just"
        f" filled, {findings.sign_ins:,} sign-ins, {findings.books:,} updates of books;"
        f" refused: {_counts(findings.refusals)}; 503: {_counts(findings.busy)}"
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"
