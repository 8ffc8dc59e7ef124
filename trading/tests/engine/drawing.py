"""Commands and times for hypothesis: everything that may be asked of the engine, around prices and lots that meet."""

from hypothesis import strategies as st

from trading.engine.commands import (
    AmendOrder,
    CancelAfter,
    CancelAll,
    CancelMarket,
    CancelOrder,
    CancelReplace,
    Command,
    Credit,
    Event,
    HoldWithdrawal,
    Leg,
    MoveCustody,
    Options,
    PlaceOrder,
    ReleaseWithdrawal,
    ReverseCredit,
    SetFeeTier,
    SetMarketState,
    SetOwner,
    SetRules,
    SettleWithdrawal,
    Tick,
    TransferFunds,
)
from trading.engine.numbers import leg_number

from . import flow

Steps = list[tuple[int, Command]]
"""Microseconds since the one before, and the command."""

START_US = 1_000_000_000
FIRST = len(flow.PRELUDE) + 1
"""The number of the first drawn command."""
LONGEST = 50

accounts = st.sampled_from(flow.ACCOUNTS)
markets = st.sampled_from(flow.MARKETS)
sides = st.sampled_from(("buy", "sell"))
prices = st.integers(1, 8) | st.integers(94, 106)
lots = st.integers(1, 25)
modes = st.sampled_from(("cancel_newest", "cancel_oldest", "cancel_both", "decrement"))
trigger_types = st.sampled_from(("stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop"))
times = st.integers(START_US, START_US + 4_000)
numbers = st.builds(leg_number, st.integers(FIRST, FIRST + LONGEST), st.sampled_from((0, 0, 0, 1, 2)))
delays = st.sampled_from((0, 0, 1, 100, 1_000, 300_000_000))

trails = st.builds(
    Leg,
    type=st.just("trailing_stop"),
    price_ticks=prices,
    trigger_ticks=st.none() | prices,
    trailing_ticks=st.integers(1, 3),
)
triggers = st.builds(
    Leg,
    type=st.sampled_from(("stop", "stop_limit", "take_profit", "take_profit_limit")),
    price_ticks=prices,
    trigger_ticks=prices,
)
limits = st.builds(Leg, type=st.just("limit"), price_ticks=prices)
waiting_legs = triggers | trails
brackets = st.just(()) | st.tuples(limits | waiting_legs) | st.tuples(limits, waiting_legs)

limit_orders = st.builds(
    PlaceOrder,
    account=accounts,
    market=markets,
    side=sides,
    type=st.just("limit"),
    time_in_force=st.sampled_from(("GTC", "GTC", "GTC", "IOC", "FOK")),
    quantity_lots=lots,
    price_ticks=prices,
    post_only=st.sampled_from(("none", "none", "none", "reject")),
    options=st.none() | st.builds(Options, self_trade_prevention=modes, on_fill=brackets),
)
resting_orders = st.builds(
    PlaceOrder,
    account=accounts,
    market=markets,
    side=sides,
    type=st.just("limit"),
    time_in_force=st.just("GTC"),
    quantity_lots=lots,
    price_ticks=prices,
    post_only=st.sampled_from(("none", "none", "reprice")),
    options=st.one_of(
        st.builds(Options, self_trade_prevention=modes, display_lots=st.integers(1, 5), on_fill=brackets),
        st.builds(
            Options,
            self_trade_prevention=modes,
            peg=st.sampled_from(("best_bid", "best_offer")),
            peg_offset_ticks=st.integers(0, 2),
        ),
        st.builds(Options, self_trade_prevention=modes, keep_on_disconnect=st.booleans(), oco=waiting_legs),
    ),
)
expiring_orders = st.builds(
    PlaceOrder,
    account=accounts,
    market=markets,
    side=sides,
    type=st.just("limit"),
    time_in_force=st.just("GTD"),
    quantity_lots=lots,
    price_ticks=prices,
    options=st.builds(
        Options, expires_at_us=times, deadline_us=st.none() | times, on_fill=brackets, oco=st.none() | waiting_legs
    ),
)
market_orders = st.builds(
    PlaceOrder,
    account=accounts,
    market=markets,
    side=sides,
    type=st.just("market"),
    time_in_force=st.sampled_from(("IOC", "FOK")),
    quantity_lots=lots,
    price_ticks=st.none() | prices,
    options=st.none() | st.builds(Options, self_trade_prevention=modes, on_fill=brackets),
)
budget_orders = st.builds(
    PlaceOrder,
    account=accounts,
    market=markets,
    side=st.just("buy"),
    type=st.sampled_from(("market", "market", "stop", "take_profit")),
    time_in_force=st.sampled_from(("IOC", "IOC", "GTC")),
    budget_atoms=st.integers(1, 2_000),
    price_ticks=st.none() | prices,
    options=st.none() | st.builds(Options, self_trade_prevention=modes, trigger_ticks=st.none() | prices),
)
trigger_orders = st.builds(
    PlaceOrder,
    account=accounts,
    market=markets,
    side=sides,
    type=trigger_types,
    time_in_force=st.sampled_from(("GTC", "GTC", "IOC")),
    quantity_lots=lots,
    price_ticks=st.none() | prices,
    options=st.builds(
        Options,
        self_trade_prevention=modes,
        trigger_ticks=st.none() | prices,
        trailing_ticks=st.none() | st.integers(1, 3),
        on_fill=brackets,
    ),
)
any_numbers = st.none() | st.integers(-1, 3) | st.sampled_from((10**12, 10**12 + 1))
any_orders = st.builds(
    PlaceOrder,
    account=st.integers(-1, 5),
    market=st.sampled_from((*flow.MARKETS, "DOGE/USD")),
    side=sides,
    type=st.sampled_from(("limit", "market")) | trigger_types,
    time_in_force=st.sampled_from(("GTC", "GTD", "IOC", "FOK")),
    quantity_lots=any_numbers,
    budget_atoms=st.none() | st.integers(-1, 40) | st.sampled_from((10**18, 10**18 + 1)),
    price_ticks=any_numbers,
    post_only=st.sampled_from(("none", "reject", "reprice")),
    options=st.none()
    | st.builds(
        Options,
        expires_at_us=st.none() | st.just(0) | times,
        deadline_us=st.none() | st.just(0) | times,
        self_trade_prevention=modes,
        display_lots=any_numbers,
        trigger_ticks=any_numbers,
        trailing_ticks=any_numbers,
        peg=st.sampled_from(("none", "best_bid", "best_offer")),
        peg_offset_ticks=st.integers(-1, 1) | st.just(10**12 + 1),
        oco=st.none() | st.builds(Leg, type=trigger_types | st.just("limit"), price_ticks=any_numbers),
        on_fill=brackets | st.lists(triggers | limits, max_size=3).map(tuple),
    ),
)
orders = st.one_of(
    limit_orders, limit_orders, limit_orders, resting_orders, resting_orders, expiring_orders, market_orders,
    budget_orders, trigger_orders, any_orders,
)  # fmt: skip

