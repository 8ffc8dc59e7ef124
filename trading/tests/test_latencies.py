"""How long commands took, in Prometheus's cumulated bounds."""

from trading.latencies import BOUNDS_S, Latencies


def test_what_is_within_a_bound_is_within_all_above_it() -> None:
    latencies = Latencies()
    for seconds in (0.0005, 0.001, 0.0011, 4.9, 60.0):
        latencies.add(seconds)
    told = dict(latencies.cumulated())
    assert (told["0.001"], told["0.002"], told["2.0"], told["5.0"], told["+Inf"]) == (2, 3, 3, 4, 5)
    assert list(told) == [*map(str, BOUNDS_S), "+Inf"]
    assert latencies.sum_s == 0.0005 + 0.001 + 0.0011 + 4.9 + 60.0
