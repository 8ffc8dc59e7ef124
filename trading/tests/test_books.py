"""The books of small histories, worked out by hand; and that nothing can be changed in them without being named."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import psycopg
import pytest

import ledger.checks
import ledger.queries
from ledger.chart import Kind
from ledger.reports import BalanceSheet, balance_sheet, income_statement, trial_balance
from tests.fixtures import Cluster, Database, manage
from trading.books import disagreements, standing
from trading.engine.commands import (
    CancelOrder,
    Credit,
    CreditSource,
    FeeTier,
    Options,
    ReverseCredit,
    SetMarketState,
    TransferFunds,
)
from trading.engine.outcomes import BalanceChanged, CommandRejected, Credited, CreditReversed, Filled, Reason
from trading.fold import Fold
from trading.journal.append import append
from trading.journal.read import records_between
from trading.journal.records import draft, new_command_id
from trading.outcome_chain import KINDS
from trading.projections.postings import entry
from trading.rederivation import Rederivation

from .engine import flow
from .ledgers import SECOND_US, START_US, Ledgered, come_to, differences
from .world import ALICE, BOB, LISTING, MARKET, limit

LOT = 1000
"""BTC atoms. One lot at a price of one tick is 10 USD atoms; the maker pays 0.1 %, the taker 0.2 %."""


def credit(account: int, asset: str, atoms: int, source: CreditSource = "faucet") -> Credit:
    return Credit(account=account, asset=asset, amount_atoms=atoms, source=source, reference="test")


def reversal(of: Credit, seq: int) -> ReverseCredit:
    return ReverseCredit(
        account=of.account, asset=of.asset, amount_atoms=of.amount_atoms, source=of.source, credit=seq, reason="test"
    )


def textbook(books: Ledgered) -> Iterator[str]:
    """A short history; says of each event what it is, after it was posted."""
    books.do(*LISTING)
    for account, asset, atoms in ((ALICE, "BTC", 200 * LOT), (BOB, "USD", 100_000)):
        books.do(credit(account, asset, atoms))
        yield f"credit {asset}"
    books.do(limit(ALICE, "sell", 33, 103))
    yield "rest"
    books.do(limit(BOB, "buy", 33, 101))
    yield "fill"
    books.do(limit(BOB, "buy", 33, 1))
    yield "fill again"
    books.do(CancelOrder(account=ALICE, order=6))
    yield "cancel"
    mistake = credit(BOB, "USD", 500, "adjustment")
    books.do(mistake)
    yield "mistake"
    books.do(reversal(mistake, books.seq))
    yield "reversal"


@pytest.fixture
def books(database: Database) -> Iterator[Ledgered]:
    with Ledgered(database) as books:
        yield books


def sheets(books: Ledgered) -> dict[str, BalanceSheet]:
    found = {sheet.asset: sheet for sheet in balance_sheet(books.connection)}
    assert all(sheet.is_balanced for sheet in found.values())
    return found


def test_every_event_of_the_textbook_is_posted_as_it_says(books: Ledgered) -> None:
    """33 ticks times 101 lots is 33,330 atoms: fees of 66.66 and 33.33. One lot more is 330: 0.66, and 0.33 more."""
    cause = {}
    for name in textbook(books):
        cause[name] = books.seq
    assert books.lines(cause["credit BTC"]) == [
        (ALICE, "user", "BTC", "faucet", 200 * LOT, 0),
        (None, "faucet", "BTC", "faucet", -200 * LOT, 0),
    ]
    assert books.lines(cause["rest"]) == [(ALICE, "user", "BTC", "hold", 0, 103 * LOT)]
    assert books.lines(cause["fill"]) == [
        (BOB, "user", "USD", "trade", -33_330, 0),
        (BOB, "user", "USD", "fee", -67, 0),
        (BOB, "user", "BTC", "trade", 101 * LOT, 0),
        (ALICE, "user", "BTC", "trade", -101 * LOT, 2 * LOT),
        (ALICE, "user", "USD", "trade", 33_330, 0),
        (ALICE, "user", "USD", "fee", -34, 0),
        (None, "fees", "USD", "fee", 99, 0),
        (None, "rounding", "USD", "rounding", 2, 0),
    ]
    assert books.lines(cause["fill again"]) == [
        (BOB, "user", "USD", "trade", -330, 0),
        (BOB, "user", "USD", "fee", -1, 0),
        (BOB, "user", "BTC", "trade", LOT, 0),
        (ALICE, "user", "BTC", "trade", -LOT, LOT),
        (ALICE, "user", "USD", "trade", 330, 0),
        (None, "rounding", "USD", "rounding", 1, 0),
    ], "the maker's 33.66 are 34 as before; all that is new is the taker's 0.66 rounded up"
    assert books.lines(cause["cancel"]) == [(ALICE, "user", "BTC", "hold", 0, 0)]
    assert books.lines(cause["reversal"]) == [
        (BOB, "user", "USD", "reversal", -500, 0),
        (None, "adjustment", "USD", "reversal", 500, 0),
    ]
    assert ledger.checks.findings(books.connection) == []
    assert differences(books.connection) == []


def test_the_balance_sheet_is_in_balance_after_every_event(books: Ledgered) -> None:
    usd, btc = {}, {}
    for name in textbook(books):
        found = sheets(books)
        if "USD" in found:
            usd[name] = (found["USD"].by_kind[Kind.USER], found["USD"].result)
        btc[name] = (found["BTC"].available, found["BTC"].held, found["BTC"].result)
    all_btc = 200 * LOT
    assert btc == {
        "credit BTC": (all_btc, 0, -all_btc),
        "credit USD": (all_btc, 0, -all_btc),
        "rest": (97 * LOT, 103 * LOT, -all_btc),
        "fill": (198 * LOT, 2 * LOT, -all_btc),
        "fill again": (199 * LOT, LOT, -all_btc),
        "cancel": (all_btc, 0, -all_btc),
        "mistake": (all_btc, 0, -all_btc),
        "reversal": (all_btc, 0, -all_btc),
    }
    assert usd == {
        "credit USD": (100_000, -100_000),
        "rest": (100_000, -100_000),
        "fill": (99_899, -99_899),
        "fill again": (99_898, -99_898),
        "cancel": (99_898, -99_898),
        "mistake": (100_398, -100_398),
        "reversal": (99_898, -99_898),
    }


def test_income_and_past_balance_sheets_are_of_their_day(books: Ledgered) -> None:
    first = dt.datetime.fromtimestamp(START_US // 10**6, dt.UTC).date()
    second = first + dt.timedelta(days=1)
    for name in textbook(books):
        if name == "fill":
            books.now_us += 86_400 * 10**6
    held = {day: balance_sheet(books.connection, day=day)[0].held for day in (first, second)}
    assert held == {first: 2 * LOT, second: 0}
    now = {sheet.asset: sheet for sheet in balance_sheet(books.connection)}
    assert now == {sheet.asset: sheet for sheet in balance_sheet(books.connection, day=second)}
    assert balance_sheet(books.connection, day=first - dt.timedelta(days=1)) == []
    incomes = {(one.day, one.asset): one for one in income_statement(books.connection, first=first, last=second)}
    assert list(incomes) == [(first, "BTC"), (first, "USD"), (second, "USD")]
    nothing = {Kind.FEES: 0, Kind.ROUNDING: 0, Kind.NETWORK_FEES: 0, Kind.FAUCET: 0, Kind.ADJUSTMENT: 0}
    given = {Kind.FEES: 99, Kind.ROUNDING: 2, Kind.FAUCET: 100_000}
    assert incomes[first, "USD"].by_kind == nothing | given
    assert incomes[first, "USD"].result == -99_899
    assert incomes[second, "USD"].by_kind == nothing | {Kind.ROUNDING: 1}
    assert sum(one.result for one in incomes.values() if one.asset == "USD") == now["USD"].result


def test_the_trial_balance_has_every_kind_and_sums_to_zero(books: Ledgered) -> None:
    for _ in textbook(books):
        pass
    totals = trial_balance(books.connection)
    assert set(totals) == {"BTC", "USD"}
    for by_kind in totals.values():
        assert list(by_kind) == list(Kind)
        assert sum(by_kind.values()) == 0
    assert totals["USD"][Kind.FEES] + totals["USD"][Kind.ROUNDING] == books.engine.balance(0, "USD")[0] == 102


# Every type of order


def listed(books: Ledgered, fees: FeeTier, *accounts: int) -> None:
    """The market with these fees, and accounts that have a million lots and a billion atoms of its quote."""
    books.do(*LISTING[:-1], replace(MARKET, fee_tiers=(fees,)))
    for account in accounts:
        books.do(credit(account, "BTC", 10**6 * LOT), credit(account, "USD", 10**9))


def test_f33_a_rebate_is_paid_out_of_revenue_to_the_atom(books: Ledgered) -> None:
    """330 atoms at 0.2 %: the taker's 0.66 are 1, the maker's rebate of 0.66 is 0: both rounded toward the house."""
    listed(books, FeeTier(maker_ppm=-2_000, taker_ppm=2_000), ALICE, BOB)
    books.do(limit(ALICE, "sell", 33, 4))
    books.do(limit(BOB, "buy", 33, 1))
    assert books.lines(books.seq) == [
        (BOB, "user", "USD", "trade", -330, 0),
        (BOB, "user", "USD", "fee", -1, 0),
        (BOB, "user", "BTC", "trade", LOT, 0),
        (ALICE, "user", "BTC", "trade", -LOT, 3 * LOT),
        (ALICE, "user", "USD", "trade", 330, 0),
        (None, "fees", "USD", "fee", -1, 0),
        (None, "rounding", "USD", "rounding", 2, 0),
    ]
    books.do(limit(BOB, "buy", 33, 1))
    assert books.lines(books.seq)[4:] == [
        (ALICE, "user", "USD", "fee", 1, 0),
        (ALICE, "user", "USD", "trade", 330, 0),
        (None, "fees", "USD", "fee", -1, 0),
        (None, "rounding", "USD", "rounding", 1, 0),
    ], "the rebate of 1.32 in all is 1 now, and the taker's 0.66 are 1 again"
    assert_in_step(books)


def assert_in_step(books: Ledgered) -> None:
    assert disagreements(books.engine, ledger.queries.positions(books.connection)) == []
    assert ledger.checks.findings(books.connection) == []
    assert differences(books.connection) == []


def test_f8_what_expires_in_the_event_of_a_credit_is_in_the_same_entry(books: Ledgered) -> None:
    listed(books, FeeTier(maker_ppm=0, taker_ppm=0), ALICE, BOB)
    expires = Options(expires_at_us=books.now_us + 3 * SECOND_US)
    books.do(replace(limit(ALICE, "sell", 33, 4), time_in_force="GTD", options=expires))
    resting = books.seq
    books.do(limit(BOB, "buy", 20, 1))
    gift = credit(BOB, "USD", 500, "adjustment")
    books.do(gift)
    gift_seq = books.seq
    assert books.lines(gift_seq) == [
        (ALICE, "user", "BTC", "hold", 0, 0),
        (BOB, "user", "USD", "adjustment", 500, 200),
        (None, "adjustment", "USD", "adjustment", -500, 0),
    ]
    assert resting not in books.engine.orders
    books.do(reversal(gift, gift_seq))
    assert books.lines(books.seq) == [
        (BOB, "user", "USD", "reversal", -500, 200),
        (None, "adjustment", "USD", "reversal", 500, 0),
    ]
    assert_in_step(books)


def test_f14_a_credit_into_whose_event_trades_fell_can_be_reversed(books: Ledgered) -> None:
    """Of 130 stop orders that one trade sets off, the event of that trade does a hundred, the credit's the others."""
    carol = 3
    listed(books, FeeTier(maker_ppm=-100, taker_ppm=2_000), ALICE, BOB, carol)
    books.do(limit(BOB, "buy", 33, 131))
    stop = replace(limit(carol, "sell", 30, 1), type="stop_limit", options=Options(trigger_ticks=33))
    books.do(*[stop] * 130)
    books.do(limit(ALICE, "sell", 33, 1))
    gift = credit(carol, "USD", 500)
    books.do(gift)
    seq = books.seq
    lines = books.lines(seq)
    assert [line for line in lines if line[0] in (None, carol)] == [
        (carol, "user", "USD", "faucet", 500, 0),
        (carol, "user", "USD", "trade", 9_900, 0),
        (carol, "user", "USD", "fee", -30, 0),
        (carol, "user", "BTC", "trade", -30 * LOT, 0),
        (None, "faucet", "USD", "faucet", -500, 0),
        (None, "fees", "USD", "fee", *found(lines, "fees"), 0),
        (None, "rounding", "USD", "rounding", *found(lines, "rounding"), 0),
    ]
    books.do(reversal(gift, seq))
    assert [line[3:5] for line in books.lines(books.seq)] == [("reversal", -500), ("reversal", 500)]
    assert_in_step(books)