amendments = st.builds(
    AmendOrder,
    account=accounts,
    order=numbers,
    quantity_lots=st.none() | lots | any_numbers,
    price_ticks=st.none() | prices | any_numbers,
    trigger_ticks=st.none() | prices | any_numbers,
    deadline_us=st.none() | times,
)
cancels = st.one_of(
    st.builds(CancelOrder, account=accounts, order=numbers),
    st.builds(CancelReplace, account=accounts, order=numbers, place=orders, stop_on_failure=st.booleans()),
)
rare = st.one_of(
    st.builds(
        CancelAll,
        account=st.integers(0, 5),
        market=st.none() | markets,
        side=st.none() | sides,
        cause=st.sampled_from(("user", "disconnect")),
    ),
    st.builds(
        CancelMarket,
        market=st.sampled_from((*flow.MARKETS, "DOGE/USD")),
        side=st.none() | sides,
        reason=st.just("drawn"),
    ),
    st.builds(CancelAfter, account=st.integers(0, 5), timeout_us=st.integers(-1, 200) | st.just(86_400_000_001)),
    st.builds(Tick),
    st.builds(SetOwner, account=st.integers(0, 5), owner=st.integers(0, 5)),
    st.builds(
        Credit,
        account=st.integers(0, 5),
        asset=st.sampled_from(("BTC", "USD", "ETH", "DOGE")),
        amount_atoms=st.integers(0, 300),
        source=st.just("faucet"),
        reference=st.just("drawn"),
    ),
    st.builds(
        ReverseCredit,
        account=st.integers(0, 5),
        asset=st.sampled_from(("BTC", "USD", "ETH", "DOGE")),
        amount_atoms=st.integers(0, 5_000) | st.just(10**36 + 1),
        source=st.sampled_from(("faucet", "adjustment", "deposit")),
        credit=st.integers(1, 40),
        reason=st.just("drawn"),
    ),
    st.builds(
        TransferFunds,
        account=st.integers(0, 5),
        to_account=st.integers(0, 5),
        asset=st.sampled_from(("BTC", "USD", "ETH", "DOGE")),
        amount_atoms=st.integers(0, 5_000) | st.just(10**40),
        reference=st.just("drawn"),
    ),
    st.builds(SetRules, version=st.sampled_from((0, 1, 2))),
    st.builds(SetFeeTier, account=st.integers(0, 5), tier=st.sampled_from((-1, 0, 1, 2, 3, 63, 64))),
)
references = st.sampled_from(("w1", "w2", "w3"))
places = st.sampled_from(("custody_hot", "custody_cold", "network_fees"))
withdrawals = st.one_of(
    st.builds(
        HoldWithdrawal,
        account=st.integers(0, 5),
        asset=st.sampled_from(("BTC", "USD", "ETH", "DOGE")),
        amount_atoms=st.integers(0, 5_000) | st.just(10**40),
        reference=references,
    ),
    st.builds(ReleaseWithdrawal, reference=references),
    st.builds(SettleWithdrawal, reference=references, fee_atoms=st.integers(-1, 20)),
    st.builds(
        MoveCustody,
        asset=st.sampled_from(("BTC", "DOGE")),
        amount_atoms=st.integers(0, 50) | st.just(10**36 + 1),
        source=places,
        target=places,
        reference=st.just("drawn"),
    ),
)
states = st.builds(
    SetMarketState,
    market=st.sampled_from((*flow.MARKETS, "DOGE/USD")),
    state=st.sampled_from(("open", "open", "open", "auction", "post_only", "cancel_only", "halted")),
    reason=st.just("drawn"),
)
commands: st.SearchStrategy[Command] = st.one_of(
    orders, orders, orders, orders, amendments, cancels, rare, withdrawals, states
)
steps: st.SearchStrategy[Steps] = st.lists(st.tuples(delays, commands), min_size=10, max_size=LONGEST)


def events(drawn: Steps) -> list[Event]:
    """The prelude, then what was drawn."""
    events = [Event(seq, START_US, command) for seq, command in enumerate(flow.PRELUDE, start=1)]
    at_us = START_US
    for seq, (delay_us, command) in enumerate(drawn, start=FIRST):
        at_us += delay_us
        events.append(Event(seq, at_us, command))
    return events
