"""Withdrawals in the books: what is held moves nothing, what has left is posted against the hot wallet."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.fixtures import Database
from trading.engine.commands import FeeTier, HoldWithdrawal, MoveCustody, ReleaseWithdrawal, SettleWithdrawal
from trading.engine.outcomes import BalanceChanged, Filled, WithdrawalSettled
from trading.projections.postings import entry
from trading.withdrawal_holds import has_ended, was_held

from .ledgers import Ledgered, come_to
from .test_books import assert_in_step, listed
from .world import ALICE, BOB, LISTING, MARKET


@pytest.fixture
def books(database: Database) -> Iterator[Ledgered]:
    with Ledgered(database) as books:
        yield books


def test_a_withdrawal_is_held_and_released_without_moving_and_settled_out_of_the_hot_wallet(books: Ledgered) -> None:
    listed(books, FeeTier(maker_ppm=1_000, taker_ppm=9_000), ALICE, BOB)
    for reference in ("kept", "paid"):
        books.do(HoldWithdrawal(account=ALICE, asset="BTC", amount_atoms=100, reference=reference))
    assert books.lines(books.seq) == [(ALICE, "user", "BTC", "hold", 0, 200)]
    assert was_held(books.connection, books.seq) is True
    assert_in_step(books)
    books.do(ReleaseWithdrawal(reference="kept"))
    assert books.lines(books.seq) == [(ALICE, "user", "BTC", "hold", 0, 100)]
    assert (has_ended(books.connection, books.seq), was_held(books.connection, books.seq)) == (True, False)
    books.do(SettleWithdrawal(reference="paid", fee_atoms=3))
    assert books.lines(books.seq) == [
        (ALICE, "user", "BTC", "withdrawal", -97, 0),
        (ALICE, "user", "BTC", "fee", -3, 0),
        (None, "custody_hot", "BTC", "withdrawal", 97, 0),
        (None, "fees", "BTC", "fee", 3, 0),
    ]
    assert has_ended(books.connection, books.seq) is True
    books.do(SettleWithdrawal(reference="paid", fee_atoms=3))
    assert books.lines(books.seq) == []
    assert has_ended(books.connection, books.seq) is False
    books.journal(ReleaseWithdrawal(reference="paid"))
    assert has_ended(books.connection, books.seq + 1) is None, "the books have not come so far"
    assert_in_step(books)


def test_a_trade_that_falls_into_a_withdrawal_s_event_is_posted_with_it() -> None:
    """A stop that one event leaves in the queue acts in the next one, which settles a withdrawal: fees of both are posted."""
    filled = Filled(
        trade=1, market="BTC/USD", price_ticks=30, quantity_lots=1, base_atoms=5, quote_atoms=300, taker_side="buy",
        taker_order=1, taker_account=ALICE, taker_fee_atoms=3, maker_order=2, maker_account=BOB, maker_fee_atoms=1,
        maker_remaining_lots=0, rounding_atoms=1,
    )  # fmt: skip
    settled = WithdrawalSettled(ALICE, "USD", 100, 7, "paid")
    changed = [BalanceChanged(ALICE, "USD", 0, 0), BalanceChanged(BOB, "USD", 0, 0)]
    command = SettleWithdrawal(reference="paid", fee_atoms=7)
    applied = come_to(9, command, [filled, settled, *changed])
    posted = entry(applied, {"BTC/USD": MARKET})
    assert posted is not None
    lines = [(key[0], key[2], kind, amount) for key, kind, amount, _ in posted.lines]
    assert (ALICE, "user", "withdrawal", -93) in lines and (ALICE, "user", "fee", -10) in lines
    assert (None, "fees", "fee", 10) in lines and (None, "rounding", "rounding", 1) in lines
    assert sum(amount for (_, asset, _), _, amount, _ in posted.lines if asset == "USD") == 0


def test_custody_that_moves_is_posted_though_no_balance_changes(books: Ledgered) -> None:
    books.do(*LISTING)
    move = MoveCustody(asset="BTC", amount_atoms=40, source="custody_hot", target="network_fees", reference="payout 1")
    books.do(move)
    assert books.lines(books.seq) == [
        (None, "custody_hot", "BTC", "custody", 40, 0),
        (None, "network_fees", "BTC", "custody", -40, 0),
    ]
    books.do(replace(move, asset="DOGE"))
    assert books.lines(books.seq) == []
    assert_in_step(books)
