"""Fees, holds and budgets, to the last atom."""

from itertools import pairwise

import pytest

from trading.engine.commands import (
    Command,
    Credit,
    Event,
    FeeTier,
    PlaceOrder,
    ReverseCredit,
    SetRules,
    TransferFunds,
)
from trading.engine.engine import Engine
from trading.engine.fees import affordable_lots, fee_atoms, rounding_atoms
from trading.engine.outcomes import BalanceChanged, CommandRejected, CreditReversed, OrderCancelled, Reason, Transferred
from trading.engine.rules import LATEST

from .desk import ALICE, BOB, BTC, BTC_USD, CAROL, DAVE, USD, Desk, ending, fills, market

HOUSE = 0
RETAIL = FeeTier(maker_ppm=1_500, taker_ppm=2_500)
PRO = FeeTier(maker_ppm=100, taker_ppm=900)


# Fees


@pytest.mark.parametrize("parts", [[1_000], [1] * 1_000, [333, 333, 334], [999, 1]])
def test_the_fee_of_an_order_does_not_depend_on_how_it_was_cut_into_fills(parts: list[int]) -> None:
    """1,000 lots at 7 ticks: 7,000 atoms of quote; the maker pays 10.5 rounded up, the taker 17.5 rounded up."""
    desk = Desk(fee_tiers=(RETAIL,), maximum_open_orders=1_000)
    for lots in parts:
        desk.sell(ALICE, lots, 7)
    took = fills(desk.buy(BOB, 1_000, 7))
    assert len(took) == len(parts)
    assert sum(fill.taker_fee_atoms for fill in took) == 18

    desk.sell(ALICE, 1_000, 7)
    made = [fill for lots in parts for fill in fills(desk.buy(CAROL, lots, 7))]
    assert len(made) == len(parts)
    assert sum(fill.maker_fee_atoms for fill in made) == 11


def test_fees_are_rounded_up_once_per_order() -> None:
    sums = [0, 1, 999_999, 1_000_000, 1_000_001, 3_500_000]
    assert [fee_atoms(0, total) for total in sums] == [0, 1, 1, 1, 2, 4]
    assert sum(fee_atoms(before, after) for before, after in pairwise(sums)) == 4


def test_what_is_there_only_by_rounding_up_comes_once_and_goes_where_the_sum_is_whole() -> None:
    sums = [0, 1, 999_999, 1_000_000, 1_000_001, 3_500_000, 4_000_000]
    assert [rounding_atoms(0, total, 0, 0) for total in sums] == [0, 1, 1, 0, 1, 1, 0]
    assert [rounding_atoms(0, 0, before, after) for before, after in pairwise(sums)] == [1, 0, -1, 1, 0, -1]
    assert [rounding_atoms(before, after, before, after) for before, after in pairwise(sums)] == [2, 0, -2, 2, 0, -2]


def test_fills_tell_the_residue_of_both_orders() -> None:
    """At 1,500 and 2,500 ppm of 200 atoms a fill: 0.3 and 0.5 atoms each, so sums of 3 and 5 atoms after ten."""
    desk = Desk(fee_tiers=(RETAIL,))
    for _ in range(10):
        desk.sell(ALICE, 2, 100)
    order = desk.seq
    one = fills(desk.buy(BOB, 20, 100))
    assert [fill.rounding_atoms for fill in one] == [2, 0] * 5, "the taker's is whole after every second fill"
    assert order == one[-1].maker_order
    desk.sell(ALICE, 20, 100)
    made = [fills(desk.buy(BOB, 2, 100))[0] for _ in range(10)]
    assert [fill.rounding_atoms for fill in made] == [2, 1, 1, 1, 1, 1, 1, 1, 1, 0]
    for fill in (*one, *made):
        assert fill.taker_fee_atoms + fill.maker_fee_atoms >= fill.rounding_atoms


def test_both_sides_pay_the_house_in_quote() -> None:
    desk = Desk(fee_tiers=(RETAIL,))
    desk.sell(ALICE, 10, 1_000)
    (fill,) = fills(desk.buy(BOB, 10, 1_000))
    assert (fill.quote_atoms, fill.maker_fee_atoms, fill.taker_fee_atoms) == (10_000, 15, 25)
    assert desk.engine.balance(ALICE, "USD") == (10**18 + 10_000 - 15, 0)
    assert desk.engine.balance(BOB, "USD") == (10**18 - 10_000 - 25, 0)
    assert desk.engine.balance(HOUSE, "USD") == (40, 0)


def test_a_fee_may_take_the_whole_of_a_sale_but_no_more() -> None:
    everything = FeeTier(maker_ppm=1_000_000, taker_ppm=1_000_000)
    desk = Desk(fee_tiers=(everything,))
    desk.buy(ALICE, 3, 7)
    (fill,) = fills(desk.sell(BOB, 3, 7))
    assert (fill.quote_atoms, fill.taker_fee_atoms, fill.maker_fee_atoms) == (21, 21, 21)
    assert desk.engine.balance(BOB, "USD") == (10**18, 0)
    assert desk.engine.balance(ALICE, "USD") == (10**18 - 42, 0)


