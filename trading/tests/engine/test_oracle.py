"""The oracle by itself: the passages of docs/matching.md that are easy to get wrong, worked out by hand.

Whatever is asked here is asked of the engine as well, so both are held to what a trader expects, not only to each other.
"""

from typing import Any

import pytest

from trading.engine.commands import (
    AmendOrder,
    Command,
    Credit,
    Event,
    FeeTier,
    Leg,
    MarketState,
    Options,
    PlaceOrder,
    SetMarketState,
    SetOwner,
    SetRules,
    Side,
    Tick,
)
from trading.engine.numbers import leg_number
from trading.engine.outcomes import (
    AuctionUncrossed,
    Filled,
    OrderCancelled,
    OrderFilled,
    OrderRefreshed,
    OrderRejected,
    OrderTriggered,
    Outcome,
    SelfTradePrevented,
)

from .comparison import Comparison
from .desk import ALICE, BOB, BTC, BTC_USD, CAROL, DAVE, USD, ending, fills, market, traded

PLENTY = 10**12
WINDOW_US = 300_000_000


class Room:
    """A market with one lot at one tick for one atom, and a trade or two. ``seq`` is the number of the last order."""

    def __init__(self, **changes: Any) -> None:
        self.both = Comparison()
        self.seq = 0
        self.at_us = 0
        self.do(BTC, USD, market(**changes), SetRules(version=2))
        for account in (ALICE, BOB, CAROL):
            self.give(account, "BTC", PLENTY * 10**6)
            self.give(account, "USD", PLENTY)

    def do(self, *commands: Command, wait_us: int = 0) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for command in commands:
            self.seq += 1
            self.at_us += wait_us
            outcomes = self.both.apply(Event(self.seq, self.at_us, command))
        return outcomes

    def give(self, account: int, asset: str, atoms: int) -> None:
        self.do(Credit(account=account, asset=asset, amount_atoms=atoms, source="faucet", reference="test"))

    def place(self, account: int, side: Side, lots: int | None, price: int | None, **fields: Any) -> list[Outcome]:
        """A limit order good till cancelled; what is no field of an order is an option."""
        own = {
            name: fields.pop(name) for name in ("type", "time_in_force", "post_only", "budget_atoms") if name in fields
        }
        order: dict[str, Any] = {"type": "limit", "time_in_force": "GTC", "quantity_lots": lots, "price_ticks": price}
        options = Options(**fields) if fields else None
        return self.do(PlaceOrder(account=account, market=BTC_USD, side=side, options=options, **(order | own)))

    def buy(self, account: int, lots: int | None, price: int | None, **fields: Any) -> list[Outcome]:
        return self.place(account, "buy", lots, price, **fields)

    def sell(self, account: int, lots: int | None, price: int | None, **fields: Any) -> list[Outcome]:
        return self.place(account, "sell", lots, price, **fields)

    def trade(self, price: int) -> list[Outcome]:
        """One lot between two who have nothing else there."""
        self.sell(ALICE, 1, price)
        return self.buy(BOB, 1, price)

    def set_state(self, state: MarketState, wait_us: int = 0) -> list[Outcome]:
        return self.do(SetMarketState(market=BTC_USD, state=state, reason="test"), wait_us=wait_us)

    def balance(self, account: int, asset: str) -> tuple[int, int]:
        """(available, held)"""
        world = self.both.oracle.world
        return world.available(account, asset), world.held(account, asset)


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [type(outcome).__name__ for outcome in outcomes if type(outcome).__name__ != "BalanceChanged"]


# Auction


