"""Features of the engine that no single table shows. The tables of the others are in ``scenarios/``."""

from pathlib import Path

import pytest

from trading.engine.bounds import MAXIMUM_NOTIONAL_ATOMS, MAXIMUM_PRICE_TICKS, MAXIMUM_QUANTITY_LOTS
from trading.engine.commands import Event, PlaceOrder
from trading.engine.engine import Engine
from trading.engine.outcomes import BalanceChanged, Filled, Reason, WithdrawalSettled
from trading.engine.snapshot import dump, load, state_hash
from trading.tests.engine import flow
from trading.tests.engine.desk import ALICE, BOB, BTC, ETH, Desk, ending, fills, kinds, market

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("price_ticks", "lots"),
    [(MAXIMUM_PRICE_TICKS, 10**6), (10**6, MAXIMUM_QUANTITY_LOTS), (10**9, MAXIMUM_NOTIONAL_ATOMS // 10**9)],
)
def test_f27_amounts_are_exact_at_the_bounds(price_ticks: int, lots: int) -> None:
    """Ether has 18 decimals: what changes hands here is far beyond 64 bits."""
    desk = Desk(market="ETH/BTC", base="ETH", quote="BTC", tick_atoms=1, lot_atoms=10**18, minimum_lots=1)
    for account in (ALICE, BOB):
        desk.credit(account, "ETH", 10**36)
        desk.credit(account, "BTC", 10**19)
    before = {account: desk.engine.balance(account, "ETH")[0] for account in (ALICE, BOB)}
    desk.sell(ALICE, lots, price_ticks)
    (fill,) = fills(desk.buy(BOB, lots, price_ticks))
    assert (fill.base_atoms, fill.quote_atoms) == (lots * 10**18, lots * price_ticks)
    assert desk.engine.balance(BOB, "ETH")[0] - before[BOB] == before[ALICE] - desk.engine.balance(ALICE, "ETH")[0]
    assert desk.engine.balance(BOB, "ETH")[0] - before[BOB] == lots * 10**18
    assert ending(desk.buy(BOB, lots + 1, price_ticks)) == Reason.ABOVE_MAXIMUM


def test_f35_every_reason_is_in_the_documentation() -> None:
    text = (ROOT / "docs" / "matching.md").read_text() + (ROOT / "docs" / "api.md").read_text()
    assert [reason for reason in Reason if f"`{reason.value}`" not in text] == []


def test_f36_markets_share_balances_and_nothing_else() -> None:
    desk = Desk()
    desk.do(BTC, ETH, market(market="ETH/USD", base="ETH", tick_atoms=100, lot_atoms=10**16))
    desk.sell(ALICE, 3, 100)
    other = PlaceOrder(
        account=BOB,
        market="ETH/USD",
        side="buy",
        type="limit",
        time_in_force="GTC",
        price_ticks=500,
        quantity_lots=3,
    )
    assert kinds(desk.do(other)) == ["OrderAccepted", "OrderRested", "BalanceChanged"]
    held = desk.engine.balance(BOB, "USD")[1]
    (fill,) = fills(desk.buy(BOB, 3, 100))
    assert fill.market == "BTC/USD" and desk.engine.balance(BOB, "USD")[1] == held == 1500


def test_f37_from_zero_and_from_any_snapshot_the_same_state_and_the_same_outcomes() -> None:
    events = list(flow.events(seed=37, count=4_000))
    whole, resumed = Engine(), Engine()
    for event in events:
        if event.seq % 97 == 0:
            resumed = load(dump(resumed))
        assert list(map(repr, resumed.apply(event))) == list(map(repr, whole.apply(event)))
    assert state_hash(resumed) == state_hash(whole)


def test_f1_all_that_is_credited_is_somebodys_after_every_event() -> None:
    engine = Engine()
    credited: dict[str, int] = {}
    for event in flow.events(seed=1, count=3_000):
        for outcome in engine.apply(event):
            if type(outcome).__name__ == "Credited":
                credited[outcome.asset] = credited.get(outcome.asset, 0) + outcome.amount_atoms  # type: ignore[union-attr]
            elif type(outcome).__name__ == "CreditReversed":
                credited[outcome.asset] -= outcome.amount_atoms  # type: ignore[union-attr]
            elif isinstance(outcome, WithdrawalSettled):
                credited[outcome.asset] -= outcome.amount_atoms - outcome.fee_atoms
        owned: dict[str, int] = {}
        for _, asset, available, held in engine.all_balances():
            assert available >= 0 and held >= 0
            owned[asset] = owned.get(asset, 0) + available + held
        assert owned == {asset: amount for asset, amount in credited.items() if amount}, event


def test_the_last_outcomes_of_an_event_are_its_balances_each_once() -> None:
    engine = Engine()
    met = 0
    for event in flow.events(seed=2, count=3_000):
        outcomes = engine.apply(event)
        changed = [outcome for outcome in outcomes if isinstance(outcome, BalanceChanged)]
        assert outcomes[len(outcomes) - len(changed) :] == changed
        assert len({(one.account, one.asset) for one in changed}) == len(changed)
        for one in changed:
            assert engine.balance(one.account, one.asset) == (one.available_atoms, one.held_atoms)
        met += any(isinstance(outcome, Filled) for outcome in outcomes)
    assert met > 150


def test_an_event_out_of_turn_is_refused() -> None:
    desk = Desk()
    for seq, at_us in ((desk.seq, desk.seq), (desk.seq + 2, desk.seq + 2), (desk.seq + 1, 0)):
        with pytest.raises(Exception, match="event"):
            desk.engine.apply(Event(seq, at_us, BTC))
