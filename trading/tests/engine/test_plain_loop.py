"""The loop over plain commands: where it ends an event, where it leaves one midway, and that both come to what the oracle does.

Each script goes through engine and oracle command by command, and once more through an engine as one packed batch.
"""

from dataclasses import replace
from struct import iter_unpack

import pytest

from trading.engine.commands import (
    CancelAfter,
    CancelOrder,
    Command,
    Credit,
    DefineAsset,
    DefineMarket,
    Event,
    FeeTier,
    Options,
    PlaceOrder,
    SetFeeTier,
    SetOwner,
    SetRules,
    Side,
    TimeInForce,
)
from trading.engine.engine import Engine, InvariantBroken
from trading.engine.outcomes import BalanceChanged, CommandRejected, Filled, OrderFilled, Reason
from trading.engine.packed import pack
from trading.engine.record import GOES_ON, IS_ALL, PLACED, TAKEN
from trading.engine.rules import LATEST
from trading.engine.snapshot import state_hash
from trading.engine.unpacking import unpack

from .comparison import Comparison, facts

MARKET = "BTC/USD"
ANN, BEN, CAT, DAN, EVE = 1, 2, 3, 4, 5  # have ordered before
FAY = 6
LOT_ATOMS = 10**6
STAKE_ATOMS = 10**12
REBATE = 1
"""A fee tier."""


def order(account: int, side: Side, lots: int, price: int, time_in_force: TimeInForce) -> PlaceOrder:
    return PlaceOrder(
        account=account,
        market=MARKET,
        side=side,
        type="limit",
        time_in_force=time_in_force,
        quantity_lots=lots,
        price_ticks=price,
    )


def buy(account: int, lots: int, price: int, time_in_force: TimeInForce = "GTC") -> PlaceOrder:
    return order(account, "buy", lots, price, time_in_force)


def sell(account: int, lots: int, price: int, time_in_force: TimeInForce = "GTC") -> PlaceOrder:
    return order(account, "sell", lots, price, time_in_force)


FUNDED: tuple[Command, ...] = (
    SetRules(version=LATEST),
    DefineAsset(asset="BTC", name="Bitcoin", kind="crypto", decimals=8, trading_decimals=8),
    DefineAsset(asset="USD", name="US dollar", kind="fiat", decimals=2, trading_decimals=2),
    DefineMarket(
        market=MARKET,
        base="BTC",
        quote="USD",
        tick_atoms=100,
        lot_atoms=LOT_ATOMS,
        minimum_lots=2,
        minimum_notional_atoms=150,
        maximum_open_orders=4,
        fee_tiers=(FeeTier(maker_ppm=1_234, taker_ppm=2_611), FeeTier(maker_ppm=-300, taker_ppm=2_000)),
    ),
    *(
        Credit(account=account, asset=asset, amount_atoms=STAKE_ATOMS, source="faucet", reference="stake")
        for account in (ANN, BEN, CAT, DAN)
        for asset in ("BTC", "USD")
    ),
    SetFeeTier(account=DAN, tier=REBATE),
)
PRELUDE = (
    *FUNDED,
    buy(CAT, 2, 80),
    sell(CAT, 2, 120),
    CancelOrder(account=CAT, order=len(FUNDED) + 1),
    CancelOrder(account=CAT, order=len(FUNDED) + 2),
    *(sell(account, 2, 120, "IOC") for account in (ANN, BEN, CAT, DAN, EVE)),
    buy(ANN, 2, 80, "IOC"),
)
"""The loop takes the orders of who has ordered before, if they are of a kind that was there before."""
FIRST = len(PRELUDE) + 1
"""The number of the first order of a script."""


def credit(account: int, asset: str, amount_atoms: int) -> Credit:
    return Credit(account=account, asset=asset, amount_atoms=amount_atoms, source="faucet", reference="more")


def mirrored(command: Command) -> Command:
    """The same from the other side of the book, around a price of 100."""
    if not isinstance(command, PlaceOrder) or command.price_ticks is None:
        return command
    side: Side = "sell" if command.side == "buy" else "buy"
    options = command.options
    if options is not None and options.trigger_ticks is not None:
        options = replace(options, trigger_ticks=200 - options.trigger_ticks)
    return replace(command, side=side, price_ticks=200 - command.price_ticks, options=options)