def test_a_fee_tier_is_that_of_the_acceptance_for_an_orders_whole_life() -> None:
    desk = Desk(fee_tiers=(RETAIL, PRO))
    desk.sell(ALICE, 10, 1_000)
    desk.set_tier(ALICE, 1)
    desk.set_tier(BOB, 63)
    desk.sell(ALICE, 10, 1_000)
    first, second = fills(desk.buy(BOB, 20, 1_000))
    assert (first.maker_fee_atoms, second.maker_fee_atoms) == (15, 1)
    assert first.taker_fee_atoms + second.taker_fee_atoms == 18


# Holds


def test_a_resting_buy_holds_its_value_and_its_fee_as_a_maker() -> None:
    desk = Desk(fee_tiers=(RETAIL,))
    desk.buy(ALICE, 10, 1_001)
    assert desk.engine.balance(ALICE, "USD") == (10**18 - 10_010 - 16, 10_010 + 16)


def test_accepting_a_buy_needs_the_higher_of_both_fees() -> None:
    for owned, end in ((10_025, "OrderRested"), (10_024, "insufficient_funds")):
        desk = Desk(rules=1, fee_tiers=(RETAIL,))
        desk.credit(DAVE, "USD", owned)
        assert ending(desk.buy(DAVE, 10, 1_000)) == end


def test_price_improvement_and_the_lower_maker_fee_are_released_at_once() -> None:
    desk = Desk(fee_tiers=(RETAIL,))
    desk.sell(ALICE, 4, 900)
    desk.credit(DAVE, "USD", 10_025)
    desk.buy(DAVE, 10, 1_000)
    paid = 3_600 + 9
    assert desk.engine.balance(DAVE, "USD") == (10_025 - paid - 6_009, 6_009)
    desk.sell(ALICE, 6, 1_000)
    assert desk.engine.balance(DAVE, "USD") == (10_025 - paid - 6_009, 0)


def test_a_buy_filled_one_lot_at_a_time_uses_its_hold_up_exactly() -> None:
    desk = Desk(fee_tiers=(FeeTier(maker_ppm=3_333, taker_ppm=3_333),))
    desk.credit(DAVE, "USD", 7 * 101 + 3)
    desk.buy(DAVE, 101, 7)
    assert desk.engine.balance(DAVE, "USD") == (0, 710)
    for _ in range(101):
        desk.sell(ALICE, 1, 7)
    assert desk.engine.balance(DAVE, "USD") == (0, 0)
    assert desk.engine.balance(DAVE, "BTC") == (101 * 10**6, 0)


def test_a_cancelled_rest_gives_back_all_but_what_was_traded() -> None:
    desk = Desk(fee_tiers=(FeeTier(maker_ppm=3_333, taker_ppm=3_333),))
    desk.buy(ALICE, 100, 7)
    order = desk.seq
    desk.sell(BOB, 33, 7)
    desk.cancel(ALICE, order)
    assert desk.engine.balance(ALICE, "USD") == (10**18 - 231 - 1, 0)


def test_a_sale_needs_the_base_it_delivers() -> None:
    desk = Desk()
    desk.credit(DAVE, "BTC", 10**6 * 5)
    assert ending(desk.sell(DAVE, 6, 100)) == "insufficient_funds"
    assert ending(desk.sell_at_market(DAVE, 6)) == "insufficient_funds"
    assert ending(desk.sell(DAVE, 5, 100)) == "OrderRested"
    assert desk.engine.balance(DAVE, "BTC") == (0, 5 * 10**6)
    assert ending(desk.sell(DAVE, 1, 100)) == "insufficient_funds"


def test_what_a_taker_buys_can_be_sold_in_the_next_event() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    desk.credit(DAVE, "USD", 500)
    desk.buy(DAVE, 5, 100)
    assert ending(desk.sell(DAVE, 5, 101)) == "OrderRested"


# Budgets


def test_a_budget_buys_the_largest_number_of_lots_fee_included() -> None:
    """At 100 ticks a lot costs 100 and the fee is 2.5 per thousand: 100 lots cost 10,025."""
    for budget, lots in ((10_025, 100), (10_024, 99), (101, 1), (100, 0), (10_126, 101)):
        desk = Desk(fee_tiers=(RETAIL,))
        desk.sell(ALICE, 1_000, 100)
        outcomes = desk.buy_for(BOB, budget)
        assert sum(fill.quantity_lots for fill in fills(outcomes)) == lots
        assert ending(outcomes) == "budget_spent"
        spent = 10**18 - desk.engine.balance(BOB, "USD")[0]
        assert spent <= budget < spent + 101
        cancelled = next(outcome for outcome in outcomes if isinstance(outcome, OrderCancelled))
        assert cancelled.remaining_lots is None


