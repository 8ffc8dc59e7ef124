"""The engine and the oracle give the same outcomes, event by event, and the engine's invariants hold after each."""

from collections import Counter
from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading.engine.commands import (
    CancelAll,
    CancelOrder,
    Command,
    Credit,
    Event,
    PlaceOrder,
    ReverseCredit,
    SetFeeTier,
    SetMarketState,
    SetRules,
)
from trading.engine.engine import Engine
from trading.engine.outcomes import (
    CommandRejected,
    Credited,
    CreditReversed,
    Filled,
    OrderCancelled,
    OrderRejected,
    Outcome,
    Reason,
)
from trading.engine.snapshot import dump, load, state_hash

from . import flow, invariants
from .oracle import Oracle

Facts = list[tuple[str, Outcome]]

accounts = st.sampled_from(flow.ACCOUNTS)
markets = st.sampled_from(flow.MARKETS)
sides = st.sampled_from(("buy", "sell"))
prices = st.integers(1, 8)
lots = st.integers(1, 25)

limit_orders = st.builds(
    PlaceOrder,
    account=accounts,
    market=markets,
    side=sides,
    type=st.just("limit"),
    time_in_force=st.sampled_from(("GTC", "GTC", "GTC", "IOC", "FOK")),
    quantity_lots=lots,
    budget_atoms=st.none(),
    price_ticks=prices,
    post_only=st.sampled_from(("none", "none", "none", "reject")),
    client_order_id=st.none(),
)
market_orders = st.builds(
    PlaceOrder,
    account=accounts,
    market=markets,
    side=sides,
    type=st.just("market"),
    time_in_force=st.sampled_from(("IOC", "FOK")),
    quantity_lots=lots,
    budget_atoms=st.none(),
    price_ticks=st.none() | prices,
    post_only=st.just("none"),
    client_order_id=st.none(),
)
budget_orders = st.builds(
    PlaceOrder,
    account=accounts,
    market=markets,
    side=st.just("buy"),
    type=st.just("market"),
    time_in_force=st.just("IOC"),
    quantity_lots=st.none(),
    budget_atoms=st.integers(1, 1_000),
    price_ticks=st.none() | prices,
    post_only=st.just("none"),
    client_order_id=st.none(),
)
any_orders = st.builds(
    PlaceOrder,
    account=st.integers(-1, 4),
    market=st.sampled_from((*flow.MARKETS, "DOGE/USD")),
    side=sides,
    type=st.sampled_from(("limit", "market")),
    time_in_force=st.sampled_from(("GTC", "IOC", "FOK")),
    quantity_lots=st.none() | st.integers(-1, 3) | st.just(10**12) | st.just(10**12 + 1),
    budget_atoms=st.none() | st.integers(-1, 40) | st.just(10**18) | st.just(10**18 + 1),
    price_ticks=st.none() | st.integers(-1, 3) | st.just(10**12) | st.just(10**12 + 1),
    post_only=st.sampled_from(("none", "reject")),
    client_order_id=st.none(),
)
cancels = st.builds(CancelOrder, account=accounts, order=st.integers(len(flow.PRELUDE), len(flow.PRELUDE) + 40))
rare = st.one_of(
    st.builds(CancelAll, account=st.integers(0, 4), market=st.none() | markets, side=st.none() | sides),
    st.builds(
        Credit,
        account=st.integers(0, 4),
        asset=st.sampled_from(("BTC", "USD", "ETH", "DOGE")),
        amount_atoms=st.integers(0, 300),
        source=st.just("faucet"),
        reference=st.just("drawn"),
    ),
    st.builds(
        ReverseCredit,
        account=st.integers(0, 4),
        asset=st.sampled_from(("BTC", "USD", "ETH", "DOGE")),
        amount_atoms=st.integers(0, 5_000) | st.just(10**36 + 1),
        source=st.sampled_from(("faucet", "adjustment")),
        credit=st.integers(1, 40),
        reason=st.just("drawn"),
    ),
    st.builds(SetRules, version=st.sampled_from((0, 1, 2))),
    st.builds(SetFeeTier, account=st.integers(0, 4), tier=st.sampled_from((-1, 0, 1, 2, 3, 63, 64))),
    st.builds(
        SetMarketState,
        market=st.sampled_from((*flow.MARKETS, "DOGE/USD")),
        state=st.sampled_from(("open", "open", "cancel_only", "halted")),
        reason=st.just("drawn"),
    ),
)
drawn_commands = st.lists(
    st.one_of(limit_orders, limit_orders, limit_orders, market_orders, budget_orders, cancels, rare, any_orders),
    min_size=10,
    max_size=60,
)