ICEBERG = replace(sell(ANN, 9, 101), options=Options(display_lots=3))
OLDEST = replace(buy(ANN, 5, 101), options=Options(self_trade_prevention="cancel_oldest"))
STOP = replace(buy(CAT, 3, 110), type="stop_limit", options=Options(trigger_ticks=101))
PEGGED = replace(buy(CAT, 3, 97), options=Options(peg="best_bid"))
MAKERS: tuple[Command, ...] = (sell(BEN, 3, 100), sell(CAT, 4, 100), sell(BEN, 5, 101))

SCRIPTS: dict[str, tuple[Command, ...]] = {
    "filled whole by one": (*MAKERS, buy(ANN, 3, 100)),
    "filled whole by a part of one": (*MAKERS, buy(ANN, 2, 105), buy(ANN, 2, 105, "IOC")),
    "filled whole over levels, one maker twice": (*MAKERS, buy(ANN, 10, 101), buy(ANN, 2, 101)),
    "the rest comes to rest": (*MAKERS, buy(ANN, 9, 100), sell(CAT, 2, 100)),
    "the rest is cancelled": (*MAKERS, buy(ANN, 9, 100, "IOC"), buy(ANN, 20, 101, "IOC")),
    "nothing to take": (*MAKERS, buy(ANN, 9, 99, "IOC"), buy(ANN, 9, 99)),
    "its own after others": (sell(BEN, 3, 100), sell(ANN, 4, 100), buy(ANN, 9, 100)),
    "its own first": (sell(ANN, 4, 100), sell(BEN, 3, 100), buy(ANN, 9, 100, "IOC")),
    "its owner's": (SetOwner(account=CAT, owner=ANN), *MAKERS, buy(ANN, 5, 100), buy(ANN, 3, 100)),
    "one that prevents in another way": (*MAKERS, sell(ANN, 2, 100), OLDEST, OLDEST),
    "an iceberg after others": (sell(BEN, 3, 101), ICEBERG, buy(CAT, 7, 101), buy(CAT, 9, 101)),
    "a rebate after others": (sell(BEN, 3, 101), sell(DAN, 3, 101), sell(CAT, 4, 101), buy(ANN, 8, 101)),
    "a taker with a rebate": (*MAKERS, buy(DAN, 5, 101), buy(DAN, 9, 101)),
    "a stop waits": (STOP, sell(BEN, 3, 100), buy(ANN, 3, 100), *MAKERS, buy(ANN, 9, 101)),
    "a stop waits, and nothing trades": (STOP, sell(ANN, 3, 101), buy(ANN, 3, 101, "IOC"), buy(ANN, 3, 101)),
    "somebody is pegged": (
        buy(BEN, 2, 95),
        PEGGED,
        *MAKERS,
        buy(ANN, 4, 100),
        buy(BEN, 2, 96),
        CancelOrder(account=BEN, order=FIRST),
    ),
    "a switch is due": (
        CancelAfter(account=BEN, timeout_us=5),
        *MAKERS,
        buy(ANN, 3, 100),
        buy(ANN, 3, 100),
        CancelOrder(account=ANN, order=FIRST + 5),
    ),
    "a switch is due at last": (CancelAfter(account=BEN, timeout_us=4), *MAKERS, buy(ANN, 3, 90)),
    "a switch is due after an order that went on": (
        CancelAfter(account=BEN, timeout_us=5),
        *MAKERS,
        buy(ANN, 9, 100),
        buy(CAT, 2, 90),
        buy(CAT, 2, 91),
    ),
    "at the lowest price": (sell(BEN, 200, 1), sell(CAT, 300, 1), buy(ANN, 150, 1), buy(ANN, 300, 1)),
    "partly filled, then cancelled": (
        sell(BEN, 9, 100),
        buy(ANN, 4, 100),
        buy(CAT, 2, 100),
        CancelOrder(account=BEN, order=FIRST),
        CancelOrder(account=BEN, order=FIRST),
    ),
    "partly filled, then filled": (sell(BEN, 9, 100), buy(ANN, 4, 100), buy(CAT, 2, 100), buy(ANN, 3, 100)),
    "cancelled at head, in the middle, at the tail": (
        *(sell(account, lots, 100) for lots, account in ((2, ANN), (3, BEN), (4, CAT), (5, BEN), (6, CAT))),
        CancelOrder(account=ANN, order=FIRST),
        CancelOrder(account=CAT, order=FIRST + 2),
        CancelOrder(account=CAT, order=FIRST + 4),
        buy(ANN, 8, 100),
        sell(BEN, 2, 100),
        CancelOrder(account=BEN, order=FIRST + 9),
    ),
    "cancelled first, in the middle, last of its account": (
        *(sell(BEN, 2, price) for price in (101, 102, 103, 104)),
        CancelOrder(account=BEN, order=FIRST + 1),
        CancelOrder(account=BEN, order=FIRST + 3),
        CancelOrder(account=BEN, order=FIRST),
        sell(BEN, 2, 101),
        sell(BEN, 2, 105),
        sell(BEN, 2, 106),
        sell(BEN, 2, 107),
    ),
    "another's order": (
        sell(BEN, 3, 100),
        CancelOrder(account=ANN, order=FIRST),
        CancelOrder(account=BEN, order=FIRST + 9),
    ),
    "as many orders as there may be": (
        *MAKERS,
        *(buy(ANN, 2, price) for price in (90, 91, 92, 93, 94)),
        buy(ANN, 2, 100),
        buy(ANN, 2, 100, "IOC"),
        CancelOrder(account=ANN, order=FIRST + 3),
        buy(ANN, 2, 100),
    ),
    "too small": (sell(BEN, 1, 100), sell(BEN, 2, 74), sell(BEN, 2, 75), buy(ANN, 2, 75), buy(ANN, 1, 300)),
    "fees that are whole atoms": (
        sell(BEN, 11_000, 100),
        buy(ANN, 5_000, 100),  # 500,000, of which 1,234 ppm are 617
        buy(ANN, 4_998, 100),
        buy(ANN, 2, 100),
        buy(ANN, 1_000, 100),
    ),
    "special ones are cancelled": (
        STOP,
        sell(BEN, 3, 101),
        ICEBERG,
        CancelOrder(account=CAT, order=FIRST),
        CancelOrder(account=ANN, order=FIRST + 2),
        buy(CAT, 4, 101),
    ),
    "of a new kind, with as many lots as its account's order has for a number": (
        sell(BEN, 3, 100),
        replace(buy(BEN, FIRST, 90), time_in_force="FOK"),
        CancelOrder(account=BEN, order=FIRST),
    ),
    "too large, with enough for it": (
        credit(ANN, "USD", 10**14),
        credit(ANN, "BTC", 10**19),
        buy(ANN, 2, 10**12),
        buy(ANN, 2, 10**12 + 1),
        sell(ANN, 10**12 + 1, 2 * 10**12),
    ),
    "too large": (sell(BEN, 10**12, 100), sell(BEN, 10**12 + 1, 1), buy(ANN, 2, 10**12), buy(ANN, 2, 10**12 + 1)),
    "post-only": (
        *MAKERS,
        replace(buy(ANN, 2, 100), post_only="reject"),
        replace(buy(ANN, 2, 99), post_only="reject"),
        replace(buy(ANN, 2, 100), post_only="reject"),
    ),
    "fill or kill": (
        *MAKERS,
        replace(buy(ANN, 99, 101), time_in_force="FOK"),
        replace(buy(ANN, 8, 101), time_in_force="FOK"),
        replace(buy(ANN, 99, 101), time_in_force="FOK"),
    ),
    "an account's first orders": (
        *MAKERS,
        credit(FAY, "USD", 10_000),
        buy(FAY, 3, 100),
        buy(FAY, 3, 90),
        buy(FAY, 3, 101),
    ),
    "exactly enough to rest": (
        buy(EVE, 2, 90),
        credit(EVE, "USD", 901),  # 900, and 1,234 ppm of it rounded up, is 902
        buy(EVE, 10, 90),
        credit(EVE, "USD", 1),
        buy(EVE, 10, 90),
        CancelOrder(account=EVE, order=FIRST + 4),
    ),
    "exactly enough to take": (
        buy(EVE, 2, 90),
        *MAKERS,
        credit(EVE, "USD", 300),  # 300, and 2,611 ppm of it rounded up, is 301
        buy(EVE, 3, 100),
        credit(EVE, "USD", 1),
        buy(EVE, 3, 100),
        buy(EVE, 2, 100),
        buy(CAT, 9, 95),
        sell(EVE, 4, 90),
        sell(EVE, 3, 90),
        buy(ANN, 3, 90),
    ),
}