def test_a_budget_goes_on_to_the_next_level_and_ends_with_the_book_or_the_cap() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    desk.sell(ALICE, 5, 200)
    assert ending(desk.buy_for(BOB, 1_000_000, price_ticks=150)) == "slippage_cap"
    assert desk.asks() == [(200, 5)]
    assert ending(desk.buy_for(BOB, 1_000_000)) == "no_liquidity"
    assert desk.asks() == []


def test_a_budget_spent_to_the_last_atom_is_spent_even_if_the_book_is_empty_then() -> None:
    desk = Desk()
    desk.sell(ALICE, 5, 100)
    assert ending(desk.buy_for(BOB, 500)) == "budget_spent"


def test_a_budget_must_be_available_whatever_it_would_buy() -> None:
    desk = Desk()
    desk.sell(ALICE, 1, 100)
    desk.credit(DAVE, "USD", 499)
    assert ending(desk.buy_for(DAVE, 500)) == "insufficient_funds"


@pytest.mark.parametrize("ppm", [0, 1, 2_500, 333_333, 1_000_000])
@pytest.mark.parametrize("fee_ppm_sum", [0, 1, 999_999, 1_000_000, 7_654_321])
def test_affordable_lots_is_the_largest_number_that_fits(ppm: int, fee_ppm_sum: int) -> None:
    for lot_quote_atoms in (1, 3, 7, 100):
        for budget in range(8, 400, 13):
            lots = affordable_lots(budget, fee_ppm_sum, ppm, lot_quote_atoms)
            costs = [
                n * lot_quote_atoms + fee_atoms(0, fee_ppm_sum + ppm * n * lot_quote_atoms) for n in (lots, lots + 1)
            ]
            assert costs[0] <= budget < costs[1]


# Large amounts


def test_ether_is_counted_in_wei() -> None:
    """ETH/BTC with 18 decimals: a lot of 10^14 wei, a tick of 10^4 satoshi per ether, one satoshi for tick and lot."""
    desk = Desk(market="ETH/BTC", base="ETH", quote="BTC", tick_atoms=10**4, lot_atoms=10**14, fee_tiers=(RETAIL,))
    desk.credit(ALICE, "ETH", 10**26)
    desk.sell(ALICE, 10**12, 800)
    assert desk.engine.balance(ALICE, "ETH") == (10**18, 10**26)
    (fill,) = fills(desk.buy(BOB, 123_456_789_012, 800))
    assert fill.base_atoms == 12_345_678_901_200_000_000_000_000
    assert fill.quote_atoms == 98_765_431_209_600
    assert fill.taker_fee_atoms == 246_913_578_024
    assert desk.engine.balance(BOB, "ETH") == (10**18 + fill.base_atoms, 0)


def test_the_largest_order_of_all() -> None:
    desk = Desk(market="ETH/BTC", base="ETH", quote="BTC", tick_atoms=10**4, lot_atoms=10**14, fee_tiers=(RETAIL,))
    desk.credit(ALICE, "BTC", 10**18)
    desk.credit(BOB, "ETH", 10**26)
    assert ending(desk.buy(ALICE, 10**12, 10**6)) == "OrderRested"
    assert desk.engine.balance(ALICE, "BTC") == (2 * 10**18 - 10**18 - 15 * 10**14, 10**18 + 15 * 10**14)
    assert ending(desk.sell(BOB, 10**12, 10**6)) == "OrderFilled"
    assert desk.engine.balance(ALICE, "BTC") == (2 * 10**18 - 10**18 - 15 * 10**14, 0)
    assert desk.engine.balance(HOUSE, "BTC") == (40 * 10**14, 0)


def test_who_has_nothing_has_nothing_of_any_asset() -> None:
    desk = Desk()
    assert [desk.engine.balance(DAVE, asset) for asset in ("BTC", "USD", "DOGE")] == [(0, 0)] * 3


def test_the_first_credit_of_all_may_be_beyond_a_word() -> None:
    """A market trades on, and tells whole what each has, also where nothing was small before."""
    engine = Engine()
    commands: list[Command] = [SetRules(version=LATEST), BTC, USD, market()]
    commands += [
        Credit(account=account, asset=asset, amount_atoms=2**64, source="faucet", reference="test")
        for account, asset in ((ALICE, "BTC"), (BOB, "USD"))
    ]
    commands += [
        PlaceOrder(
            account=account,
            market=BTC_USD,
            side=side,
            type="limit",
            time_in_force="GTC",
            price_ticks=price,
            quantity_lots=2,
        )
        for account, side, price in ((ALICE, "sell", 101), (BOB, "buy", 99), (BOB, "buy", 101), (ALICE, "sell", 99))
    ]  # type: ignore[arg-type]
    told = [engine.apply(Event(seq, seq, command)) for seq, command in enumerate(commands, start=1)]
    assert [ending(outcomes) for outcomes in told[6:]] == ["OrderRested", "OrderRested", "OrderFilled", "OrderFilled"]
    assert engine.balance(ALICE, "BTC") == (2**64 - 4 * 10**6, 0)
    assert engine.balance(BOB, "USD") == (2**64 - 400, 0)
    assert BalanceChanged(BOB, "USD", 2**64 - 400, 0) in told[-1]