def found(lines: list[tuple[object, ...]], kind: str) -> list[object]:
    return [line[4] for line in lines if line[1] == kind]


def test_f31_an_auction_is_posted_at_its_one_price(books: Ledgered) -> None:
    listed(books, FeeTier(maker_ppm=1_000, taker_ppm=9_000), ALICE, BOB)
    books.do(SetMarketState(market="BTC/USD", state="auction", reason="test"))
    books.do(limit(ALICE, "sell", 30, 10))
    books.do(limit(BOB, "buy", 34, 10))
    books.do(SetMarketState(market="BTC/USD", state="open", reason="test"))
    bought = [line[3:5] for line in books.lines(books.seq) if line[:3] == (BOB, "user", "USD")]
    assert bought == [("trade", -3_000), ("fee", -3)], "ten lots at 30, at the maker's rate"
    assert_in_step(books)


def test_a_refused_reversal_posts_nothing(books: Ledgered) -> None:
    books.do(*LISTING)
    mistake = credit(ALICE, "BTC", 10 * LOT)
    books.do(mistake)
    books.do(limit(ALICE, "sell", 33, 1))
    assert books.do(reversal(mistake, 4)) == [CommandRejected(Reason.INSUFFICIENT_FUNDS)]
    assert books.lines(books.seq) == []
    assert differences(books.connection) == []


