"""Snapshots shorten a start and decide nothing: a bad one is passed over, and all may be deleted."""

import asyncio
import logging
import random

import psycopg
import pytest
from django.test.utils import override_settings

from tests.fixtures import Database, manage
from trading.engine.snapshot import state_hash
from trading.fold import Fold
from trading.journal.append import append
from trading.journal.read import head_seq, records_between
from trading.journal.records import derived_command_id, draft, new_command_id
from trading.outcome_chain import CHECKPOINT_EVENTS
from trading.snapshots import DAY_US, RETAINED, make, restore, save
from trading.verify import verify

from .world import ALICE, BOB, OPENING, WAIT_LIMIT_S, do, limit, serving

Connection = psycopg.Connection[tuple[object, ...]]


def trade(connection: Connection, events: int, seed: int = 1) -> None:
    """Appends so many events to the journal: the market and its funds if they are not there, then orders."""
    rng = random.Random(seed)
    start = head_seq(connection)
    drafts = [
        draft(command, command_id=derived_command_id("opening", repr(command)), request_id="test")
        for command in OPENING
    ]
    append(connection, drafts, now_us=1)
    missing = events - (head_seq(connection) - start)
    orders = [
        limit(rng.choice((ALICE, BOB)), rng.choice(("buy", "sell")), rng.randrange(95, 106), rng.randrange(1, 50))
        for _ in range(missing)
    ]
    drafts = [draft(order, command_id=new_command_id(), request_id="test") for order in orders]
    append(connection, drafts, now_us=1)


def snapshot_seqs(connection: Connection) -> list[int]:
    return [int(str(row[0])) for row in connection.execute("SELECT seq FROM engine_snapshot ORDER BY seq").fetchall()]


def make_several(connection: Connection, count: int) -> None:
    """So many snapshots, one at each checkpoint, and a few events more."""
    for number in range(1, count + 1):
        trade(connection, CHECKPOINT_EVENTS, seed=number)
        assert make(connection, at_most=head_seq(connection), now_us=number) is not None
    trade(connection, 10)


async def restarted(caplog: pytest.LogCaptureFixture) -> tuple[str, list[str]]:
    """The state hash of a new process, and what it said about snapshots."""
    caplog.clear()
    with caplog.at_level(logging.INFO, "trading.snapshots"):
        async with serving() as runtime:
            messages = [r.getMessage() for r in caplog.records if r.name == "trading.snapshots"]
            return state_hash(runtime.replica.fold.engine), messages


