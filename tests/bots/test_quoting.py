"""What a market maker wants: whole ticks and lots, never against itself, within its budget, few changes."""

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bots.markets import BTC_USD, ETH_BTC, RULES, applied, resting, view
from trading.bots.maker import LADDERS, Allowance, look
from trading.bots.market import Best, MarketRules
from trading.bots.orders import OpenOrder
from trading.bots.quoting import PPM, SKEW_LIMIT_PPM, Changes, View, inventory_skew_ppm, plan, within
from trading.bots.reference import Reference

LEVELS = len(LADDERS["BTC/USD"].offsets_ppm)
NO_LIMIT = 1000


def planned(what: View, orders: list[OpenOrder], randomness: random.Random, rules: MarketRules = BTC_USD) -> Changes:
    return within(plan(rules, LADDERS[rules.market], what, orders, randomness), NO_LIMIT, orders)


def prices(orders: list[OpenOrder], side: str) -> list[Decimal]:
    return sorted(order.price for order in orders if order.side == side)


def assert_sound(rules: MarketRules, what: View, orders: list[OpenOrder]) -> None:
    """On tick and lot, large enough, not against itself, within both budgets and both balances."""
    levels = LADDERS[rules.market]
    for order in orders:
        assert order.price % rules.tick == 0
        assert order.remaining % rules.lot == 0
        assert rules.is_large_enough(order.remaining, order.price)
    bids, asks = prices(orders, "buy"), prices(orders, "sell")
    assert not bids or not asks or bids[-1] < asks[0]
    assert len(bids) <= LEVELS
    assert len(asks) <= LEVELS
    cost = sum(order.remaining * order.price for order in orders if order.side == "buy")
    delivery = sum(order.remaining for order in orders if order.side == "sell")
    assert cost * (1 + rules.maker_fee) <= min(levels.quote_budget, what.quote_total)
    assert delivery <= min(levels.base_budget, what.base_total)


amounts = st.decimals(min_value=0, max_value=10_000, places=4)
references = {
    "BTC/USD": st.decimals(min_value=1_000, max_value=500_000, places=6),
    "ETH/USD": st.decimals(min_value=100, max_value=20_000, places=6),
    "ETH/BTC": st.decimals(min_value="0.005", max_value="0.5", places=9),
}


@settings(max_examples=150, deadline=None)
@given(data=st.data(), market=st.sampled_from(sorted(RULES)), seed=st.integers(0, 2**32))
def test_quotes_are_sound_whatever_the_reference_the_funds_and_the_open_orders(
    data: st.DataObject, market: str, seed: int
) -> None:
    rules, randomness = RULES[market], random.Random(seed)
    orders: list[OpenOrder] = []
    for _ in range(4):
        reference = data.draw(references[market])
        base, quote_value = data.draw(amounts), data.draw(amounts)
        best = [None, *(rules.price_down(reference * factor / 1000) for factor in (990, 999, 1000, 1001, 1010))]
        what = View(
            reference=reference,
            base_total=base,
            quote_total=quote_value * reference,
            foreign_bid=data.draw(st.sampled_from(best)),
            foreign_ask=data.draw(st.sampled_from(best)),
        )
        changes = planned(what, orders, randomness, rules)
        assert all(quote.side == "sell" or quote.price != what.foreign_ask for quote in changes.place)
        orders = applied(changes, orders, randomness)
        assert_sound(rules, what, orders)


def test_a_first_plan_fills_both_sides() -> None:
    orders = applied(planned(view("64000"), [], random.Random(1)), [], random.Random(2))
    assert len(prices(orders, "buy")) == len(prices(orders, "sell")) == LEVELS
    assert len(set(prices(orders, "buy"))) == LEVELS
    assert prices(orders, "buy")[-1] < 64_000 < prices(orders, "sell")[0]


def test_distances_and_sizes_grow_outwards() -> None:
    levels = LADDERS["BTC/USD"]
    assert list(levels.offsets_ppm) == sorted(set(levels.offsets_ppm))
    assert list(levels.sizes) == sorted(set(levels.sizes))


@pytest.mark.parametrize(("rules", "reference"), [(BTC_USD, "64000"), (ETH_BTC, "0.053125")])
def test_nothing_changes_while_the_reference_stands_still(rules: MarketRules, reference: str) -> None:
    what, randomness = view(reference, quote=str(1000 * Decimal(reference))), random.Random(1)
    orders = applied(planned(what, [], randomness, rules), [], randomness)
    later = planned(what, orders, randomness, rules)
    assert len(later.cancel) + len(later.place) <= 4
    orders = applied(later, orders, randomness)
    again = planned(what, orders, randomness, rules)
    assert len(again.cancel) + len(again.place) <= 4


