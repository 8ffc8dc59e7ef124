"""The reference price: reproducible, positive, near what things are worth, and one for all markets."""

import math
import random
from decimal import Decimal
from itertools import pairwise

import pytest

from trading.bots.reference import ASSETS, STEP_S, Reference

MARKETS = (("BTC", "USD"), ("ETH", "USD"), ("ETH", "BTC"))


def path(seed: int, steps: int, start_usd: dict[str, Decimal] | None = None) -> list[tuple[Decimal, ...]]:
    reference = Reference(seed, start_usd)
    prices = []
    for _ in range(steps):
        reference.step()
        prices.append(tuple(reference.price(*market) for market in MARKETS))
    return prices


def test_the_same_seed_draws_the_same_path() -> None:
    assert path(7, 2000) == path(7, 2000)


def test_another_seed_draws_another_path() -> None:
    assert path(7, 100) != path(8, 100)


def test_a_path_does_not_depend_on_other_randomness() -> None:
    first = path(7, 100)
    random.seed(1)
    random.random()
    assert path(7, 100) == first


@pytest.mark.parametrize("seed", range(5))
def test_prices_stay_positive_and_near_their_base_for_a_day(seed: int) -> None:
    steps = int(86_400 / STEP_S) // 4
    for bitcoin, ether, ratio in path(seed, steps)[::100]:
        assert 0 < ratio < 1
        assert abs(bitcoin / 64_000 - 1) < Decimal("0.2")
        assert abs(ether / 3_400 - 1) < Decimal("0.25")


def test_the_three_markets_agree_at_every_step() -> None:
    for bitcoin, ether, ratio in path(3, 500):
        assert abs(ether / bitcoin - ratio) < Decimal("1e-10")


def test_the_chart_moves_about_as_much_as_documented() -> None:
    logs = [math.log(bitcoin) for bitcoin, _, _ in path(11, 20_000)]
    changes = [later - earlier for earlier, later in pairwise(logs)]
    sigma = math.sqrt(sum(change**2 for change in changes) / len(changes) / STEP_S)
    assert 0.4 * ASSETS["BTC"].sigma < sigma < 4 * ASSETS["BTC"].sigma


def test_it_goes_on_from_where_the_market_was() -> None:
    reference = Reference(1, {"BTC": Decimal("65432.10")})
    assert abs(reference.price("BTC", "USD") - Decimal("65432.10")) < Decimal("0.001")
    assert abs(reference.price("ETH", "USD") - 3_400) < Decimal("0.001")


@pytest.mark.parametrize(("start", "expected"), [("0.01", 64_000 / 1.15), ("900000", 64_000 * 1.15)])
def test_one_odd_trade_does_not_set_the_price(start: str, expected: float) -> None:
    price = Reference(1, {"BTC": Decimal(start)}).price("BTC", "USD")
    assert abs(float(price) - expected) < 1