@pytest.mark.parametrize(
    ("bids", "asks", "last", "price", "lots"),
    [
        # (price, lots): most lots trade at 101: 5 bid at it or above, 5 offered at it or below.
        ([(103, 5)], [(101, 5), (102, 5)], None, 101, 5),
        # 10 trade at 102 and at 103; at 102 bids of 12 are left with 2, at 103 with none.
        ([(103, 10), (102, 2)], [(100, 10)], None, 103, 10),
        # 5 trade with nothing left over at 100 and 104; nearest to the last price.
        ([(104, 5)], [(100, 5)], 103, 104, 5),
        ([(104, 5)], [(100, 5)], 101, 100, 5),
        # As near to both, or no last price: the lowest.
        ([(104, 5)], [(100, 5)], 102, 100, 5),
        ([(104, 5)], [(100, 5)], None, 100, 5),
        # The price of an order that does not trade counts as well: at 101 nothing is left over.
        ([(104, 5)], [(100, 5), (106, 1)], 200, 104, 5),
        # Less left over is better than nearer to the last price.
        ([(104, 6), (103, 3)], [(100, 6)], 103, 104, 6),
    ],
)
def test_an_auction_takes_the_price_where_most_trades(
    bids: list[tuple[int, int]], asks: list[tuple[int, int]], last: int | None, price: int, lots: int
) -> None:
    room = Room()
    if last is not None:
        room.trade(last)
    room.set_state("auction")
    for at, amount in bids:
        room.buy(BOB, amount, at)
    for at, amount in asks:
        room.sell(ALICE, amount, at)
    outcomes = room.set_state("open")
    assert AuctionUncrossed(BTC_USD, price, lots) in outcomes
    assert {fill.price_ticks for fill in fills(outcomes)} == {price}
    assert sum(fill.quantity_lots for fill in fills(outcomes)) == lots


def test_in_an_auction_the_newer_order_is_the_taker_and_both_pay_as_makers() -> None:
    room = Room(fee_tiers=(FeeTier(maker_ppm=100_000, taker_ppm=500_000),))
    room.set_state("auction")
    room.buy(BOB, 10, 100)
    room.sell(ALICE, 10, 100)
    (fill,) = fills(room.set_state("open"))
    assert (fill.taker_side, fill.taker_account, fill.maker_account) == ("sell", ALICE, BOB)
    assert (fill.taker_fee_atoms, fill.maker_fee_atoms) == (100, 100)


def test_an_auction_gives_no_rebate() -> None:
    room = Room(fee_tiers=(FeeTier(maker_ppm=-100_000, taker_ppm=100_000),))
    room.set_state("auction")
    room.buy(BOB, 10, 100)
    room.sell(ALICE, 10, 100)
    (fill,) = fills(room.set_state("open"))
    assert (fill.taker_fee_atoms, fill.maker_fee_atoms) == (0, 0)


def test_what_self_trade_prevention_leaves_crossed_is_uncrossed_again_at_another_price() -> None:
    room = Room()
    room.do(SetOwner(account=CAROL, owner=ALICE))
    room.set_state("auction")
    room.buy(BOB, 5, 99)
    room.buy(CAROL, 10, 105)
    room.sell(ALICE, 10, 99, self_trade_prevention="cancel_oldest")
    outcomes = room.set_state("open")
    assert [o for o in outcomes if isinstance(o, AuctionUncrossed)] == [
        AuctionUncrossed(BTC_USD, 105, 10),
        AuctionUncrossed(BTC_USD, 99, 5),
    ]
    assert [(fill.price_ticks, fill.quantity_lots) for fill in fills(outcomes)] == [(99, 5)]


# One cancels the other


def test_a_pair_of_buys_holds_what_the_dearer_of_the_two_would_cost() -> None:
    room = Room(fee_tiers=(FeeTier(maker_ppm=10_000, taker_ppm=20_000),))
    room.trade(100)
    room.give(DAVE, "USD", 1_224)
    stop = Leg(type="stop", trigger_ticks=110, price_ticks=120)
    assert ending(room.buy(DAVE, 10, 90, oco=stop)) != "insufficient_funds"
    assert room.balance(DAVE, "USD") == (0, 1_224)  # 900 and 9 rest, the stop waits with 1,200 and 24
    leg = leg_number(room.seq, 1)
    assert room.both.oracle.world.held(DAVE, "USD") == 909 + (1_224 - 909)
    room.sell(ALICE, 4, 90)
    assert leg not in room.both.engine.orders
    assert room.balance(DAVE, "USD") == (1_224 - 364 - 545, 545)  # 360 and 3.6 are paid, rounded up; 540 and 5 are held


def test_a_pair_one_atom_short_is_refused() -> None:
    room = Room(fee_tiers=(FeeTier(maker_ppm=10_000, taker_ppm=20_000),))
    room.give(DAVE, "USD", 1_223)
    stop = Leg(type="stop", trigger_ticks=110, price_ticks=120)
    assert ending(room.buy(DAVE, 10, 90, oco=stop)) == "insufficient_funds"


