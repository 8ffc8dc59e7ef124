"""The database refuses what would break the books, whoever asks: tried with plain SQL as the application and as the owner."""

import psycopg
import pytest

from tests.fixtures import Database

USER, HOUSE = 1, 2


@pytest.fixture
def books(database: Database) -> Database:
    """Two accounts in BTC: user 7's and the faucet's."""
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO ledger_account (id, owner, asset, kind, balance)"
            " VALUES (1, 7, 'BTC', 'user', 0), (2, NULL, 'BTC', 'faucet', 0), (3, NULL, 'ETH', 'faucet', 0)"
        )
    return database


def post(connection: psycopg.Connection, cause: int, *amounts: tuple[int, int]) -> None:
    entry = f"INSERT INTO ledger_entry (cause, at_us) VALUES ({cause}, 0)"
    if amounts:
        values = ", ".join(f"({cause}, {account}, 'test', {amount}, 0)" for account, amount in amounts)
        posting = f"INSERT INTO ledger_posting (cause, account_id, kind, amount, balance) VALUES {values}"
        entry = f"WITH entry AS ({entry}) {posting}"
    connection.execute(entry)


def balances(connection: psycopg.Connection) -> dict[int, int]:
    return {row[0]: int(row[1]) for row in connection.execute("SELECT id, balance FROM ledger_account")}


def test_a_balanced_entry_moves_the_balances(books: Database) -> None:
    with books.connect() as connection:
        post(connection, 1, (USER, 5), (HOUSE, -5))
        post(connection, 2, (USER, 10**30), (HOUSE, -(10**30)))
        assert balances(connection) == {USER: 10**30 + 5, HOUSE: -(10**30) - 5, 3: 0}


def test_an_entry_that_does_not_sum_to_zero_is_refused(books: Database) -> None:
    with books.connect() as connection, pytest.raises(psycopg.errors.CheckViolation, match="sum to zero"):
        post(connection, 1, (USER, 5), (HOUSE, -4))


def test_an_entry_that_balances_only_across_assets_is_refused(books: Database) -> None:
    with books.connect() as connection, pytest.raises(psycopg.errors.CheckViolation, match="sum to zero"):
        post(connection, 1, (USER, 5), (3, -5))


def test_an_entry_without_postings_is_refused(books: Database) -> None:
    with books.connect() as connection, pytest.raises(psycopg.errors.CheckViolation, match="no postings"):
        post(connection, 1)


def test_a_posting_to_an_account_that_is_not_there_is_refused(books: Database) -> None:
    with books.connect() as connection, pytest.raises(psycopg.errors.ForeignKeyViolation, match="account 99"):
        post(connection, 1, (USER, 5), (HOUSE, -5), (99, 1))


def test_postings_without_an_entry_are_refused(books: Database) -> None:
    with books.connect() as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute(
            "INSERT INTO ledger_posting (cause, account_id, kind, amount, balance)"
            " VALUES (9, 1, 'test', 1, 1), (9, 2, 'test', -1, -1)"
        )


def test_a_negative_user_balance_is_refused_and_a_negative_house_balance_is_not(books: Database) -> None:
    with books.connect() as connection:
        post(connection, 1, (USER, 5), (HOUSE, -5))
        with pytest.raises(psycopg.errors.CheckViolation, match="user_balance_is_not_negative"):
            post(connection, 2, (USER, -6), (HOUSE, 6))
        assert balances(connection)[USER] == 5


def test_the_same_cause_twice_is_refused(books: Database) -> None:
    with books.connect() as connection:
        post(connection, 1, (USER, 5), (HOUSE, -5))
        with pytest.raises(psycopg.errors.UniqueViolation):
            post(connection, 1, (USER, 5), (HOUSE, -5))
        assert balances(connection)[USER] == 5


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_posting SET amount = 6 WHERE amount = 5",
        "DELETE FROM ledger_posting",
        "TRUNCATE ledger_posting",
        "UPDATE ledger_entry SET at_us = 1",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry CASCADE",
        "DELETE FROM ledger_account",
        "TRUNCATE ledger_account CASCADE",
        "UPDATE ledger_account SET asset = 'ETH' WHERE id = 1",
    ],
)
@pytest.mark.parametrize("role", ["application", "owner"])
def test_nothing_can_be_changed_or_deleted(books: Database, statement: str, role: str) -> None:
    with books.connect() as connection:
        post(connection, 1, (USER, 5), (HOUSE, -5))
    connect = books.connect if role == "application" else books.connect_as_owner
    with connect() as connection, pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)):
        connection.execute(statement)


def test_the_application_cannot_set_a_balance(books: Database) -> None:
    with books.connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE ledger_account SET balance = 100 WHERE id = 1")


def test_an_account_cannot_start_with_a_balance(books: Database) -> None:
    with books.connect() as connection, pytest.raises(psycopg.errors.CheckViolation, match="start at zero"):
        connection.execute("INSERT INTO ledger_account (owner, asset, kind, balance) VALUES (8, 'BTC', 'user', 5)")


def test_a_zero_posting_is_refused(books: Database) -> None:
    with books.connect() as connection, pytest.raises(psycopg.errors.CheckViolation, match="posting_is_not_zero"):
        post(connection, 1, (USER, 0))
