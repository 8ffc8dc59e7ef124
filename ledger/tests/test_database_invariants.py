"""The database refuses what would break the books, whoever asks: tried with plain SQL as the application and as the owner."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from tests.fixtures import Cluster, Database
from tests.server import wait_until

USER, HOUSE, ETH_HOUSE, OTHER = 1, 2, 3, 4
Connection = psycopg.Connection[tuple[object, ...]]
Line = tuple[int, int] | tuple[int, int, int]
"""Account, amount, and what is held after it (0 if left out). No amount makes it a hold."""

REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)


ACCOUNTS = (
    "INSERT INTO ledger_account (id, owner, asset, kind, balance) VALUES (1, 7, 'BTC', 'user', 0),"
    " (2, NULL, 'BTC', 'faucet', 0), (3, NULL, 'ETH', 'faucet', 0), (4, 8, 'BTC', 'user', 0)"
)
"""Of the users 7 and 8 in BTC, and the faucet in BTC and ETH."""


@pytest.fixture(scope="module")
def books(cluster: Cluster) -> Iterator[Database]:
    """One database for all: what a test posts is rolled back."""
    database = cluster.copy("template_empty")
    with database.connect() as connection:
        connection.execute(ACCOUNTS)
    yield database
    cluster.drop(database)


@pytest.fixture(params=["application", "owner"])
def connection(books: Database, request: pytest.FixtureRequest) -> Iterator[Connection]:
    connect = books.connect if request.param == "application" else books.connect_as_owner
    with connect() as connection, connection.transaction(force_rollback=True):
        yield connection


@contextmanager
def refused(
    connection: Connection, error: type[psycopg.Error] | tuple[type[psycopg.Error], ...], match: str | None = None
) -> Iterator[None]:
    """What is done inside raises the error, and is as if it had never been tried."""
    with pytest.raises(error, match=match), connection.transaction():
        yield


def post(connection: Connection, cause: int, *lines: Line, reverses: int | None = None) -> None:
    """Posts one entry in one statement, with the balances that the accounts have now carried on."""
    entry = f"INSERT INTO ledger_entry (cause, at_us, reverses) VALUES ({cause}, {cause}, {reverses or 'NULL'})"
    running = defaultdict(int, balances(connection))
    values = []
    for account, amount, *held in lines:
        running[account] += amount
        kind = "test" if amount else "hold"
        values.append(f"({cause}, {account}, '{kind}', {amount}, {running[account]}, {held[0] if held else 0})")
    if values:
        entry = f"WITH entry AS ({entry}) {postings(*values)}"
    connection.execute(entry)


def postings(*values: str) -> str:
    return f"INSERT INTO ledger_posting (cause, account_id, kind, amount, balance, held) VALUES {', '.join(values)}"


def balances(connection: Connection) -> dict[int, int]:
    return {row[0]: int(row[1]) for row in connection.execute("SELECT id, balance FROM ledger_account")}


def held(connection: Connection, account: int = USER) -> int:
    return int(connection.execute("SELECT held FROM ledger_account WHERE id = %s", (account,)).fetchone()[0])


def test_a_balanced_entry_moves_the_balances(connection: Connection) -> None:
    post(connection, 1, (USER, 5), (HOUSE, -5))
    post(connection, 2, (USER, 10**30), (HOUSE, -(10**30)))
    assert balances(connection) == {USER: 10**30 + 5, HOUSE: -(10**30) - 5, ETH_HOUSE: 0, OTHER: 0}


def test_a_hold_moves_what_is_held_and_no_balance(connection: Connection) -> None:
    post(connection, 1, (USER, 5), (HOUSE, -5))
    post(connection, 2, (USER, 0, 5))
    assert (balances(connection)[USER], held(connection)) == (5, 5)
    post(connection, 3, (USER, 0, 0))
    assert (balances(connection)[USER], held(connection)) == (5, 0)


def test_the_last_posting_of_a_statement_says_what_is_held(connection: Connection) -> None:
    post(connection, 1, (USER, 9, 1), (USER, 1, 4), (HOUSE, -10))
    assert held(connection) == 4


def test_an_entry_that_does_not_sum_to_zero_is_refused(connection: Connection) -> None:
    with refused(connection, psycopg.errors.CheckViolation, match="entry 1 does not sum to zero"):
        post(connection, 1, (USER, 5), (HOUSE, -4))


def test_an_entry_that_balances_only_across_assets_is_refused(connection: Connection) -> None:
    with refused(connection, psycopg.errors.CheckViolation, match="sum to zero"):
        post(connection, 1, (USER, 5), (ETH_HOUSE, -5))


def test_entries_that_balance_only_together_are_refused(connection: Connection) -> None:
    with refused(connection, psycopg.errors.CheckViolation, match="entry 1 does not sum to zero"):
        connection.execute(
            "WITH entry AS (INSERT INTO ledger_entry (cause, at_us) VALUES (1, 1), (2, 2)) "
            + postings("(1, 1, 'test', 5, 5, 0)", "(2, 2, 'test', -5, -5, 0)")
        )


def test_an_entry_without_postings_is_refused(connection: Connection) -> None:
    with refused(connection, psycopg.errors.CheckViolation, match="no postings"):
        post(connection, 1)


def test_a_posting_to_an_account_that_is_not_there_is_refused(connection: Connection) -> None:
    with refused(connection, psycopg.errors.ForeignKeyViolation, match="does not exist"):
        post(connection, 1, (USER, 5), (HOUSE, -5), (99, 1))


def test_postings_without_an_entry_are_refused(connection: Connection) -> None:
    with refused(connection, psycopg.errors.ForeignKeyViolation):
        connection.execute(postings("(9, 1, 'test', 1, 1, 0)", "(9, 2, 'test', -1, -1, 0)"))


def test_postings_to_an_entry_that_has_its_postings_are_refused(connection: Connection) -> None:
    post(connection, 1, (USER, 5), (HOUSE, -5))
    with refused(connection, psycopg.errors.CheckViolation, match="has its postings already"):
        connection.execute(postings("(1, 1, 'test', 5, 10, 0)", "(1, 2, 'test', -5, -10, 0)"))


def test_a_negative_user_balance_is_refused_and_a_negative_house_balance_is_not(connection: Connection) -> None:
    post(connection, 1, (USER, 5), (HOUSE, -5))
    with refused(connection, psycopg.errors.CheckViolation, match="user_balance_is_not_negative"):
        post(connection, 2, (USER, -6), (HOUSE, 6))
    assert balances(connection)[USER] == 5


def test_a_balance_below_zero_in_the_middle_of_a_statement_is_refused(connection: Connection) -> None:
    with refused(connection, psycopg.errors.CheckViolation, match="less than is held"):
        connection.execute(
            "WITH entry AS (INSERT INTO ledger_entry (cause, at_us) VALUES (1, 1), (2, 2)) "
            + postings(
                "(1, 1, 'test', -5, -5, 0)",
                "(1, 2, 'test', 5, 5, 0)",
                "(2, 1, 'test', 5, 0, 0)",
                "(2, 2, 'test', -5, 0, 0)",
            )
        )


def test_holding_more_than_there_is_is_refused(connection: Connection) -> None:
    post(connection, 1, (USER, 5, 5), (HOUSE, -5))
    for lines in ([(USER, 0, 6)], [(USER, -1, 5), (HOUSE, 1)], [(USER, 1, 5), (USER, -2, 5), (HOUSE, 1)]):
        with refused(connection, psycopg.errors.CheckViolation):
            post(connection, 2, *lines)
    assert (balances(connection)[USER], held(connection)) == (5, 5)


def test_what_is_held_is_compared_when_all_of_an_entry_is_posted(connection: Connection) -> None:
    """An event is one: a rebate may be held as soon as the trade that it is for."""
    post(connection, 1, (USER, 5, 5), (HOUSE, -5))
    post(connection, 2, (USER, 3, 9), (USER, 1, 9), (HOUSE, -4))
    assert (balances(connection)[USER], held(connection)) == (9, 9)


def test_holding_less_than_nothing_is_refused(connection: Connection) -> None:
    post(connection, 1, (USER, 5), (HOUSE, -5))
    with refused(connection, psycopg.errors.CheckViolation, match="posting_held_is_not_negative"):
        post(connection, 2, (USER, 0, -1))


def test_the_house_holds_nothing(connection: Connection) -> None:
    with refused(connection, psycopg.errors.CheckViolation, match="held_is_within_the_balance"):
        post(connection, 1, (USER, -5), (HOUSE, 5, 1), (USER, 5))


def test_a_posting_that_does_not_say_what_is_held_is_refused(connection: Connection) -> None:
    with refused(connection, psycopg.errors.CheckViolation, match="posting_held_is_recorded"):
        connection.execute(postings("(1, 1, 'test', 5, 5, NULL)"))


@pytest.mark.parametrize("line", ["(1, 1, 'test', 0, 0, 0)", "(1, 1, 'hold', 5, 5, 0)"])
def test_a_posting_moves_something_or_is_a_hold(connection: Connection, line: str) -> None:
    with refused(connection, psycopg.errors.CheckViolation, match="posting_moves_or_holds"):
        connection.execute(f"WITH e AS (INSERT INTO ledger_entry (cause, at_us) VALUES (1, 1)) {postings(line)}")


def test_a_posting_that_does_not_carry_on_the_balance_is_refused(connection: Connection) -> None:
    post(connection, 1, (USER, 5), (HOUSE, -5))
    with refused(connection, psycopg.errors.CheckViolation, match="does not carry on"):
        connection.execute(
            "WITH entry AS (INSERT INTO ledger_entry (cause, at_us) VALUES (2, 2)) "
            + postings("(2, 1, 'test', 5, 5, 0)", "(2, 2, 'test', -5, -10, 0)")
        )


def test_the_same_cause_twice_is_refused(connection: Connection) -> None:
    post(connection, 1, (USER, 5), (HOUSE, -5))
    with refused(connection, psycopg.errors.UniqueViolation):
        post(connection, 1, (USER, 5), (HOUSE, -5))
    assert balances(connection)[USER] == 5


def test_a_reversal_is_the_mirror_whatever_is_held(connection: Connection) -> None:
    post(connection, 1, (USER, 3), (USER, 2), (HOUSE, -5))
    post(connection, 2, (USER, 4, 4), (HOUSE, -4))
    post(connection, 3, (USER, -5, 4), (HOUSE, 5), reverses=1)
    assert balances(connection)[USER] == 4


@pytest.mark.parametrize(
    ("lines", "reverses"),
    [
        ([(USER, -4), (HOUSE, 4)], 1),
        ([(USER, 5), (HOUSE, -5)], 1),
        ([(OTHER, -5), (HOUSE, 5)], 1),
        ([(USER, -5), (OTHER, 5)], 1),
        ([(USER, -5), (HOUSE, 5)], 2),
        ([(USER, -5), (HOUSE, 5)], 9),
        ([(USER, -5), (HOUSE, 5)], 99),
    ],
    ids=["less", "again", "another's", "to another", "another entry", "itself", "none"],
)
def test_a_reversal_that_is_not_the_mirror_is_refused(connection: Connection, lines: list[Line], reverses: int) -> None:
    post(connection, 1, (USER, 5), (HOUSE, -5))
    post(connection, 2, (OTHER, 9), (HOUSE, -9))
    with refused(connection, psycopg.errors.CheckViolation, match="not the mirror"):
        post(connection, 9, *lines, reverses=reverses)


def test_a_reversal_mirrors_what_was_credited_whatever_was_traded_in_the_same_events(connection: Connection) -> None:
    def lines(cause: int, *amounts: tuple[int, str, int]) -> str:
        running, values = defaultdict(int, balances(connection)), []
        for account, kind, amount in amounts:
            running[account] += amount
            values.append(f"({cause}, {account}, '{kind}', {amount}, {running[account]}, 0)")
        reverses = "NULL" if cause == 1 else "1"
        entry = f"INSERT INTO ledger_entry (cause, at_us, reverses) VALUES ({cause}, {cause}, {reverses})"
        return f"WITH entry AS ({entry}) {postings(*values)}"

    traded = ((USER, "trade", 3), (OTHER, "trade", -3))
    post(connection, 0, (OTHER, 9), (HOUSE, -9))
    connection.execute(lines(1, (USER, "faucet", 5), *traded, (HOUSE, "faucet", -5)))
    for wrong in (traded, ((USER, "trade", -5), (HOUSE, "trade", 5)), ((USER, "reversal", -4), (HOUSE, "reversal", 4))):
        with refused(connection, psycopg.errors.CheckViolation, match="entry 2 is not the mirror of entry 1"):
            connection.execute(lines(2, *wrong))
    connection.execute(lines(2, (USER, "reversal", -5), *traded, (HOUSE, "reversal", 5)))
    assert balances(connection)[USER] == 6 and balances(connection)[HOUSE] == -9


def test_a_second_reversal_is_refused(connection: Connection) -> None:
    post(connection, 1, (USER, 5), (HOUSE, -5))
    post(connection, 2, (USER, 5), (HOUSE, -5))
    post(connection, 3, (USER, -5), (HOUSE, 5), reverses=1)
    with refused(connection, psycopg.errors.UniqueViolation, match="entry_is_reversed_once"):
        post(connection, 4, (USER, -5), (HOUSE, 5), reverses=1)


def test_amounts_have_78_digits_and_no_more(connection: Connection) -> None:
    largest = 10**78 - 1
    post(connection, 1, (USER, largest), (HOUSE, -largest))
    assert balances(connection)[USER] == largest
    for lines in ([(USER, 1), (HOUSE, -1)], [(OTHER, largest + 1), (HOUSE, -largest - 1)]):
        with refused(connection, psycopg.errors.NumericValueOutOfRange):
            post(connection, 2, *lines)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_posting SET amount = 6 WHERE amount = 5",
        "UPDATE ledger_posting SET held = 1 WHERE amount = 5",
        "DELETE FROM ledger_posting",
        "TRUNCATE ledger_posting",
        "UPDATE ledger_entry SET at_us = 1",
        "UPDATE ledger_entry SET reverses = 1",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry CASCADE",
        "DELETE FROM ledger_account",
        "TRUNCATE ledger_account CASCADE",
        "UPDATE ledger_account SET asset = 'ETH' WHERE id = 1",
        "UPDATE ledger_account SET balance = 100 WHERE id = 1",
        "UPDATE ledger_account SET held = 1 WHERE id = 1",
        "UPDATE ledger_day SET credits = 1",
        "INSERT INTO ledger_day (day, kind, asset, credits, debits, held) VALUES ('2026-01-01', 'user', 'BTC', 1, 0, 0)",
        "DELETE FROM ledger_day",
        "TRUNCATE ledger_day",
    ],
)
def test_nothing_can_be_changed_or_deleted(connection: Connection, statement: str) -> None:
    post(connection, 1, (USER, 5), (HOUSE, -5))
    with refused(connection, REFUSED):
        connection.execute(statement)


@pytest.mark.parametrize("numbers", ["5, 0", "0, 5", "5, 5", "0, NULL"])
def test_an_account_starts_with_nothing(connection: Connection, numbers: str) -> None:
    with refused(connection, psycopg.errors.CheckViolation, match="start at zero"):
        connection.execute(
            f"INSERT INTO ledger_account (owner, asset, kind, balance, held) VALUES (9, 'BTC', 'user', {numbers})"
        )


@pytest.mark.parametrize(("owner", "kind"), [("NULL", "user"), ("9", "fees"), ("NULL", "savings")])
def test_an_account_is_of_the_chart_and_only_users_accounts_have_owners(
    connection: Connection, owner: str, kind: str
) -> None:
    with refused(connection, psycopg.errors.CheckViolation):
        connection.execute(
            f"INSERT INTO ledger_account (owner, asset, kind, balance) VALUES ({owner}, 'BTC', '{kind}', 0)"
        )


def test_a_temporary_table_does_not_stand_in_for_a_ledgers(connection: Connection) -> None:
    """What an application could try: accounts and entries of its own making, under the names that the triggers read."""
    for table in ("account", "entry"):
        connection.execute(f"CREATE TEMPORARY TABLE ledger_{table} (LIKE public.ledger_{table})")
    connection.execute("INSERT INTO ledger_entry (cause, at_us) VALUES (1, 1)")
    connection.execute("INSERT INTO ledger_account (id, asset, kind, balance, held) VALUES (99, 'BTC', 'faucet', 0, 0)")
    with refused(connection, psycopg.errors.ForeignKeyViolation):
        connection.execute(postings("(1, 99, 'test', 5, 5, 0)", "(1, 99, 'test', -5, 0, 0)"))


def test_two_writers_at_once_cannot_both_carry_on_the_same_balance(database: Database) -> None:
    """The second waits for the first's commit, and finds that the balance has moved on."""
    entry = "WITH entry AS (INSERT INTO ledger_entry (cause, at_us) VALUES ({0}, 2)) " + postings(
        "({0}, 1, 'test', 5, 10, 0)", "({0}, 2, 'test', -5, -10, 0)"
    )
    waits = "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s"
    with database.connect() as first, database.connect() as second, ThreadPoolExecutor(1) as pool:
        first.execute(ACCOUNTS)
        post(first, 1, (USER, 5), (HOUSE, -5))
        with first.transaction():
            first.execute(entry.format(2))
            late = pool.submit(second.execute, entry.format(3))
            pid = second.info.backend_pid
            wait_until(lambda: first.execute(waits, (pid,)).fetchone() == ("Lock",), what="the second waits")
        assert isinstance(late.exception(10), psycopg.errors.CheckViolation)
        assert balances(second)[USER] == 10