def test_a_transfer_is_posted_to_both(books: Ledgered) -> None:
    listed(books, FeeTier(maker_ppm=1_000, taker_ppm=9_000), ALICE, BOB)
    books.do(TransferFunds(account=ALICE, to_account=BOB, asset="USD", amount_atoms=200, reference="rent"))
    assert books.lines(books.seq) == [
        (ALICE, "user", "USD", "transfer", -200, 0),
        (BOB, "user", "USD", "transfer", 200, 0),
    ]
    assert_in_step(books)


def test_an_outcome_that_nobody_knows_how_to_post_is_not_posted() -> None:
    class Gift(NamedTuple):
        account: int

    changed = BalanceChanged(ALICE, "BTC", 1, 0)
    given: Any = Gift(ALICE)
    with pytest.raises(TypeError, match="event 9 changes a balance, but nobody knows how to post Gift"):
        entry(come_to(9, MARKET, [given, changed]), {})
    for kind in KINDS:
        if kind not in (BalanceChanged, Filled, Credited, CreditReversed):
            one = kind(*[0] * len(kind._fields))
            assert entry(come_to(9, MARKET, [one, changed]), {}) is not None


@pytest.mark.parametrize("profile", flow.PROFILES.values(), ids=flow.PROFILES.keys())
def test_the_books_of_a_long_flow_are_those_of_the_engine(books: Ledgered, profile: flow.Profile) -> None:
    """Of drawn reversals none is of a credit that was given, so they are left out."""
    events = [one for one in flow.events(11, 3_000, profile) if type(one.command) is not ReverseCredit]
    for start in range(0, len(events), 50):
        batch = events[start : start + 50]
        books.now_us = batch[-1].at_us - SECOND_US
        books.do(*(event.command for event in batch))
    assert_in_step(books)