def test_a_pair_of_sells_holds_its_base_once() -> None:
    room = Room()
    room.give(DAVE, "BTC", 10 * 10**6)
    room.sell(DAVE, 10, 110, oco=Leg(type="stop", trigger_ticks=90))
    assert room.balance(DAVE, "BTC") == (0, 10 * 10**6)


def test_the_one_that_triggers_cancels_the_other_first() -> None:
    room = Room()
    room.trade(100)
    room.buy(CAROL, 10, 85)
    room.give(DAVE, "BTC", 10 * 10**6)
    room.sell(DAVE, 10, 110, oco=Leg(type="stop", trigger_ticks=90))
    pair = room.seq
    outcomes = room.trade(90)
    told = [o for o in outcomes if isinstance(o, (OrderCancelled, OrderTriggered))]
    assert [o.order for o in told] == [pair, leg_number(pair, 1)]


# Self-trade prevention by decrement


def test_decrement_takes_the_smaller_from_both() -> None:
    room = Room()
    room.sell(ALICE, 10, 100)
    maker = room.seq
    outcomes = room.buy(ALICE, 4, 100, self_trade_prevention="decrement")
    assert kinds(outcomes) == ["OrderAccepted", "SelfTradePrevented", "OrderCancelled"]
    assert [o.remaining_lots for o in outcomes if isinstance(o, OrderCancelled)] == [4]
    left = room.both.oracle.world.open_orders(ALICE)
    assert [(o.number, o.quantity, o.remaining) for o in left] == [(maker, 6, 6)]


def test_decrement_by_equal_lots_cancels_both_the_maker_first() -> None:
    room = Room()
    room.sell(ALICE, 4, 100)
    maker = room.seq
    outcomes = room.buy(ALICE, 4, 100, self_trade_prevention="decrement")
    cancelled = [(o.order, o.remaining_lots) for o in outcomes if isinstance(o, OrderCancelled)]
    assert cancelled == [(maker, 4), (room.seq, 4)]


def test_a_decremented_taker_goes_on_with_the_rest() -> None:
    room = Room()
    room.sell(ALICE, 4, 100)
    room.sell(BOB, 10, 100)
    outcomes = room.buy(ALICE, 6, 100, self_trade_prevention="decrement")
    assert [fill.quantity_lots for fill in fills(outcomes)] == [2]
    assert kinds(outcomes)[-1] == "OrderFilled"


def test_decrement_of_an_iceberg_takes_what_is_hidden_first() -> None:
    room = Room()
    room.sell(ALICE, 10, 100, display_lots=3)
    room.buy(ALICE, 6, 100, self_trade_prevention="decrement")
    (iceberg,) = room.both.oracle.world.open_orders(ALICE)
    assert (iceberg.remaining, iceberg.shown) == (4, 3)
    room.buy(ALICE, 2, 100, self_trade_prevention="decrement")
    assert (iceberg.remaining, iceberg.shown) == (2, 2)


# Trailing stops


@pytest.mark.parametrize(
    ("prices", "triggered_at"),
    [
        ((100, 104, 101, 99), 99),  # 104 less 5
        ((96, 95), 95),  # follows from the last price, 100
        ((96, 97, 98, 103, 98), 98),
        ((96, 110, 106), None),
    ],
)
def test_a_trailing_stop_follows_the_highest_price_from_the_last_one_on(
    prices: tuple[int, ...], triggered_at: int | None
) -> None:
    assert trailing_end(prices, None) == triggered_at


@pytest.mark.parametrize(
    ("prices", "triggered_at"),
    [
        ((90, 80), None),  # not yet at 105
        ((105, 101, 100), 100),  # from 105 on, that trade included
        ((104, 90, 108, 104, 103), 103),
    ],
)
def test_a_trailing_stop_with_an_activation_price_follows_from_there(
    prices: tuple[int, ...], triggered_at: int | None
) -> None:
    assert trailing_end(prices, 105) == triggered_at


def trailing_end(prices: tuple[int, ...], activation: int | None) -> int | None:
    """At which trade a stop that trails by 5 triggers, after a last price of 100."""
    room = Room()
    room.trade(100)
    room.sell(CAROL, 1, None, type="trailing_stop", trailing_ticks=5, trigger_ticks=activation)
    for price in prices:
        for outcome in room.trade(price):
            if isinstance(outcome, OrderTriggered):
                return outcome.price_ticks
    return None


