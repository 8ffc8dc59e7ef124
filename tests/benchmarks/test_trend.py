"""The soak's judgement: a warm-up is no leak, a leak is not noise, and a short look says that it is one."""

import random

import pytest

from benchmarks.soak.trend import Relevance, Sample, judge

RELEVANCE = Relevance(share=0.05, least=5.0)
HOUR_S = 3600.0


def series(
    *, seconds: float = 1200.0, per_hour: float = 0.0, ramp: float = 0.0, noise: float = 1.0, level: float = 200.0
) -> list[Sample]:
    """240 samples of a level that climbs, of a ramp over the first third, and of noise."""
    rng = random.Random(1)
    times = [seconds * n / 240 for n in range(240)]
    return [
        (at, level + per_hour * at / HOUR_S + ramp * min(1.0, 3 * at / seconds) + rng.gauss(0, noise)) for at in times
    ]


def test_a_level_with_noise_is_flat() -> None:
    assert judge(series(), RELEVANCE, warm_s=0.0).verdict == "flat"


def test_a_ramp_that_ends_before_half_time_is_flat() -> None:
    trend = judge(series(ramp=100.0), RELEVANCE, warm_s=0.0)
    assert trend.verdict == "flat"
    assert trend.end - trend.start > 80


def test_a_leak_is_found_behind_the_noise() -> None:
    trend = judge(series(per_hour=60.0), RELEVANCE, warm_s=0.0)
    assert trend.verdict == "growing"
    assert trend.slope == pytest.approx(60.0, abs=trend.bound)


def test_growth_below_what_is_relevant_is_flat() -> None:
    assert judge(series(per_hour=3.0, noise=0.1), RELEVANCE, warm_s=0.0).verdict == "flat"


def test_a_short_look_at_a_noisy_series_cannot_tell() -> None:
    assert judge(series(seconds=60.0, noise=5.0), RELEVANCE, warm_s=0.0).verdict == "too short to tell"


def test_nothing_is_said_of_a_soak_that_never_warmed_up() -> None:
    assert judge(series(per_hour=60.0), RELEVANCE, warm_s=1190.0).verdict == "too short to tell"