# What anybody had at a time


def test_the_standing_at_a_time_is_that_of_the_last_event_until_then(books: Ledgered) -> None:
    times = {}
    for name in textbook(books):
        times[name] = books.now_us, books.seq
    for name, available, held in (("credit BTC", 200, 0), ("rest", 97, 103), ("fill", 97, 2), ("cancel", 98, 0)):
        at_us, seq = times[name]
        for moment in (at_us, at_us + 999_999):
            found = standing(books.connection, at_us=moment)
            assert (found.seq, found.disagreements) == (seq, [])
            assert found.engine.balance(ALICE, "BTC") == (available * LOT, held * LOT)
    assert standing(books.connection, at_us=START_US).seq == 0


def test_a_standing_says_where_the_ledger_disagrees_or_that_it_is_behind(database: Database, books: Ledgered) -> None:
    for _ in textbook(books):
        pass
    with database.connect_as_owner() as owner:
        owner.execute("ALTER TABLE ledger_posting DISABLE TRIGGER USER")
        owner.execute("UPDATE ledger_posting SET amount = amount + 1 WHERE cause = 4 AND amount > 0")
        found = standing(owner, at_us=books.now_us).disagreements
        assert found == ["account 1 has 98000 BTC in the engine, 98001 in the ledger"]
        owner.execute("UPDATE projection_checkpoint SET seq = 3")
        assert standing(owner, at_us=books.now_us).disagreements is None


# Every value that is changed is named


@pytest.fixture(scope="module")
def kept(cluster: Cluster) -> Iterator[Database]:
    """The textbook in one database for all: what a test changes is rolled back. Postings are numbered from 1."""
    database = cluster.copy("template_empty")
    with Ledgered(database) as books:
        for _ in textbook(books):
            pass
    yield database
    cluster.drop(database)