def test_the_first_and_the_last_price_of_a_sweep_are_looked_at_one_after_the_other() -> None:
    """It trades at 100, 103 and 107: both stops are triggered by 107, and the older one acts first."""
    room = Room()
    room.trade(100)
    room.buy(CAROL, 1, 200, type="stop", trigger_ticks=107)
    first = room.seq
    room.buy(CAROL, 1, 200, type="stop", trigger_ticks=103)
    second = room.seq
    for price in (100, 103, 107):
        room.sell(ALICE, 1, price)
    triggered = [(o.order, o.price_ticks) for o in room.buy(BOB, 3, 107) if isinstance(o, OrderTriggered)]
    assert triggered == [(first, 107), (second, 107)]


# Icebergs


def test_an_iceberg_trades_in_rounds_with_those_at_its_price() -> None:
    room = Room()
    room.sell(ALICE, 7, 100, display_lots=3)
    iceberg = room.seq
    room.sell(BOB, 2, 100)
    outcomes = room.buy(CAROL, 8, 100)
    assert [(maker, lots) for maker, _, lots in traded(outcomes)] == [(iceberg, 3), (iceberg + 1, 2), (iceberg, 3)]
    assert [o.display_lots for o in outcomes if isinstance(o, OrderRefreshed)] == [3, 1]


@pytest.mark.parametrize(("lots", "end"), [(3, "OrderFilled"), (4, "self_trade"), (20, "self_trade")])
def test_fill_or_kill_meets_its_own_order_before_the_second_peak(lots: int, end: str) -> None:
    room = Room()
    room.sell(ALICE, 9, 100, display_lots=3)
    room.sell(BOB, 2, 100)
    outcomes = room.buy(BOB, lots, 100, time_in_force="FOK", self_trade_prevention="cancel_oldest")
    assert ending(outcomes) == end


@pytest.mark.parametrize(("owned", "end"), [(901, "OrderFilled"), (900, "insufficient_funds")])
def test_a_market_buy_is_funded_for_the_hidden_part_too(owned: int, end: str) -> None:
    room = Room()
    room.sell(ALICE, 8, 100, display_lots=2)
    room.sell(BOB, 5, 101)
    room.give(DAVE, "USD", owned)
    assert ending(room.buy(DAVE, 9, None, type="market", time_in_force="IOC")) == end


def test_a_market_buy_is_funded_past_its_own_orders_as_its_mode_goes() -> None:
    room = Room()
    room.give(DAVE, "BTC", 4 * 10**6)
    room.give(DAVE, "USD", 600)
    room.sell(DAVE, 4, 100)
    room.sell(ALICE, 10, 150)
    fields: dict[str, Any] = {"type": "market", "time_in_force": "IOC"}
    outcomes = room.buy(DAVE, 10, None, self_trade_prevention="cancel_oldest", **fields)
    assert ending(outcomes) == "insufficient_funds"  # 10 at 150
    outcomes = room.buy(DAVE, 8, None, self_trade_prevention="decrement", **fields)
    assert [o.prevented_lots for o in outcomes if isinstance(o, SelfTradePrevented)] == [4]
    assert [fill.quantity_lots for fill in fills(outcomes)] == [4]  # 4 at 150
    assert room.balance(DAVE, "USD") == (0, 0)


# The reference price


def test_the_reference_is_the_last_price_of_the_five_minutes_before() -> None:
    room = Room(price_band_ppm=100_000)
    room.do(Tick(), wait_us=WINDOW_US)
    room.trade(100)
    room.trade(109)
    assert ending(room.buy(CAROL, 1, 111)) == "price_band"  # 100 is still the reference
    room.do(Tick(), wait_us=WINDOW_US - 1)
    assert ending(room.buy(CAROL, 1, 111)) == "price_band"
    room.do(Tick(), wait_us=1)
    assert ending(room.buy(CAROL, 1, 111)) != "price_band"  # of 109 to 119
    room.trade(111)
    assert ending(room.buy(CAROL, 1, 120)) == "price_band"
    room.do(Tick(), wait_us=7 * WINDOW_US)
    assert ending(room.buy(CAROL, 1, 120)) != "price_band"  # from 111 on