def test_a_small_move_changes_few_orders_and_a_jump_all() -> None:
    randomness = random.Random(1)
    orders = applied(planned(view("64000"), [], randomness), [], randomness)
    small = planned(view("64003"), orders, randomness)
    assert len(small.cancel) <= LEVELS // 2
    jump = planned(view("66000"), orders, randomness)
    assert {order.client_order_id for order in jump.cancel} == {order.client_order_id for order in orders}


def test_after_a_jump_the_orders_that_would_be_hit_go_first() -> None:
    randomness = random.Random(1)
    orders = applied(planned(view("64000"), [], randomness), [], randomness)
    changes = within(plan(BTC_USD, LADDERS["BTC/USD"], view("64100"), orders, randomness), 3, orders)
    lowest = prices(orders, "sell")[:3]
    assert sorted(order.price for order in changes.cancel) == lowest


def test_nothing_is_placed_against_an_own_order_that_waits_for_its_cancel() -> None:
    randomness = random.Random(1)
    stale = [resting(str(number), "sell", "63000", "0.1") for number in range(5)]
    changes = within(plan(BTC_USD, LADDERS["BTC/USD"], view("64000"), stale, randomness), 4, stale)
    assert len(changes.cancel) == 4
    more = within(plan(BTC_USD, LADDERS["BTC/USD"], view("64000"), stale[4:], randomness), 1, stale)
    assert not more.place
    plans = plan(BTC_USD, LADDERS["BTC/USD"], view("64000"), [], randomness)
    kept = within(plans, NO_LIMIT, stale[4:])
    assert all(quote.side == "sell" or quote.price < 63_000 for quote in kept.place)


def test_a_nearly_filled_order_makes_room() -> None:
    randomness = random.Random(1)
    orders = applied(planned(view("64000"), [], randomness), [], randomness)
    orders[0].remaining = Decimal("0.00005")
    changes = planned(view("64000"), orders, randomness)
    assert orders[0] in changes.cancel


def test_a_strangers_better_order_pushes_the_other_side_back() -> None:
    what = view("64000", foreign_bid=Decimal("64100"))
    changes = planned(what, [], random.Random(1))
    assert min(quote.price for quote in changes.place if quote.side == "sell") > 64_100
    assert max(quote.price for quote in changes.place if quote.side == "buy") < 64_000


def test_own_orders_are_not_strangers() -> None:
    orders = [resting("a", "buy", "63990", "0.1")]
    best = Best(bid=Decimal("63990"), ask=Decimal("64010"))
    seen = look(BTC_USD, Reference(1), {"BTC": Decimal(1), "USD": Decimal(1)}, best, orders)
    assert seen.foreign_bid is None
    assert seen.foreign_ask == Decimal("64010")


def test_who_owns_much_of_the_base_asset_sells_more_and_lower() -> None:
    balanced, long = view("64000"), view("64000", base="1500", quote="32000000")
    assert inventory_skew_ppm(balanced) == 0
    assert inventory_skew_ppm(long) == PPM // 2
    usual = planned(balanced, [], random.Random(1)).place
    skewed = planned(long, [], random.Random(1)).place
    for side, sells_more in (("buy", False), ("sell", True)):
        before = sum(quote.quantity for quote in usual if quote.side == side)
        after = sum(quote.quantity for quote in skewed if quote.side == side)
        assert (after > before) is sells_more
    shift = max(q.price for q in usual if q.side == "buy") - max(q.price for q in skewed if q.side == "buy")
    assert 0 < shift <= 64_000 * SKEW_LIMIT_PPM / PPM


def test_who_owns_nothing_of_an_asset_does_not_offer_it() -> None:
    changes = planned(view("64000", base="0"), [], random.Random(1))
    assert {quote.side for quote in changes.place} == {"buy"}
    assert not planned(view("64000", base="0", quote="0"), [], random.Random(1)).place


def test_messages_are_limited_in_the_long_run_and_saved_up_to_a_burst() -> None:
    allowance = Allowance(8.0, 40, now_s=100.0)
    assert allowance.available(100.0) == 40
    allowance.spend(40)
    assert allowance.available(100.0) == 0
    assert allowance.available(101.0) == 8
    assert allowance.available(1000.0) == 40


@settings(max_examples=200)
@given(price=st.decimals(min_value="0.000001", max_value=10**9, places=9))
def test_rounding_is_to_the_next_tick_and_in_the_direction_it_says(price: Decimal) -> None:
    for rules in RULES.values():
        up, down = rules.price_up(price), rules.price_down(price)
        assert up % rules.tick == down % rules.tick == 0
        assert up - rules.tick < price <= up
        assert down == rules.tick or down <= price < down + rules.tick
