"""The benchmark's flow: its bytes and trades are those that everybody gets, and a naive matcher gets the same."""

import pytest

from benchmarks.workload import BUY, CANCEL, COMMON, FNV_OFFSET, IOC, Record, Shape, Workload, fingerprint, generate

DEEP_IN_SMALL = Shape(resting_orders=600, spread_ticks=5_000)
CANCELLING = Shape(resting_orders=300, spread_ticks=40, limit_percent=30, ioc_percent=5)


def naive(records: list[Record]) -> tuple[int, int]:
    """(trades, fingerprint) by searching everything that rests, in the order of arrival, for each fill."""
    resting: list[Record] = []
    trades, seen = 0, FNV_OFFSET
    for record in records:
        if record.kind == CANCEL:
            (target,) = (one for one in resting if one.order == record.order)
            assert (target.side, target.price_ticks, target.lots) == record[1:2] + record[4:]
            resting.remove(target)
            continue
        sign = 1 if record.side == BUY else -1
        lots = record.lots
        while lots:
            met = [
                one for one in resting if one.side != record.side and sign * (record.price_ticks - one.price_ticks) >= 0
            ]
            if not met:
                break
            maker = min(met, key=lambda one: sign * one.price_ticks)
            traded = min(lots, maker.lots)
            lots -= traded
            trades += 1
            seen = fingerprint(seen, record.order, maker.order, maker.price_ticks, traded)
            left = maker._replace(lots=maker.lots - traded)
            place = resting.index(maker)
            resting[place : place + 1] = [left] if left.lots else []
        if lots and record.kind != IOC:
            resting.append(record._replace(lots=lots))
    return trades, seen


@pytest.mark.parametrize(("shape", "least_trades"), [(COMMON, 200), (DEEP_IN_SMALL, 200), (CANCELLING, 100)])
def test_the_trades_are_those_of_a_naive_matcher(shape: Shape, least_trades: int) -> None:
    workload = generate(3_000, shape)
    assert (workload.trades, workload.fingerprint) == naive(workload.records)
    assert workload.trades > least_trades


def test_the_common_flow_never_changes() -> None:
    workload: Workload = generate(20_000)
    assert (workload.trades, f"{workload.fingerprint:016x}", workload.sha256()[:16]) == (
        5579,
        "31eaffd9903e2bc4",
        "82afad6c92033b96",
    )
