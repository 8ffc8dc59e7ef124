"""A credit is reversed once at the most: by whomever, however often, at once or after attempts that were refused."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.fixtures import Database
from tests.server import wait_until
from trading.engine.commands import CancelOrder, Credit, Options
from trading.journal.read import head_seq
from trading.reversal import NotReversible, Reversal, outcome, reverse

from .ledgers import Ledgered, differences
from .world import ALICE, BOB, LISTING, limit

CREDIT = 4
OPERATORS = 8
LOT = 1000


@pytest.fixture
def books(database: Database) -> Iterator[Ledgered]:
    """ALICE was credited ten lots of BTC by event CREDIT."""
    with Ledgered(database) as books:
        credit = Credit(account=ALICE, asset="BTC", amount_atoms=10 * LOT, source="adjustment", reference="a mistake")
        books.do(*LISTING)
        books.do(credit)
        yield books


def ask(books: Ledgered, seq: int = CREDIT) -> Reversal:
    return reverse(books.connection, seq, reason="a test", request_id="test")


def all_at_once(database: Database, books: Ledgered) -> list[Reversal]:
    """As many operators as there are, each on a connection of his own, all at the same moment; then it is posted."""
    moment = threading.Barrier(OPERATORS)

    def operator(number: int) -> Reversal:
        with database.connect() as connection:
            moment.wait()
            return reverse(connection, CREDIT, reason=f"operator {number}", request_id=f"test {number}")

    with ThreadPoolExecutor(OPERATORS) as pool:
        asked: list[Future[Reversal]] = [pool.submit(operator, number) for number in range(OPERATORS)]
        found = [one.result() for one in asked]
    books.catch_up()
    return found


def test_a_credit_is_taken_back_by_an_entry_of_its_own(books: Ledgered) -> None:
    reversal = ask(books)
    assert (reversal.seq, reversal.is_new, reversal.succeeded) == (5, True, None)
    books.catch_up()
    assert books.engine.balance(ALICE, "BTC") == (0, 0)
    assert books.lines(5) == [
        (ALICE, "user", "BTC", "reversal", -10 * LOT, 0),
        (None, "adjustment", "BTC", "reversal", 10 * LOT, 0),
    ]
    assert books.connection.execute("SELECT reverses FROM ledger_entry WHERE cause = 5").fetchone() == (CREDIT,)
    assert differences(books.connection) == []


def test_a_second_request_is_told_of_the_first_and_writes_nothing(books: Ledgered) -> None:
    first = ask(books)
    waiting = ask(books)
    books.catch_up()
    done = ask(books)
    assert {one.seq for one in (first, waiting, done)} == {5}
    assert [(one.is_new, one.succeeded) for one in (waiting, done)] == [(False, None), (False, True)]
    assert head_seq(books.connection) == 5


def test_of_many_operators_at_once_one_event_comes(database: Database, books: Ledgered) -> None:
    found = all_at_once(database, books)
    assert {one.seq for one in found} == {5}
    assert sum(one.is_new for one in found) == 1
    assert head_seq(books.connection) == 5
    assert books.engine.balance(ALICE, "BTC") == (0, 0)


def test_a_refused_attempt_is_repeated_and_still_only_one_succeeds(database: Database, books: Ledgered) -> None:
    """ALICE has a lot in an order: what she has available does not cover it, until she cancels."""
    books.do(limit(ALICE, "sell", 33, 1))
    assert {one.seq for one in all_at_once(database, books)} == {6}
    assert {one.seq for one in all_at_once(database, books)} == {7}
    assert books.engine.balance(ALICE, "BTC") == (9 * LOT, LOT)
    books.do(CancelOrder(account=ALICE, order=5))
    assert {one.seq for one in all_at_once(database, books)} == {9}
    assert books.engine.balance(ALICE, "BTC") == (0, 0)
    books.do(Credit(account=ALICE, asset="BTC", amount_atoms=10 * LOT, source="adjustment", reference="again"))
    assert {(one.seq, one.succeeded) for one in all_at_once(database, books)} == {(9, True)}
    assert books.engine.balance(ALICE, "BTC") == (10 * LOT, 0)
    assert differences(books.connection) == []


def test_operators_who_never_rest_while_the_books_go_on_succeed_once(database: Database, books: Ledgered) -> None:
    """They ask again and again, on connections of their own, across refusals, a cancel and new money."""
    stop = threading.Event()

    def operator() -> None:
        with database.connect() as connection:
            while not stop.is_set():
                reverse(connection, CREDIT, reason="again", request_id="test")

    def reversals() -> list[tuple[object, ...]]:
        return books.connection.execute("SELECT cause FROM ledger_entry WHERE reverses = 4").fetchall()

    def attempts(more_than: int) -> bool:
        books.catch_up()
        return head_seq(books.connection) > more_than

    books.do(limit(ALICE, "sell", 33, 1))
    with ThreadPoolExecutor(OPERATORS) as pool:
        asking = [pool.submit(operator) for _ in range(OPERATORS)]
        try:
            wait_until(lambda: attempts(12), what="several attempts are refused")
            assert reversals() == []
            books.do(CancelOrder(account=ALICE, order=5))
            wait_until(lambda: attempts(0) and reversals(), what="an attempt succeeds")
            books.do(Credit(account=ALICE, asset="BTC", amount_atoms=50 * LOT, source="faucet", reference="new"))
            seq = books.seq
        finally:
            stop.set()
        for one in asking:
            one.result()
    books.catch_up()
    assert books.seq == seq, "nobody writes anything once it is reversed"
    assert len(reversals()) == 1
    assert books.engine.balance(ALICE, "BTC") == (50 * LOT, 0)
    assert differences(books.connection) == []


def test_what_is_no_credit_or_was_refused_or_is_not_in_the_books_is_not_reversed(books: Ledgered) -> None:
    books.do(Credit(account=ALICE, asset="DOGE", amount_atoms=1, source="faucet", reference="unknown"))
    for seq, said in ((3, "no credit, but DefineMarket"), (5, "was refused"), (99, "no event 99")):
        with pytest.raises(NotReversible, match=said):
            ask(books, seq)
    ask(books)
    with pytest.raises(NotReversible, match="no credit, but ReverseCredit"):
        ask(books, 6)
    books.journal(Credit(account=ALICE, asset="BTC", amount_atoms=1, source="faucet", reference="late"))
    with pytest.raises(NotReversible, match="not in the books yet"):
        ask(books, 7)


def test_a_refused_attempt_in_whose_event_others_traded_is_refused_all_the_same(books: Ledgered) -> None:
    carol = 3
    for account, asset, atoms in ((BOB, "USD", 10**9), (carol, "BTC", 200 * LOT)):
        books.do(Credit(account=account, asset=asset, amount_atoms=atoms, source="faucet", reference="test"))
    books.do(limit(ALICE, "sell", 900, 10))
    all_of_it = books.seq
    books.do(limit(BOB, "buy", 33, 131))
    stop = replace(limit(carol, "sell", 30, 1), type="stop_limit", options=Options(trigger_ticks=33))
    books.do(*[stop] * 130)
    books.do(limit(carol, "sell", 33, 1))
    refused = ask(books)
    books.catch_up()
    assert ("trade", -30 * LOT) in [line[3:5] for line in books.lines(refused.seq)]
    assert outcome(books.connection, refused.seq) is False
    books.do(CancelOrder(account=ALICE, order=all_of_it))
    again = ask(books)
    books.catch_up()
    assert again.is_new and outcome(books.connection, again.seq) is True
    assert books.engine.balance(ALICE, "BTC") == (0, 0)
    assert differences(books.connection) == []
