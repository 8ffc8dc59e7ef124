"""The database refuses what a withdrawal cannot become, whoever asks: tried with plain SQL as the application and as the owner."""

import datetime as dt
import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings
from django.db import transaction

from accounts.freeze import freeze_withdrawals
from accounts.models import Account, User
from funding import withdrawals
from funding.models import Approval, Withdrawal, WithdrawalAddress
from funding.states import RELEASED, WITHDRAWAL_TRANSITIONS, WithdrawalState
from tests.fixtures import Database

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
REFUSED = (psycopg.errors.CheckViolation, psycopg.errors.InsufficientPrivilege)
S = WithdrawalState
Connection = psycopg.Connection[tuple[object, ...]]
_numbers = itertools.count(1)


def new_user() -> User:
    return User.objects.create(email=f"somebody-{next(_numbers)}@example.com")


def new_withdrawal(*, approvals_needed: int = 0) -> Withdrawal:
    account = Account.objects.create(owner=new_user())
    where = {"account": account, "asset": "BTC", "chain": "bitcoin:regtest", "address": "bcrt1q", "script": "0014"}
    destination = WithdrawalAddress.objects.create(**where, label="home", created_at=NOW, usable_from=NOW)
    return Withdrawal.objects.create(
        **where,
        idempotency_key="one",
        destination=destination,
        amount_atoms=100_000,
        fee_atoms=1_000,
        value_cents=6_500,
        approvals_needed=approvals_needed,
        state=S.REQUESTED,
        requested_at=NOW,
        changed_at=NOW,
    )


def come_to(withdrawal: Withdrawal, *states: WithdrawalState) -> Withdrawal:
    for state in states:
        if state == S.HELD:
            withdrawal.hold_seq = 7
        withdrawals.move(withdrawal, state, f"It is {state}.", now=NOW)
    return withdrawal


@contextmanager
def refused(connection: Connection, match: str | None = None) -> Iterator[None]:
    with pytest.raises(REFUSED, match=match), connection.transaction():
        yield


def test_a_withdrawal_goes_from_state_to_state_as_the_table_says(shared_database: Database) -> None:
    withdrawal = new_withdrawal()
    with shared_database.connect_as_owner() as connection:
        for before, after in itertools.permutations(WithdrawalState, 2):
            with connection.transaction(force_rollback=True):
                connection.execute("ALTER TABLE funding_withdrawal DISABLE TRIGGER funding_withdrawal_guard")
                is_paid = S.SETTLED in (before, after) and before not in RELEASED
                ends_as = before if before in RELEASED else after if after in RELEASED else S.CANCELLED
                connection.execute(
                    "UPDATE funding_withdrawal SET state = %s, payout_id = 5, hold_seq = 1, settle_seq = %s,"
                    " release_seq = %s, ends_as = %s WHERE id = %s",
                    [before.value, 2 if is_paid else None, None if is_paid else 2, ends_as.value, withdrawal.id],
                )
                connection.execute("ALTER TABLE funding_withdrawal ENABLE TRIGGER funding_withdrawal_guard")
                change = "UPDATE funding_withdrawal SET state = %s WHERE id = %s"
                if after in WITHDRAWAL_TRANSITIONS[before]:
                    assert connection.execute(change, [after.value, withdrawal.id]).rowcount == 1, (before, after)
                else:
                    with refused(connection, f"cannot go from {before} to {after}"):
                        connection.execute(change, [after.value, withdrawal.id])


@pytest.mark.parametrize("role", ["application", "owner"])
def test_what_a_withdrawal_is_stays_and_its_history_is_append_only(shared_database: Database, role: str) -> None:
    withdrawal = come_to(new_withdrawal(approvals_needed=1), S.HELD, S.REVIEWING)
    Approval.objects.create(withdrawal=withdrawal, by=new_user(), approves=True, words="", at=NOW)
    connect = shared_database.connect if role == "application" else shared_database.connect_as_owner
    with connect() as connection:
        for change in (
            "UPDATE funding_withdrawal SET amount_atoms = amount_atoms + 1",
            "UPDATE funding_withdrawal SET fee_atoms = 0",
            "UPDATE funding_withdrawal SET script = '0020'",
            "UPDATE funding_withdrawal SET approvals_needed = 0",
            "UPDATE funding_withdrawal SET hold_seq = 8",
            "UPDATE funding_withdrawal SET payout_id = 8",
            "UPDATE funding_withdrawal_address SET address = 'bcrt1p'",
            "UPDATE funding_withdrawal_address SET usable_from = usable_from - interval '1 day'",
            "UPDATE funding_withdrawal_step SET words = 'nothing'",
            "UPDATE funding_approval SET approves = false",
            *(
                f"DELETE FROM {table}"
                for table in (
                    "funding_withdrawal",
                    "funding_withdrawal_step",
                    "funding_withdrawal_address",
                    "funding_approval",
                )
            ),
        ):
            with refused(connection):
                connection.execute(change)