def played(script: tuple[Command, ...], prelude: tuple[Command, ...] = PRELUDE) -> Comparison:
    """The script through engine and oracle; then the plain commands at its end as one batch through a second engine."""
    comparison, packed = Comparison(), Engine()
    batch: list[Event] = []
    expected = []
    for seq, command in enumerate((*prelude, *script), start=1):
        event = Event(seq, seq, command)
        expected.append(facts(comparison.apply(event)))
        try:
            pack(event, comparison.engine)
        except ValueError:
            flush(packed, batch, expected[:-1])
            expected = expected[-1:]
            assert [facts(packed.apply(event))] == expected
            expected = []
        else:
            batch.append(event)
    flush(packed, batch, expected)
    assert (packed.seq, packed.at_us) == (seq, seq)
    assert state_hash(packed) == state_hash(comparison.engine)
    return comparison


def flush(packed: Engine, batch: list[Event], expected: list[list[tuple[str, object]]]) -> None:
    words = packed.apply_packed(b"".join(pack(event, packed) for event in batch))
    assert [facts(outcomes) for outcomes in unpack(words, packed)] == expected
    batch.clear()


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=list(SCRIPTS))
def test_a_script_comes_to_what_the_oracle_says(script: tuple[Command, ...]) -> None:
    played(script)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=list(SCRIPTS))
