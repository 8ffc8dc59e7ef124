"""The taker's decisions: reproducible, of all kinds, valid orders, at the pace that is documented."""

import random
from collections import Counter
from decimal import Decimal

import pytest

from tests.bots.markets import RULES
from trading.bots.flow import FUNDS_SHARE, Arrivals, Crowd, Momentum
from trading.bots.market import Best
from trading.bots.orders import NewOrder
from trading.bots.taker import MEDIAN_SIZES, WEIGHTS

BEST = {
    "BTC/USD": Best(bid=Decimal("63990.11"), ask=Decimal("64001.25")),
    "ETH/USD": Best(bid=Decimal("3399.90"), ask=Decimal("3400.31")),
    "ETH/BTC": Best(bid=Decimal("0.05311"), ask=Decimal("0.05313")),
}
RICH = {"BTC": Decimal(1_000), "ETH": Decimal(20_000), "USD": Decimal(64_000_000)}


def orders(
    seed: int, count: int, totals: dict[str, Decimal] = RICH, best: dict[str, Best] = BEST
) -> list[NewOrder | None]:
    randomness = random.Random(seed)
    arrivals = Arrivals(randomness)
    crowd = Crowd(randomness, medians=MEDIAN_SIZES, weights=WEIGHTS)
    return [crowd.next_order(RULES, best, totals, arrivals.next_wait_s()) for _ in range(count)]


def test_the_same_seed_sends_the_same_orders() -> None:
    assert orders(7, 300) == orders(7, 300)
    assert orders(7, 300) != orders(8, 300)


def test_arrivals_keep_their_pace_and_come_in_bursts() -> None:
    arrivals = Arrivals(random.Random(5))
    waits_s = [arrivals.next_wait_s() for _ in range(20_000)]
    mean_s = sum(waits_s) / len(waits_s)
    assert 1.3 < 1 / mean_s < 1.7
    variance = sum((wait_s - mean_s) ** 2 for wait_s in waits_s) / len(waits_s)
    assert variance > 1.3 * mean_s**2, "a Poisson process has variance = mean squared"


def test_every_order_is_valid_and_never_rests() -> None:
    for order in orders(3, 2000):
        assert order is not None
        rules, best = RULES[order.market], BEST[order.market]
        assert (order.quantity is None) != (order.quote_quantity is None)
        assert order.time_in_force == "ioc"
        assert order.price % rules.tick == 0
        touch = best.ask if order.side == "buy" else best.bid
        assert touch is not None
        assert order.price >= touch if order.side == "buy" else order.price <= touch
        assert abs(order.price / touch - 1) < Decimal("0.0055")
        if order.quantity is not None:
            assert order.quantity % rules.lot == 0
            assert order.quantity >= rules.minimum_quantity
        else:
            assert (order.type, order.side) == ("market", "buy")
            assert order.quote_quantity is not None
            assert order.quote_quantity >= rules.minimum_notional


def test_all_markets_sides_and_kinds_occur() -> None:
    kinds = Counter(
        (order.market, order.side, order.type, order.quantity is None) for order in orders(3, 2000) if order is not None
    )
    assert len(kinds) == 3 * (3 + 2)


def test_an_order_takes_a_small_part_of_the_funds() -> None:
    totals = {"BTC": Decimal("0.02"), "ETH": Decimal(1), "USD": Decimal(1000)}
    for order in orders(3, 500, totals):
        if order is None:
            continue
        rules = RULES[order.market]
        if order.side == "sell":
            assert order.quantity is not None
            assert order.quantity <= totals[rules.base] * FUNDS_SHARE
        else:
            cost = order.quote_quantity or (order.quantity or 0) * (BEST[order.market].ask or 0)
            assert cost <= totals[rules.quote] * FUNDS_SHARE


@pytest.mark.parametrize("totals", [dict.fromkeys(RICH, Decimal(0)), dict.fromkeys(RICH, Decimal("0.00001"))])
def test_without_funds_there_are_no_orders(totals: dict[str, Decimal]) -> None:
    assert set(orders(3, 100, totals)) == {None}


def test_in_an_empty_book_there_is_nothing_to_take() -> None:
    assert set(orders(3, 100, best=dict.fromkeys(BEST, Best(bid=None, ask=None)))) == {None}


def test_who_owns_much_sells_more() -> None:
    sides = Counter(order.side for order in orders(3, 1000, {**RICH, "USD": Decimal(2_000_000)}) if order)
    assert sides["sell"] > sides["buy"]


def test_momentum_follows_the_price() -> None:
    momentum = Momentum()
    assert momentum.update(Decimal(100), 1.0) == 0
    assert momentum.update(Decimal(101), 1.0) > 0
    for _ in range(500):
        trend = momentum.update(Decimal(101), 1.0)
    assert abs(trend) < 1e-4
    assert momentum.update(Decimal(99), 1.0) < 0