def test_approval_takes_so_many_others_as_it_says_and_never_the_owner(shared_database: Database) -> None:
    withdrawal = come_to(new_withdrawal(approvals_needed=2), S.HELD, S.REVIEWING)
    staff = [new_user() for _ in range(2)]
    approve = (
        "INSERT INTO funding_approval (withdrawal_id, by_id, approves, words, at) VALUES (%s, %s, true, '', now())"
    )
    advance = f"UPDATE funding_withdrawal SET state = 'approved' WHERE id = {withdrawal.id}"
    with shared_database.connect() as connection:
        with refused(connection, "of his own"):
            connection.execute(approve, [withdrawal.id, withdrawal.account.owner_id])
        for one in staff:
            with refused(connection, "takes 2 approvals"):
                connection.execute(advance)
            connection.execute(approve, [withdrawal.id, one.id])
            with pytest.raises(psycopg.errors.UniqueViolation), connection.transaction():
                connection.execute(approve, [withdrawal.id, one.id])
        assert connection.execute(advance).rowcount == 1
        with refused(connection, "is not to be decided"):
            connection.execute(approve, [withdrawal.id, new_user().id])


def test_a_withdrawal_begins_as_a_request_to_an_address_that_may_be_used(shared_database: Database) -> None:
    withdrawal = new_withdrawal()
    names = [field.column for field in Withdrawal._meta.fields if field.column not in ("id", "idempotency_key")]
    columns = ", ".join(names)
    copy = "INSERT INTO funding_withdrawal (idempotency_key, {}) SELECT %s, {} FROM funding_withdrawal WHERE id = %s"

    def with_other(column: str, value: str) -> str:
        return copy.format(columns, columns.replace(column, value, 1))

    with shared_database.connect() as connection:
        for change in (
            with_other("state", "'held'"),
            with_other("script", "'0020'"),
            with_other("requested_at", "requested_at - interval '1 second'"),
        ):
            with refused(connection):
                connection.execute(change, ["other", withdrawal.id])
        connection.execute(copy.format(columns, columns), ["other", withdrawal.id])
        connection.execute("UPDATE funding_withdrawal_address SET removed_at = now() WHERE removed_at IS NULL")
        with refused(connection, "an address of its account"):
            connection.execute(copy.format(columns, columns), ["third", withdrawal.id])


def test_two_payouts_never_claim_the_same_withdrawal(shared_database: Database) -> None:
    _claim(payout_id=9, at_most=100)
    first, second = (come_to(new_withdrawal(), S.HELD, S.APPROVED) for _ in range(2))
    with shared_database.connect() as other, other.transaction():
        other.execute("SELECT 1 FROM funding_withdrawal WHERE id = %s FOR UPDATE", [first.id])
        claimed = _claim(payout_id=1, at_most=5)
        assert [one.id for one in claimed] == [second.id], "what somebody else decides now is left"
    assert [one.id for one in _claim(payout_id=2, at_most=1)] == [first.id]
    assert _claim(payout_id=3, at_most=5) == []
    first.refresh_from_db()
    assert (first.state, first.payout_id) == ("batched", 2)
    withdrawals.move(first, S.APPROVED, "Its payout was dissolved.", now=NOW)
    assert first.payout_id is None


def test_while_withdrawals_of_a_user_are_frozen_no_payout_takes_his(shared_database: Database) -> None:
    _claim(payout_id=9, at_most=100)
    frozen = come_to(new_withdrawal(), S.HELD, S.APPROVED)
    freeze_withdrawals(user=frozen.account.owner, now=NOW)
    assert _claim(payout_id=4, at_most=5) == []
    later = NOW + dt.timedelta(hours=settings.WITHDRAWAL_FREEZE_H)
    assert [one.id for one in _claim(payout_id=4, at_most=5, now=later)] == [frozen.id]


def _claim(*, payout_id: int, at_most: int, now: dt.datetime = NOW) -> list[Withdrawal]:
    with transaction.atomic():
        return withdrawals.claim("BTC", "bitcoin:regtest", payout_id=payout_id, at_most=at_most, now=now)