def rederived(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    rederivation = Rederivation(connection, posted=11)
    fold = Fold.new()
    for record in records_between(connection, 0, 11):
        rederivation.check(fold.apply(record))
    return rederivation.finish()


POSTING = (
    "INSERT INTO ledger_posting (id, cause, account_id, kind, amount, balance, held)"
    " SELECT 99, 7, account_id, kind, amount, balance, held FROM ledger_posting WHERE id = 6"
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ledger_entry SET cause = 99 WHERE cause = 7", "entry 7 is missing"),
        ("ledger_entry SET cause = 3 WHERE cause = 7", "entry 3 should not be there"),
        ("ledger_entry SET at_us = at_us + 1 WHERE cause = 7", "entry 7 has at_us 1800000005000001, should be 18"),
        ("ledger_entry SET reverses = 4 WHERE cause = 7", "entry 7 has reverses 4, should be -"),
        ("ledger_entry SET reverses = NULL WHERE cause = 11", "entry 11 has reverses -, should be 10"),
        ("ledger_entry SET reverses = 9 WHERE cause = 11", "entry 11 has reverses 9, should be 10"),
        ("DELETE FROM ledger_entry WHERE cause = 9", "entry 9 is missing"),
        ("DELETE FROM ledger_entry WHERE cause = 11", "entry 11 is missing"),
        ("INSERT INTO ledger_entry (cause, at_us) VALUES (12, 0)", "entry 12 should not be there"),
        ("ledger_posting SET id = 99 WHERE id = 6", "entry 7 lacks a posting: trade -33330 to ledger account 3"),
        ("ledger_posting SET cause = 8 WHERE id = 13", "posting 13 is of entry 8, should be of entry 7"),
        ("ledger_posting SET cause = 8 WHERE id = 9", "posting 9 is of entry 8, should be of entry 7"),
        ("ledger_posting SET cause = 5 WHERE id = 6", "posting 6 of entry 5 should not be there"),
        ("ledger_posting SET account_id = 2 WHERE id = 6", "posting 6 of entry 7 has account 2, should be 3"),
        ("ledger_posting SET kind = 'gift' WHERE id = 8", "posting 8 of entry 7 has kind gift, should be trade"),
        ("ledger_posting SET amount = -66 WHERE id = 7", "posting 7 of entry 7 has amount -66, should be -67"),
        ("ledger_posting SET balance = 0 WHERE id = 7", "posting 7 of entry 7 has balance 0, should be 66603"),
        ("ledger_posting SET held = 1 WHERE id = 9", "posting 9 of entry 7 has held 1, should be 2000"),
        ("ledger_posting SET held = 1 WHERE id = 5", "posting 5 of entry 6 has held 1, should be 103000"),
        ("DELETE FROM ledger_posting WHERE id = 9", "entry 7 lacks a posting: trade -101000 to ledger account 1"),
        ("DELETE FROM ledger_posting WHERE id = 13", "entry 7 lacks a posting: rounding 2 to ledger account"),
        (POSTING, "posting 99 of entry 7 should not be there"),
        ("ledger_account SET id = 99 WHERE id = 3", "posting 3 of entry 5 has account 3, should be 99"),
        ("ledger_account SET owner = 9 WHERE id = 3", "ledger account 3 is user 9 USD, should be user 2 USD"),
        ("ledger_account SET asset = 'EUR' WHERE id = 1", "ledger account 1 is user 1 EUR, should be user 1 BTC"),
        ("ledger_account SET kind = 'equity' WHERE id = 2", "ledger account 2 is equity BTC, should be faucet BTC"),
        (
            "ledger_account SET balance = balance + 1 WHERE id = 1",
            "ledger account 1 has balance 98001, should be 98000",
        ),
        ("ledger_account SET held = 1 WHERE id = 1", "ledger account 1 has held 1, should be 0"),
        ("ledger_account SET held = NULL WHERE id = 1", "ledger account 1 has held -, should be 0"),
        ("DELETE FROM ledger_account WHERE id = 1", "there is no ledger account that is user 1 BTC"),
    ],
)
def test_whatever_is_changed_is_named(kept: Database, change: str, said: str) -> None:
    with kept.connect_as_owner() as connection, connection.transaction(force_rollback=True):
        for table in ("entry", "posting", "account"):
            connection.execute(f"ALTER TABLE ledger_{table} DISABLE TRIGGER USER")
        assert rederived(connection) == []
        connection.execute(change if change.startswith(("DELETE", "INSERT")) else f"UPDATE {change}")
        (finding,) = rederived(connection)
        assert said in finding


