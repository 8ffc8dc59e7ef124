"""The soak's answer times: a quantile is at most two per cent too much, whatever the number of answers."""

import pytest

from benchmarks.soak.latency import Histogram, Latencies


def histogram(*milliseconds: float) -> Histogram:
    one = Histogram()
    for value in milliseconds:
        one.add(value / 1000)
    return one


@pytest.mark.parametrize(("share", "expected_ms"), [(0.5, 50), (0.99, 99), (1.0, 100)])
def test_quantiles_are_close_and_never_too_good(share: float, expected_ms: float) -> None:
    found_ms = 1000 * histogram(*range(1, 101)).quantile_s(share)
    assert expected_ms <= found_ms <= expected_ms * 1.021


def test_one_slow_answer_in_a_hundred_does_not_hide() -> None:
    assert histogram(*[1.0] * 98, 500.0, 500.0).quantile_s(0.99) >= 0.5


def test_nothing_answered_has_no_quantile() -> None:
    assert histogram().quantile_s(0.5) == 0.0


def test_a_sum_counts_all_of_its_parts() -> None:
    whole = Histogram.sum([histogram(1.0), histogram(100.0, 100.0)])
    assert whole.count == 3
    assert whole.quantile_s(0.5) >= 0.1


def test_a_window_ends_when_it_is_taken_and_the_whole_goes_on() -> None:
    latencies = Latencies()
    latencies.note("limit", "order", 0.001)
    assert latencies.take_window()["order"].count == 1
    assert latencies.take_window() == {}
    latencies.note("market", "order", 0.002)
    assert sum(kind.count for kind in latencies.by_kind.values()) == 2