def test_a_market_that_opens_begins_with_its_last_price_as_the_reference() -> None:
    room = Room(price_band_ppm=100_000)
    room.trade(100)
    room.trade(109)
    room.set_state("halted")
    room.set_state("open")
    assert ending(room.buy(CAROL, 1, 119)) != "price_band"


def test_the_first_trade_of_all_is_its_own_reference_also_in_an_auction() -> None:
    room = Room(price_band_ppm=100_000)
    room.set_state("auction")
    room.buy(BOB, 1, 100)
    room.sell(ALICE, 1, 100)
    assert ending(room.buy(BOB, 1, 500)) != "price_band"
    room.set_state("open")
    assert ending(room.buy(BOB, 1, 551)) == "price_band"  # 500 is the lowest price at which the one lot trades


@pytest.mark.parametrize(("price", "end"), [(104, "OrderFilled"), (105, "circuit_breaker")])
def test_the_breaker_closes_the_market_before_anything_trades(price: int, end: str) -> None:
    room = Room(breaker_ppm=40_000)
    room.trade(100)
    room.sell(ALICE, 1, 101)
    room.sell(ALICE, 1, price)
    outcomes = room.buy(BOB, 2, 120)
    assert ending(outcomes) == end
    if end == "circuit_breaker":
        assert kinds(outcomes) == ["OrderRejected", "MarketStateChanged"]
        assert ending(room.buy(BOB, 1, 90)) == "market_closed"


# Ends of the scale


def test_a_post_only_order_that_no_price_is_left_for_would_take() -> None:
    room = Room()
    room.sell(ALICE, 1, 1)
    assert ending(room.buy(BOB, 1, 3, post_only="reprice")) == "would_take"
    assert ending(room.buy(BOB, 1, 3)) == "OrderFilled"
    room.buy(ALICE, 1, 10**12)
    assert ending(room.sell(BOB, 1, 3, post_only="reprice")) == "would_take"


def test_a_leg_is_too_large_only_when_it_is_known_how_much_was_filled() -> None:
    room = Room(tick_atoms=100 * 10**6)  # a lot at one tick is a million atoms
    room.sell(ALICE, 2, 1)
    room.give(BOB, "USD", 10**7)
    legs = (Leg(type="limit", price_ticks=10**12),)
    outcomes = room.buy(BOB, None, None, type="market", time_in_force="IOC", budget_atoms=2 * 10**6, on_fill=legs)
    assert kinds(outcomes)[-3:] == ["OrderCancelled", "LegPlaced", "OrderRejected"]
    assert [o.reason.value for o in outcomes if isinstance(o, OrderRejected)] == ["above_maximum"]


# Amending


def test_an_amended_order_keeps_its_place_only_at_its_price_and_with_no_more_in_it() -> None:
    room = Room()
    room.sell(ALICE, 5, 100)
    room.sell(BOB, 5, 100)
    first = room.seq - 1
    room.do(AmendOrder(account=ALICE, order=first, quantity_lots=4))
    room.sell(CAROL, 5, 100)
    assert traded(room.buy(CAROL, 1, 100, self_trade_prevention="cancel_oldest"))[0][0] == first
    room.do(AmendOrder(account=ALICE, order=first, quantity_lots=5))
    assert traded(room.buy(CAROL, 1, 100, self_trade_prevention="cancel_oldest"))[0][0] == first + 1


def test_an_order_with_a_bracket_brings_what_it_has_filled_when_it_ends() -> None:
    room = Room()
    bracket = (Leg(type="limit", price_ticks=110), Leg(type="stop", trigger_ticks=90))
    room.buy(ALICE, 10, 100, on_fill=bracket)
    order = room.seq
    assert not [o for o in room.sell(BOB, 4, 100) if type(o).__name__ == "LegPlaced"]
    outcomes = room.sell(BOB, 6, 100)
    assert kinds(outcomes)[-6:] == [
        "LegPlaced",
        "LegPlaced",
        "OrderAccepted",
        "OrderRested",
        "OrderAccepted",
        "OrderWaiting",
    ]
    legs = {o.number: (o.side, o.remaining) for o in room.both.oracle.world.open_orders(ALICE)}
    assert legs == {leg_number(order, 1): ("sell", 10), leg_number(order, 2): ("sell", 10)}
    assert isinstance(outcomes[1], Filled)
    assert isinstance(outcomes[2], OrderFilled)
