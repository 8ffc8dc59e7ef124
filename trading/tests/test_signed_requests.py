"""What a signed request makes of the journal: one event, whichever process it is sent to, and however the database fails."""

from typing import NoReturn

import pytest

from accounts.problems import Problem
from tests.fixtures import Database
from trading import submission
from trading.bulk import Connection, at_once
from trading.engine.commands import CancelAfter
from trading.journal import append
from trading.runtime import Runtime

from .world import ALICE, open_market, serving

PROOF = "0123456789abcdef 1800000000000 nonce"
SWITCH = CancelAfter(account=ALICE, timeout_us=60_000_000)


def count(database: Database) -> object:
    with database.connect() as connection:
        return connection.execute("SELECT count(*) FROM order_event WHERE kind = 'CancelAfter'").fetchone()


async def submit(runtime: Runtime, proof: str) -> int:
    command_id = submission.own_command_id(proof)
    answer = await submission.submit(runtime, SWITCH, command_id=command_id, request_id="test", proof=proof)
    return answer.seq


async def test_the_same_proof_at_two_processes_is_one_event(database: Database) -> None:
    async with serving() as first, serving() as second:
        await open_market(first)
        await submit(first, PROOF)
        with pytest.raises(Problem) as refused:
            await submit(second, PROOF)
        assert refused.value.kind.code == "nonce_used"
        await submit(second, PROOF + " another")
    assert count(database) == (2,)


async def test_whose_answer_the_database_lost_is_not_told_that_it_was_a_repetition(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends right after the COMMIT: tried again, the command is found in the journal."""
    async with serving() as runtime:
        await open_market(runtime)

        lost: list[str] = []

        def at_once_and_lost(connection: Connection, statements: str) -> NoReturn:
            monkeypatch.undo()
            lost.append(statements)
            at_once(connection, statements)
            at_once(connection, "SELECT pg_terminate_backend(pg_backend_pid())")
            raise AssertionError("the connection is still there")

        monkeypatch.setattr(append, "at_once", at_once_and_lost)
        seq = await submit(runtime, PROOF)
        assert seq == runtime.live.seq
        assert len(lost) == 1
    assert count(database) == (1,)