def test_what_is_held_cannot_become_unknown(kept: Database) -> None:
    with kept.connect_as_owner() as connection, connection.transaction(force_rollback=True):
        connection.execute("ALTER TABLE ledger_posting DISABLE TRIGGER USER")
        with pytest.raises(psycopg.errors.CheckViolation, match="posting_held_is_recorded"):
            connection.execute("UPDATE ledger_posting SET held = NULL WHERE id = 9")


# Books that were kept before holds were

OLD_ACCOUNTS = (
    "INSERT INTO ledger_account (owner, asset, kind, balance) VALUES (1, 'BTC', 'user', 0), (NULL, 'BTC', 'faucet', 0),"
    " (2, 'USD', 'user', 0), (NULL, 'USD', 'faucet', 0), (2, 'BTC', 'user', 0), (1, 'USD', 'user', 0),"
    " (NULL, 'USD', 'fees', 0)"
)
OLD_POSTINGS = {
    4: "(4, 1, 'faucet', 10000, 10000), (4, 2, 'faucet', -10000, -10000)",
    5: "(5, 3, 'faucet', 1000, 1000), (5, 4, 'faucet', -1000, -1000)",
    7: "(7, 5, 'trade', 1000, 1000), (7, 1, 'trade', -1000, 9000), (7, 6, 'trade', 330, 330), (7, 3, 'trade', -330, 670),"
    " (7, 3, 'fee', -1, 669), (7, 6, 'fee', -1, 329), (7, 7, 'fee', 2, 2)",
}
"""As the first version posted them: no holds, and the residue of rounding among the fees."""


@pytest.fixture
def old(database: Database) -> Database:
    """Books of the first version at event 8: events 6 and 8 are orders that rest, and made no entry then."""
    manage("migrate", "ledger", "0002", url=database.owner_url)
    history = [
        *LISTING,
        credit(ALICE, "BTC", 10 * LOT),
        credit(BOB, "USD", 1_000),
        limit(ALICE, "sell", 33, 3),
        limit(BOB, "buy", 33, 1),
        limit(ALICE, "sell", 40, 1),
    ]
    drafts = [draft(command, command_id=new_command_id(), request_id="test") for command in history]
    with database.connect() as connection:
        append(connection, drafts, now_us=START_US)
        connection.execute(OLD_ACCOUNTS)
        for cause, postings in OLD_POSTINGS.items():
            connection.execute(
                f"WITH e AS (INSERT INTO ledger_entry (cause, at_us) VALUES ({cause}, {START_US}))"
                f" INSERT INTO ledger_posting (cause, account_id, kind, amount, balance) VALUES {postings}"
            )
        connection.execute("SELECT move_projection_checkpoint(0, 8, hash) FROM order_event WHERE seq = 8")
    manage("migrate", "ledger", url=database.owner_url)
    return database


def test_books_from_before_holds_stay_as_they_were_and_go_on(old: Database) -> None:
    with Ledgered(old) as books:
        positions = ledger.queries.positions(books.connection)
        assert positions[ALICE, "BTC", "user"] == (9_000, None)
        assert disagreements(books.engine, positions) == []
        assert differences(books.connection) == []
        assert sheets(books)["USD"].by_kind[Kind.USER] == 998
        books.do(CancelOrder(account=ALICE, order=6))
        books.do(limit(BOB, "buy", 40, 1))
        positions = ledger.queries.positions(books.connection)
        assert (positions[ALICE, "BTC", "user"], positions[ALICE, "USD", "user"]) == ((8_000, 0), (728, 0))
        assert (positions[None, "USD", "fees"], positions[None, "USD", "rounding"]) == ((2, None), (2, 0))
        assert disagreements(books.engine, positions) == []
        assert ledger.checks.findings(books.connection) == []
        assert differences(books.connection) == []


def test_what_was_posted_before_holds_is_compared_as_well(old: Database) -> None:
    with old.connect_as_owner() as owner:
        owner.execute("ALTER TABLE ledger_posting DISABLE TRIGGER USER")
        owner.execute("UPDATE ledger_posting SET balance = 330 WHERE amount = -1 AND balance = 329")
        assert differences(owner) == ["posting 10 of entry 7 has balance 330, should be 329"]