def test_so_does_its_mirror_image(script: tuple[Command, ...]) -> None:
    played(tuple(mirrored(command) for command in script))


@pytest.mark.parametrize("poor", ["maker", "taker"])
@pytest.mark.parametrize("missing", [0, 1, 300, 10_000])
@pytest.mark.parametrize("limit_atoms", [2**61, 2**63])
def test_whose_balance_grows_beyond_a_word_is_told_whole(poor: str, limit_atoms: int, missing: int) -> None:
    """``missing``: what the one who gets the quote had less than too much for a word of the record, and for any word."""
    getter, giver = (BEN, ANN) if poor == "maker" else (ANN, BEN)
    script = (
        credit(getter, "USD", limit_atoms - STAKE_ATOMS - missing),
        sell(BEN, 3, 100) if poor == "maker" else buy(BEN, 3, 100),
        buy(giver, 3, 100) if poor == "maker" else sell(getter, 3, 100),
        sell(CAT, 3, 101),
        buy(ANN, 2, 101),
        buy(getter, 2, 90),
        CancelOrder(account=getter, order=FIRST + 5),
    )
    comparison = played(script)
    assert comparison.engine.matcher.last_trade == 2


@pytest.mark.parametrize("asset", ["BTC", "USD"])
@pytest.mark.parametrize("rich", [ANN, BEN])
@pytest.mark.parametrize("script", [(*MAKERS, buy(ANN, 5, 101)), (*MAKERS, buy(ANN, 20, 101))], ids=["filled", "rests"])
def test_who_has_more_than_a_word_trades_like_anyone(script: tuple[Command, ...], rich: int, asset: str) -> None:
    rich_script = (credit(rich, asset, 2**63), *script)
    played(rich_script)
    played(tuple(mirrored(command) for command in rich_script))


def test_makers_are_told_once_where_they_came_first_and_as_they_are_at_last() -> None:
    comparison = played(SCRIPTS["filled whole over levels, one maker twice"][:-1])
    outcomes = Comparison().engine.apply_many(
        [Event(n, n, command) for n, command in enumerate((*PRELUDE, *MAKERS, buy(ANN, 10, 101)), start=1)]
    )[-1]
    names = [type(outcome) for outcome in outcomes[1:]]
    assert names == [Filled, OrderFilled, Filled, OrderFilled, Filled, OrderFilled] + 6 * [BalanceChanged]
    told = [outcome for outcome in outcomes if isinstance(outcome, BalanceChanged)]
    assert [(one.account, one.asset) for one in told] == [
        (account, asset) for account, pays in ((ANN, "USD"), (BEN, "BTC"), (CAT, "BTC")) for asset in _both(pays)
    ]
    assert all(
        (one.available_atoms, one.held_atoms) == comparison.engine.balance(one.account, one.asset) for one in told
    )


def _both(first: str) -> tuple[str, str]:
    return (first, "USD" if first == "BTC" else "BTC")


@pytest.mark.parametrize(("lots", "end"), [(10, IS_ALL), (99, GOES_ON)])
def test_trades_of_plain_makers_take_one_row_each(lots: int, end: int) -> None:
    """Also at the time of the event before. Where the loop leaves an order, the general way goes on after what it has told."""
    engine = Engine()
    engine.apply_many([Event(n, n, one) for n, one in enumerate((*PRELUDE, *MAKERS), start=1)])
    seq = engine.seq + 1
    data = engine.apply_packed(pack(Event(seq, seq - 1, buy(ANN, lots, 101)), engine))
    words = [word for (word,) in iter_unpack("<q", data)]
    assert words[0] & 255 == TAKEN
    assert [words[5 + 11 * row] for row in range(4)] == [100, 100, 101, end]


