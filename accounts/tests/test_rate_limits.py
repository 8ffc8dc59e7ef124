"""Counters of rate limits: windows, quotas, what is told of them, and counting together with other processes."""

import pytest

from accounts import rate_limits
from accounts.problems import Problem
from accounts.rate_limits import Meter, Policy, address_key


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is, to be set."""
    now = [1_000_000.0]
    monkeypatch.setattr(rate_limits.time, "time", lambda: now[0])
    return now


@pytest.fixture
def meter() -> Meter:
    return Meter(Policy(name="account", per="account", quota=10, window_s=10))


def test_a_quota_is_used_up_exactly_and_told_exactly(clock: list[float], meter: Meter) -> None:
    clock[0] += 2.5
    for used in range(1, 11):
        meter.spend("me", 1)
        assert meter.left("me") == (10 - used, 8)
    assert meter.header("me") == b'"account";r=0;t=8'
    with pytest.raises(Problem) as refused:
        meter.spend("me", 1)
    assert (refused.value.kind.status, refused.value.headers) == (429, {"Retry-After": "8"})
    meter.spend("you", 10)


def test_after_the_time_that_was_told_all_of_it_is_there_again(clock: list[float], meter: Meter) -> None:
    meter.spend("me", 10)
    _, wait_s = meter.left("me")
    clock[0] += wait_s
    assert meter.left("me")[0] == 10
    meter.spend("me", 10)


def test_what_is_refused_is_not_counted(clock: list[float], meter: Meter) -> None:
    meter.spend("me", 6)
    for _ in range(5):
        with pytest.raises(Problem):
            meter.spend("me", 5)
    meter.spend("me", 4)


def test_what_is_given_back_is_never_more_than_was_used_in_the_window(clock: list[float], meter: Meter) -> None:
    meter.give_back("me", 1)
    meter.spend("me", 2)
    for _ in range(5):
        meter.give_back("me", 1)
    assert meter.left("me")[0] == 10
    meter.spend("me", 2)
    clock[0] += 10
    meter.give_back("me", 1)
    assert meter.left("me")[0] == 10


def test_what_others_count_counts_until_they_are_gone(clock: list[float], meter: Meter) -> None:
    meter.is_shared = True
    meter.spend("me", 3)
    ((key, count),) = meter.changed.items()
    count.others = 6
    assert (key, meter.left("me")[0]) == ("me", 1)
    with pytest.raises(Problem):
        meter.spend("me", 2)
    meter.forget_others()
    assert meter.left("me")[0] == 7


def test_an_endless_number_of_addresses_takes_no_endless_memory(
    clock: list[float], meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "KEYS_LIMIT", 3)
    for n in range(10):
        meter.spend(n, 10)
    with pytest.raises(Problem):
        meter.spend(0, 1)
    meter.spend(9, 10)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_an_ipv6_subscriber_is_one_address(address: str, key: str) -> None:
    assert address_key(address) == key
