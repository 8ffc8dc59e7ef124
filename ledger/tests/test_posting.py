"""The writer of the books against a naive oracle: a dictionary of sums."""

from collections import defaultdict

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ledger.checks
import ledger.queries
from ledger.posting import Books, EntryDraft, LineKey, UnbalancedEntry
from tests.fixtures import Database

transfers = st.lists(
    st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from(["BTC", "ETH"]), st.integers(1, 10**25)),
    min_size=1,
    max_size=4,
)


def execute(connection: psycopg.Connection, statements: list[str]) -> None:
    connection.execute(";".join(statements))


def credit(cause: int, moved: list[tuple[int, str, int]]) -> EntryDraft:
    lines: defaultdict[LineKey, int] = defaultdict(int)
    for owner, asset, amount in moved:
        lines[owner, asset, "user", "credit"] += amount
        lines[None, asset, "faucet", "credit"] -= amount
    return EntryDraft(cause=cause, at_us=cause, lines=lines)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(transfers, min_size=1, max_size=5), min_size=1, max_size=4))
def test_balances_equal_the_sums_of_what_was_posted(
    database: Database, batches: list[list[list[tuple[int, str, int]]]]
) -> None:
    with database.connect() as connection:
        before = ledger.queries.balances(connection)
        expected: defaultdict[tuple[int | None, str, str], int] = defaultdict(int, before)
        row = connection.execute("SELECT coalesce(max(cause), 0) FROM ledger_entry").fetchone()
        cause = int(row[0])
        books = Books(connection)
        for batch in batches:
            drafts = []
            for moved in batch:
                cause += 1
                drafts.append(credit(cause, moved))
                for owner, asset, amount in moved:
                    expected[owner, asset, "user"] += amount
                    expected[None, asset, "faucet"] -= amount
            with connection.transaction():
                execute(connection, books.statements(drafts))
        assert ledger.queries.balances(connection) == dict(expected)
        assert ledger.checks.findings(connection) == []


def test_an_unbalanced_entry_raises_before_anything_is_written(database: Database) -> None:
    bad = EntryDraft(cause=2, at_us=2, lines={(1, "BTC", "user", "credit"): 5, (None, "BTC", "faucet", "credit"): -4})
    with database.connect() as connection:
        with pytest.raises(UnbalancedEntry, match="entry 2 does not sum to zero in BTC: 1"):
            Books(connection).statements([credit(1, [(1, "BTC", 5)]), bad])
        assert connection.execute("SELECT count(*) FROM ledger_posting").fetchone() == (0,)


def test_a_statement_shows_every_posting_with_its_running_balance(database: Database) -> None:
    with database.connect() as connection:
        with connection.transaction():
            execute(connection, Books(connection).statements([credit(n, [(1, "BTC", n)]) for n in (1, 2, 3)]))
        lines = ledger.queries.statement(connection, owner=1, asset=None, before_id=None, limit=10)
        assert [(line.cause, line.amount_atoms, line.balance_atoms) for line in lines] == [
            (3, 3, 6),
            (2, 2, 3),
            (1, 1, 1),
        ]
        older = ledger.queries.statement(connection, owner=1, asset="BTC", before_id=lines[0].id, limit=1)
        assert [line.cause for line in older] == [2]


def test_checks_name_a_wrong_running_balance(database: Database) -> None:
    with database.connect() as connection, connection.transaction():
        execute(connection, Books(connection).statements([credit(1, [(1, "BTC", 5)])]))
    with database.connect_as_owner() as connection:
        connection.execute("ALTER TABLE ledger_posting DISABLE TRIGGER ledger_posting_append_only")
        connection.execute("UPDATE ledger_posting SET balance = balance + 1 WHERE amount > 0")
        (finding,) = ledger.checks.findings(connection)
    assert "entry 1 carries a wrong running balance" in finding


def test_books_read_the_balances_they_find(database: Database) -> None:
    with database.connect() as connection:
        for cause in (1, 2):
            with connection.transaction():
                execute(connection, Books(connection).statements([credit(cause, [(1, "BTC", 5)])]))
        assert ledger.checks.findings(connection) == []


def test_amounts_keep_every_digit(database: Database) -> None:
    with database.connect() as connection:
        with connection.transaction():
            execute(connection, Books(connection).statements([credit(1, [(1, "ETH", 10**36 + 1)])]))
        assert ledger.queries.balances(connection)[1, "ETH", "user"] == 10**36 + 1


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with database.connect() as connection:
        books = Books(connection)
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            execute(
                connection,
                books.statements(
                    [EntryDraft(cause=1, at_us=1, lines={(1, "BTC", "user", "x"): -5, (None, "BTC", "faucet", "x"): 5})]
                ),
            )
        assert ledger.queries.balances(connection) == {}
