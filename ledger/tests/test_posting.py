"""The writer of the books against a naive oracle: a dictionary of sums."""

from collections import defaultdict

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ledger.checks
import ledger.queries
from ledger.posting import Books, EntryDraft, Line, UnbalancedEntry
from tests.fixtures import Database

Moved = tuple[int, str, int, int]
"""A user, an asset, and two numbers that the amount and the held part are drawn from."""

moves = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3]),
        st.sampled_from(["BTC", "ETH"]),
        st.integers(-(10**25), 10**25),
        st.integers(0, 10**25),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda move: move[:2],
)


def execute(connection: psycopg.Connection, statements: list[str]) -> None:
    connection.execute(";".join(statements))


def credit(cause: int, owner: int, asset: str, amount: int, *, held: int = 0) -> EntryDraft:
    lines: list[Line] = [
        ((owner, asset, "user"), "credit", amount, held),
        ((None, asset, "faucet"), "credit", -amount, 0),
    ]
    return EntryDraft(cause, cause, lines)


def holds(connection: psycopg.Connection) -> dict[tuple[int | None, str], int]:
    positions = ledger.queries.positions(connection)
    return {(owner, asset): held for (owner, asset, _), (_, held) in positions.items() if held}


class Oracle:
    """The books as dictionaries: what each account has in all, and what is held of it."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.balances = defaultdict(int, ledger.queries.balances(connection))
        self.holds = defaultdict(int, holds(connection))

    def entry(self, cause: int, moved: list[Moved]) -> EntryDraft:
        """An entry that this user's books can bear: no more is taken than there is, no more held than remains."""
        lines: list[Line] = []
        for owner, asset, amount, held in moved:
            had = self.balances[owner, asset, "user"]
            amount = max(amount, -had)
            held %= had + amount + 1
            self.balances[owner, asset, "user"] += amount
            self.balances[None, asset, "faucet"] -= amount
            self.holds[owner, asset] = held
            lines.append(((owner, asset, "user"), "test" if amount else "hold", amount, held))
            if amount:
                lines.append(((None, asset, "faucet"), "test", -amount, 0))
        return EntryDraft(cause, cause * 10**10, lines)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(moves, min_size=1, max_size=5), min_size=1, max_size=4))
def test_balances_and_holds_are_those_of_a_naive_oracle(database: Database, batches: list[list[list[Moved]]]) -> None:
    with database.connect() as connection:
        oracle = Oracle(connection)
        row = connection.execute("SELECT coalesce(max(cause), 0) FROM ledger_entry").fetchone()
        cause = int(row[0])
        books = Books(connection)
        for batch in batches:
            drafts = [oracle.entry(cause + n, moved) for n, moved in enumerate(batch, 1)]
            cause += len(batch)
            with connection.transaction():
                execute(connection, books.statements(drafts))
        assert {k: v for k, v in ledger.queries.balances(connection).items() if v} == {
            k: v for k, v in oracle.balances.items() if v
        }
        assert holds(connection) == {k: v for k, v in oracle.holds.items() if v}
        assert ledger.checks.findings(connection) == []


def test_an_unbalanced_entry_raises_before_anything_is_written(database: Database) -> None:
    lines: list[Line] = [((1, "BTC", "user"), "credit", 5, 0), ((None, "BTC", "faucet"), "credit", -4, 0)]
    with database.connect() as connection:
        with pytest.raises(UnbalancedEntry, match="entry 2 does not sum to zero in BTC: 1"):
            Books(connection).statements([credit(1, 1, "BTC", 5), EntryDraft(2, 2, lines)])
        with pytest.raises(UnbalancedEntry, match="entry 3 has no postings"):
            Books(connection).statements([EntryDraft(3, 3, [])])
        assert connection.execute("SELECT count(*) FROM ledger_posting").fetchone() == (0,)