async def test_a_start_reads_the_newest_snapshot_and_comes_to_the_state_that_the_whole_journal_leads_to(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with database.connect() as connection:
        make_several(connection, 1)
        whole, _ = await restarted(caplog)  # the read models are written now, so the next start may use the snapshot
        assert await restarted(caplog) == (whole, [f"restored the snapshot of event {CHECKPOINT_EVENTS}"])
        async with serving() as runtime:
            answer = await do(runtime, limit(ALICE, "sell", 100, 1))
            await runtime.projected(answer.seq)
        verified = verify(connection)
    assert verified.findings == []


def test_a_snapshot_is_of_the_last_checkpoint_not_beyond_what_it_may_hold(database: Database) -> None:
    with database.connect() as connection:
        trade(connection, 2 * CHECKPOINT_EVENTS + 500)
        fold = make(connection, at_most=2 * CHECKPOINT_EVENTS - 1, now_us=1)
        assert fold is not None and fold.seq == CHECKPOINT_EVENTS
        assert make(connection, at_most=2 * CHECKPOINT_EVENTS - 1, now_us=1) is None
        tail = make(connection, at_most=2 * CHECKPOINT_EVENTS + 500, now_us=1)
        assert tail is not None and tail.seq == 2 * CHECKPOINT_EVENTS
        connection.execute("DELETE FROM engine_snapshot")
        whole = make(connection, at_most=2 * CHECKPOINT_EVENTS, now_us=1)
        assert whole is not None
        assert (state_hash(whole.engine), whole.journal_hash, whole.chain.last) == (
            state_hash(tail.engine),
            tail.journal_hash,
            tail.chain.last,
        )


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("body = set_byte(body, 20, get_byte(body, 20) # 1)", "is damaged"),
        ("body = '\\x7b7d', state_hash = encode(sha256('\\x7b7d'), 'hex')", "cannot be loaded"),
        ("(body, state_hash) = (SELECT body, state_hash FROM engine_snapshot ORDER BY seq LIMIT 1)", "is of event"),
        ("journal_hash = sha256('another journal')", "is not of this journal"),
        ("seq = seq + 1000000", "is not of this journal"),
    ],
)
async def test_a_bad_snapshot_is_passed_over_for_the_one_before(
    database: Database, caplog: pytest.LogCaptureFixture, damage: str, said: str
) -> None:
    with database.connect() as connection:
        make_several(connection, 2)
        first, newest = snapshot_seqs(connection)
        connection.execute(f"UPDATE engine_snapshot SET {damage} WHERE seq = {newest}")
        caplog.clear()
        with caplog.at_level(logging.INFO, "trading.snapshots"):
            fold = restore(connection, at_most=10**9)
        assert fold.seq == first
    messages = [r.getMessage() for r in caplog.records if r.name == "trading.snapshots"]
    assert said in messages[0] and messages[1] == f"restored the snapshot of event {first}"


def test_without_any_good_snapshot_the_whole_journal_is_folded(database: Database) -> None:
    with database.connect() as connection:
        make_several(connection, 1)
        connection.execute("DELETE FROM engine_snapshot")
        assert restore(connection, at_most=10**9).seq == 0


def test_the_newest_are_kept_and_the_last_of_each_day(database: Database) -> None:
    with database.connect() as connection:
        trade(connection, CHECKPOINT_EVENTS * (RETAINED + 4))
        for number, day in enumerate((1, 40, 40, 41, *[42] * RETAINED), 1):
            make(connection, at_most=number * CHECKPOINT_EVENTS, now_us=day * DAY_US + number)
        kept = [seq // CHECKPOINT_EVENTS for seq in snapshot_seqs(connection)]
    assert kept == [3, 4, *range(5, 5 + RETAINED)]


def test_the_fold_of_a_snapshot_must_be_at_a_checkpoint(database: Database) -> None:
    with database.connect() as connection:
        trade(connection, 8)
        fold = Fold.new()
        for record in records_between(connection, 0, 8):
            fold.apply(record)
        with pytest.raises(ValueError, match="event 8 is no checkpoint"):
            save(connection, fold, now_us=1)


async def test_verify_sees_a_snapshot_that_the_journal_does_not_lead_to(database: Database) -> None:
    with database.connect() as connection:
        make_several(connection, 1)
        other = restore(connection, at_most=CHECKPOINT_EVENTS)
        other.engine.accounts.fee_tiers[ALICE] = 5
        connection.execute("DELETE FROM engine_snapshot")
        save(connection, other, now_us=1)
        async with serving():
            pass
        assert verify(connection).findings == [
            f"the snapshot at event {CHECKPOINT_EVENTS} is not the state that the journal leads to"
        ]


async def test_a_server_has_snapshots_made_by_itself(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)  # for the process that makes it
    with database.connect() as connection, override_settings(SNAPSHOT_EVERY=CHECKPOINT_EVENTS):
        async with serving():
            trade(connection, CHECKPOINT_EVENTS + 5)
            async with asyncio.timeout(WAIT_LIMIT_S):
                while snapshot_seqs(connection) != [CHECKPOINT_EVENTS]:
                    await asyncio.sleep(0.02)


def test_a_person_can_have_one_made(database: Database) -> None:
    told = manage("snapshot", url=database.url)
    assert "nothing new" in told.stdout