class Comparison:
    """An engine and an oracle that are given the same events."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.oracle = Oracle()
        self.credited: Counter[str] = Counter()

    def apply(self, command: Command) -> list[Outcome]:
        event = Event(seq=self.engine.seq + 1, at_us=1_000 * (self.engine.seq // 3), command=command)
        outcomes = self.engine.apply(event)
        assert facts(outcomes) == facts(self.oracle.apply(event)), event
        self.check_orders()
        for outcome in outcomes:
            if isinstance(outcome, Credited):
                self.credited[outcome.asset] += outcome.amount_atoms
            elif isinstance(outcome, CreditReversed):
                self.credited[outcome.asset] -= outcome.amount_atoms
        invariants.check(self.engine, self.credited)
        return outcomes

    def check_orders(self) -> None:
        """The open orders are the oracle's, with what they remember."""
        assert len(self.engine.orders) == len(self.oracle.open)
        for naive in self.oracle.open:
            order = self.engine.orders[naive.number]
            assert (order.account, order.market, order.side) == (naive.account, naive.market, naive.side)
            assert (order.price_ticks, order.quantity_lots) == (naive.price, naive.lots)
            assert (order.remaining_lots, order.filled_quote_atoms) == (naive.remaining, naive.traded)
            assert (order.maker_ppm, order.taker_ppm) == (naive.maker_ppm, naive.taker_ppm)
            assert order.fee_ppm_sum == naive.exact_fee * 1_000_000
            assert (order.accepted_at_us, order.updated_at_us) == (naive.accepted_at, naive.updated_at)


def facts(outcomes: Iterable[Outcome]) -> Facts:
    """With the name of each outcome: as tuples, facts of different classes can be equal."""
    return [(type(outcome).__name__, outcome) for outcome in outcomes]


@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn_commands)
def test_the_engine_does_what_the_oracle_does(drawn: list[Command]) -> None:
    comparison = Comparison()
    for command in (*flow.PRELUDE, *drawn):
        comparison.apply(command)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn_commands, st.data())
def test_a_snapshot_anywhere_and_the_tail_give_the_same_as_the_whole(drawn: list[Command], data: st.DataObject) -> None:
    events = [
        Event(seq=seq, at_us=seq, command=command) for seq, command in enumerate((*flow.PRELUDE, *drawn), start=1)
    ]
    cut = data.draw(st.integers(0, len(events)), label="cut")
    whole = Engine()
    for event in events[:cut]:
        whole.apply(event)
    resumed = load(dump(whole))
    for event in events[cut:]:
        assert facts(resumed.apply(event)) == facts(whole.apply(event))
    assert state_hash(resumed) == state_hash(whole)


def test_thirty_thousand_commands_like_the_oracle_meeting_every_ending() -> None:
    comparison = Comparison()
    resumed = Engine()
    endings: Counter[Reason] = Counter()
    reversals: Counter[type[Outcome]] = Counter()
    roundings: Counter[int] = Counter()
    for command in flow.commands(seed=20_240_601, count=30_000):
        outcomes = comparison.apply(command)
        event = Event(seq=resumed.seq + 1, at_us=comparison.engine.at_us, command=command)
        assert facts(resumed.apply(event)) == facts(outcomes)
        if event.seq % 1_000 == 0:
            assert state_hash(resumed) == state_hash(comparison.engine)
            resumed = load(dump(resumed))
        endings.update(outcome.reason for outcome in outcomes if isinstance(outcome, (OrderCancelled, OrderRejected)))
        roundings.update(outcome.rounding_atoms for outcome in outcomes if isinstance(outcome, Filled))
        if isinstance(command, ReverseCredit):
            reversals[type(outcomes[0])] += 1
    assert all(roundings[atoms] >= 20 for atoms in (0, 1, 2)), roundings
    assert min(reversals[CreditReversed], reversals[CommandRejected]) >= 20, reversals
    assert comparison.engine.matcher.last_trade > 5_000
    for reason in (
        Reason.UNKNOWN_MARKET,
        Reason.INVALID_ORDER,
        Reason.MARKET_CLOSED,
        Reason.BELOW_MINIMUM,
        Reason.TOO_MANY_ORDERS,
        Reason.INSUFFICIENT_FUNDS,
        Reason.WOULD_TAKE,
        Reason.NOT_FILLED_WHOLE,
        Reason.NO_LIQUIDITY,
        Reason.SELF_TRADE,
        Reason.IMMEDIATE_OR_CANCEL,
        Reason.SLIPPAGE_CAP,
        Reason.BUDGET_SPENT,
        Reason.USER_CANCELLED,
    ):
        assert endings[reason] >= 20, f"{reason} was met {endings[reason]} times"