def test_a_credit_is_positive_and_bounded() -> None:
    desk = Desk()
    reasons = [desk.credit(ALICE, "USD", atoms)[0] for atoms in (0, -1, 10**36 + 1)]
    assert [getattr(outcome, "reason", None) for outcome in reasons] == [
        Reason.INVALID_AMOUNT,
        Reason.INVALID_AMOUNT,
        Reason.ABOVE_MAXIMUM,
    ]
    assert desk.engine.balance(ALICE, "USD") == (10**18, 0)


# Reversals


def reverse(desk: Desk, account: int, atoms: int, asset: str = "USD") -> list[object]:
    command = ReverseCredit(
        account=account, asset=asset, amount_atoms=atoms, source="adjustment", credit=desk.seq, reason="a mistake"
    )
    return list(desk.do(command))


def test_a_reversal_takes_back_what_is_available() -> None:
    desk = Desk()
    desk.credit(DAVE, "USD", 500)
    desk.buy(DAVE, 1, 100)
    assert reverse(desk, DAVE, 401) == [CommandRejected(Reason.INSUFFICIENT_FUNDS)]
    assert reverse(desk, DAVE, 400) == [CreditReversed(DAVE, "USD", 400), BalanceChanged(DAVE, "USD", 0, 100)]
    assert reverse(desk, DAVE, 1) == [CommandRejected(Reason.INSUFFICIENT_FUNDS)]


def test_a_reversal_is_positive_bounded_and_of_an_asset_that_is_there() -> None:
    desk = Desk()
    assert reverse(desk, ALICE, 1, "DOGE") == [CommandRejected(Reason.UNKNOWN_ASSET)]
    for account, atoms, reason in (
        (ALICE, 0, Reason.INVALID_AMOUNT),
        (ALICE, -1, Reason.INVALID_AMOUNT),
        (HOUSE, 1, Reason.INVALID_AMOUNT),
        (ALICE, 10**36 + 1, Reason.ABOVE_MAXIMUM),
    ):
        assert reverse(desk, account, atoms) == [CommandRejected(reason)]
    assert desk.engine.balance(ALICE, "USD") == (10**18, 0)


# Transfers


def transfer(desk: Desk, account: int, to_account: int, atoms: int, asset: str = "USD") -> list[object]:
    command = TransferFunds(account=account, to_account=to_account, asset=asset, amount_atoms=atoms, reference="rent")
    return list(desk.do(command))


def test_a_transfer_moves_what_is_available_and_no_more() -> None:
    desk = Desk()
    desk.credit(DAVE, "USD", 500)
    desk.buy(DAVE, 1, 100)
    before = desk.engine.balance(ALICE, "USD")[0]
    assert transfer(desk, DAVE, ALICE, 401) == [CommandRejected(Reason.INSUFFICIENT_FUNDS)]
    assert transfer(desk, DAVE, ALICE, 400) == [
        Transferred(DAVE, ALICE, "USD", 400),
        BalanceChanged(DAVE, "USD", 0, 100),
        BalanceChanged(ALICE, "USD", before + 400, 0),
    ]


def test_a_transfer_may_be_of_one_atom() -> None:
    desk = Desk()
    assert transfer(desk, ALICE, DAVE, 1)[0] == Transferred(ALICE, DAVE, "USD", 1)
    assert desk.engine.balance(DAVE, "USD") == (1, 0)


def test_a_transfer_is_positive_between_two_accounts_of_an_asset_that_is_there() -> None:
    desk = Desk()
    for account, to_account, atoms, asset, reason in (
        (ALICE, BOB, 1, "DOGE", Reason.UNKNOWN_ASSET),
        (ALICE, ALICE, 1, "USD", Reason.INVALID_ACCOUNT),
        (ALICE, HOUSE, 1, "USD", Reason.INVALID_ACCOUNT),
        (HOUSE, ALICE, 1, "USD", Reason.INVALID_ACCOUNT),
        (ALICE, BOB, 0, "USD", Reason.INVALID_AMOUNT),
        (ALICE, BOB, -1, "USD", Reason.INVALID_AMOUNT),
    ):
        assert transfer(desk, account, to_account, atoms, asset) == [CommandRejected(reason)]