def test_a_statement_shows_what_changed_the_balance_with_the_balance_after_it(database: Database) -> None:
    with database.connect() as connection:
        with connection.transaction():
            drafts = [credit(n, 1, "BTC", n) for n in (1, 2, 4)]
            drafts.insert(2, EntryDraft(3, 3, [((1, "BTC", "user"), "hold", 0, 2)]))
            execute(connection, Books(connection).statements(drafts))
        lines = ledger.queries.statement(connection, owner=1, asset=None, before_id=None, limit=10)
        assert [(line.cause, line.amount_atoms, line.balance_atoms) for line in lines] == [
            (4, 4, 7),
            (2, 2, 3),
            (1, 1, 1),
        ]
        older = ledger.queries.statement(connection, owner=1, asset="BTC", before_id=lines[0].id, limit=1)
        assert [line.cause for line in older] == [2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE ledger_posting SET balance = balance + 1 WHERE amount = 5", "entry 1 carries a wrong running balance"),
        ("UPDATE ledger_posting SET amount = amount + 1 WHERE amount = 5", "entry 1 does not sum to zero in BTC: 1"),
        ("UPDATE ledger_posting SET held = 6 WHERE amount = 5", "posting 1 of entry 1 holds more than there is"),
        (
            "UPDATE ledger_posting SET held = 1 WHERE kind = 'hold'",
            "ledger account 2 says that 2 is held, its last posting says 1",
        ),
        (
            "UPDATE ledger_account SET balance = 1 WHERE kind = 'faucet' AND asset = 'BTC'",
            "ledger account 3 says 1, its postings sum to -7",
        ),
        ("UPDATE ledger_account SET held = 1 WHERE owner = 2", "accounts of kind user hold 1 BTC, the days sum to 2"),
        ("UPDATE ledger_entry SET reverses = 2 WHERE cause = 4", "entry 4 reverses entry 2 and is not its mirror"),
        ("UPDATE ledger_day SET credits = credits + 1", "the sums of 1970-01-01 of kind"),
        (
            "UPDATE ledger_day SET held = held + 1 WHERE kind = 'user'",
            "accounts of kind user hold 2 BTC, the days sum to 3",
        ),
    ],
)
def test_checks_name_what_does_not_fit(database: Database, change: str, said: str) -> None:
    with database.connect() as connection, connection.transaction():
        drafts = [
            credit(1, 1, "BTC", 5),
            credit(2, 2, "BTC", 7),
            EntryDraft(3, 3, [((2, "BTC", "user"), "hold", 0, 2)]),
            EntryDraft(4, 4, [((1, "BTC", "user"), "x", -5, 0), ((None, "BTC", "faucet"), "x", 5, 0)], reverses=1),
        ]
        execute(connection, Books(connection).statements(drafts))
    with database.connect_as_owner() as connection:
        assert ledger.checks.findings(connection) == []
        for table in ("posting", "entry", "account", "day"):
            connection.execute(f"ALTER TABLE ledger_{table} DISABLE TRIGGER USER")
        connection.execute(change)
        assert any(said in finding for finding in ledger.checks.findings(connection)), ledger.checks.findings(
            connection
        )


def test_books_read_the_balances_they_find(database: Database) -> None:
    with database.connect() as connection:
        for cause in (1, 2):
            with connection.transaction():
                execute(connection, Books(connection).statements([credit(cause, 1, "BTC", 5)]))
        assert ledger.checks.findings(connection) == []


def test_amounts_keep_every_digit(database: Database) -> None:
    with database.connect() as connection:
        with connection.transaction():
            execute(connection, Books(connection).statements([credit(1, 1, "ETH", 10**36 + 1)]))
        assert ledger.queries.balances(connection)[1, "ETH", "user"] == 10**36 + 1


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with database.connect() as connection:
        books = Books(connection)
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            execute(
                connection,
                books.statements([credit(1, 1, "BTC", -5)]),
            )
        assert ledger.queries.balances(connection) == {}