def test_the_least_that_may_be_ordered_rests_in_one_row() -> None:
    engine = Engine()
    engine.apply_many([Event(n, n, one) for n, one in enumerate(PRELUDE, start=1)])
    data = engine.apply_packed(pack(Event(FIRST, FIRST, buy(ANN, 2, 75)), engine))
    assert [word & 255 for (word,) in iter_unpack("<q", data)][:1] == [PLACED]


@pytest.mark.parametrize("command", [CancelOrder(account=BEN, order=FIRST), buy(ANN, 3, 100)])
def test_a_hold_that_is_not_there_raises_in_its_event(command: Command) -> None:
    engine = Engine()
    events = [Event(n, n, one) for n, one in enumerate((*PRELUDE, sell(BEN, 3, 100), buy(ANN, 2, 90)), start=1)]
    engine.apply_many(events)
    engine.balances.of(BEN, "BTC").held_atoms -= 1
    seq = engine.seq + 1
    with pytest.raises(InvariantBroken, match=f"order {FIRST} "):
        engine.apply_packed(pack(Event(seq, seq, command), engine))
    assert (engine.seq, engine.at_us) == (seq, seq)


def test_a_batch_that_goes_back_in_time_raises_there_and_keeps_what_came_before() -> None:
    engine, other = Engine(), Engine()
    for one in (engine, other):
        one.apply_many([Event(n, n, command) for n, command in enumerate(PRELUDE, start=1)])
    kept = Event(FIRST, FIRST + 10, sell(BEN, 3, 100))
    for command in (buy(ANN, 3, 90), CancelOrder(account=BEN, order=FIRST)):
        late = Event(FIRST + 1, FIRST + 9, command)
        with pytest.raises(InvariantBroken, match=f"event {FIRST + 1} is at {FIRST + 9}, before {FIRST + 10}"):
            (engine if command.account == ANN else other).apply_packed(pack(kept, engine) + pack(late, engine))
    fresh = Engine()
    fresh.apply_many([*(Event(n, n, command) for n, command in enumerate(PRELUDE, start=1)), kept])
    assert state_hash(engine) == state_hash(other) == state_hash(fresh)


def test_a_cancel_before_there_is_any_market_finds_no_order() -> None:
    engine = Engine()
    cancel = Event(1, 1, CancelOrder(account=ANN, order=1))
    assert unpack(engine.apply_packed(pack(cancel, engine)), engine) == [[CommandRejected(Reason.UNKNOWN_ORDER)]]
    assert engine.seq == 1


@pytest.mark.parametrize(("band_ppm", "breaker_ppm"), [(50_000, None), (None, 50_000)])
def test_a_market_with_a_guard_refuses_what_goes_too_far_from_its_last_price(
    band_ppm: int | None, breaker_ppm: int | None
) -> None:
    prelude = tuple(
        replace(command, price_band_ppm=band_ppm, breaker_ppm=breaker_ppm)
        if isinstance(command, DefineMarket)
        else command
        for command in PRELUDE
    )
    script = (*MAKERS, sell(CAT, 3, 104), sell(CAT, 3, 106), buy(ANN, 12, 101), buy(ANN, 6, 106), buy(ANN, 2, 94))
    played(script, prelude)
    played(tuple(mirrored(command) for command in script), prelude)


def test_a_taker_of_large_amounts_needs_them_to_the_last_atom() -> None:
    """A lot at a tick is a million atoms here, so one atom is less than a float tells apart."""
    prelude = tuple(
        replace(command, tick_atoms=10**8) if isinstance(command, DefineMarket) else command for command in PRELUDE
    )
    take = buy(EVE, 999_999, 99_999)
    missing_one = credit(EVE, "USD", 100_259_997_128_902_610)  # the value and 2,611 ppm of it, rounded up, less one
    script = (sell(BEN, 999_999, 99_999), missing_one, take, credit(EVE, "USD", 1), take)
    comparison = played(script, prelude)
    assert comparison.engine.matcher.last_trade == 1
    assert comparison.engine.balance(EVE, "USD") == (0, 0)
