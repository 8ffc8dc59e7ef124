"""Snapshots shorten a start and decide nothing: a bad one is passed over, and all may be deleted."""

import logging

import pytest

from tests.fixtures import Database
from trading.engine.snapshot import state_hash
from trading.journal.read import head_seq
from trading.journal.verify import verify
from trading.snapshots import RETAINED, restore, save

from .test_runtime import trade_at_random
from .world import ALICE, do, limit, open_market, serving


async def trade_and_stop(rounds: int) -> str:
    """Trades in several lives of a process; the state hash at the end."""
    for seed in range(rounds):
        async with serving() as runtime:
            await open_market(runtime)
            await trade_at_random(runtime, seed, 30)
            last = state_hash(runtime.replica.engine)
    return last


def snapshot_seqs(database: Database) -> list[int]:
    with database.connect() as connection:
        return [
            int(str(row[0])) for row in connection.execute("SELECT seq FROM engine_snapshot ORDER BY seq").fetchall()
        ]


async def restarted(caplog: pytest.LogCaptureFixture) -> tuple[str, list[str]]:
    """The state hash of a new process, and what it said about snapshots."""
    caplog.clear()
    with caplog.at_level(logging.INFO, "trading.snapshots"):
        async with serving() as runtime:
            return state_hash(runtime.replica.engine), [r.getMessage() for r in caplog.records if "snapshot" in r.name]


async def test_a_restart_reads_the_last_snapshot_and_ends_in_the_same_state(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    before = await trade_and_stop(rounds=2)
    newest = snapshot_seqs(database)[-1]
    assert await restarted(caplog) == (before, [f"restored the snapshot of event {newest}"])
    async with serving() as runtime:
        answer = await do(runtime, limit(ALICE, "sell", 100, 1))
        await runtime.projected(answer.seq)
    with database.connect() as connection:
        assert verify(connection).findings == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("body = set_byte(body, 20, get_byte(body, 20) # 1)", "is damaged"),
        ("body = '\\x7b7d', state_hash = encode(sha256('\\x7b7d'), 'hex')", "cannot be loaded"),
        ("(body, state_hash) = (SELECT body, state_hash FROM engine_snapshot ORDER BY seq LIMIT 1)", "is of event"),
    ],
)
async def test_a_bad_snapshot_is_passed_over_for_the_one_before(
    database: Database, caplog: pytest.LogCaptureFixture, damage: str, said: str
) -> None:
    before = await trade_and_stop(rounds=2)
    first, newest = snapshot_seqs(database)
    with database.connect() as connection:
        connection.execute(f"UPDATE engine_snapshot SET {damage} WHERE seq = {newest}")
    state, messages = await restarted(caplog)
    assert state == before
    assert said in messages[0] and messages[1] == f"restored the snapshot of event {first}"


async def test_without_any_snapshot_the_whole_journal_is_folded(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    before = await trade_and_stop(rounds=1)
    with database.connect() as connection:
        connection.execute("DELETE FROM engine_snapshot")
    assert await restarted(caplog) == (before, [])


async def test_only_the_newest_are_retained_and_none_beyond_the_limit_is_restored(database: Database) -> None:
    await trade_and_stop(rounds=RETAINED + 2)
    seqs = snapshot_seqs(database)
    with database.connect() as connection:
        assert len(seqs) == RETAINED and seqs[-1] == head_seq(connection)
        assert restore(connection, at_most=seqs[-1] - 1).seq == seqs[-2]
        assert restore(connection, at_most=seqs[0] - 1).seq == 0


async def test_verify_sees_a_snapshot_that_the_journal_does_not_lead_to(database: Database) -> None:
    await trade_and_stop(rounds=1)
    (seq,) = snapshot_seqs(database)
    with database.connect() as connection:
        other = restore(connection, at_most=seq)
        other.fee_tiers[ALICE] = 5
        connection.execute("DELETE FROM engine_snapshot")
        save(connection, other, now_us=1)
        assert verify(connection).findings == [
            f"the snapshot at event {seq} is not the state that the journal leads to"
        ]
