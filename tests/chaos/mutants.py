"""Deliberate defects, to show that the checks can fail: each must be found by the scenario that is there to find it.

A mutant lives in the servers' processes (``serve``) or in its own database, never in the product.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import kills, repeats
from .audit import Tally
from .deployment import REPLICAS, Blueprint, Rig
from .replicas import GUNICORN
from .scenarios import Scenario, run

PATIENCE_S = 10.0
TRIES = 10
"""A mutant may survive a round by luck."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """``change`` is of the servers, ``sql`` of the database; ``play`` is the scenario with ``rounds`` that must find it."""

    name: str
    title: str
    play: Callable[[Rig, int], None]
    rounds: int = 1
    change: str = ""
    sql: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``killed_by``: the check that found the mutant, and what it saw; empty if it survived."""

    killed_by: str
    detail: str
    tries: int
    seconds: float


class Found(Exception):
    """A check has failed, as it should."""


class NeverLived(Exception):
    """The mutant did not acknowledge anything, so nothing was found out about the checks. The message says what it did."""


class _FirstFinding(Tally):
    """Ends the play at the first finding."""

    def find(self, check: str, detail: object) -> None:
        super().find(check, detail)
        raise Found(check)


def hunt(mutant: Mutant, blueprint: Blueprint, folder: Path, seed: int, *, replicas: int = REPLICAS) -> Verdict:
    """Plays the scenario until a check fails, at most TRIES times. Raises NeverLived."""
    started = time.monotonic()
    module = ("tests.chaos.serve", mutant.change) if mutant.change else GUNICORN
    scenario = Scenario(mutant.name, mutant.title, mutant.play, mutant.rounds, mutant.rounds)
    for number in range(1, TRIES + 1):
        tally = _FirstFinding(patience_s=PATIENCE_S)
        rig = Rig(blueprint, folder, seed + number, module, mutant.sql, tally, replicas)
        try:
            run(scenario, rig, mutant.rounds)
            if tally.not_possible:
                raise NeverLived(tally.not_possible)
        except Found:
            (finding, *_) = tally.findings
            if not tally.acknowledged:
                raise NeverLived(finding.detail) from None
            return Verdict(finding.check, finding.detail, number, time.monotonic() - started)
    return Verdict("", "", TRIES, time.monotonic() - started)


def _checkpoint_moves(how: str) -> str:
    """SQL that puts another body into the function by which projectors move their checkpoint."""
    return f"""
        DO $$
        DECLARE arguments text;
        BEGIN
            SELECT pg_get_function_arguments(oid) INTO STRICT arguments
              FROM pg_proc WHERE proname = 'move_projection_checkpoint';
            EXECUTE 'CREATE OR REPLACE FUNCTION move_projection_checkpoint(' || arguments || ') RETURNS void'
                ' LANGUAGE plpgsql AS $f$ BEGIN {how}; END $f$';
        END $$
    """


_ALL = (
    Mutant(
        "commit-later",
        "acknowledges before the COMMIT",
        kills.all_replicas,
        change="commit-later",
        # The projector would notice at once that the journal does not hold what it writes: that is taken from it too.
        sql=_checkpoint_moves(
            "UPDATE projection_checkpoint SET seq = reached WHERE seq = expected;"
            " IF NOT FOUND THEN RAISE serialization_failure; END IF"
        ),
    ),
    Mutant(
        "commit-to-memory",
        "PostgreSQL acknowledges commits before they are on disk",
        kills.everything,
        rounds=2,
        sql="ALTER DATABASE kontor SET synchronous_commit = off",
    ),
    Mutant(
        "forget-commands",
        "command ids are not unique",
        repeats.three_times,
        change="forget-commands",
        sql="ALTER TABLE order_event DROP CONSTRAINT order_event_command_id_key",
    ),
    Mutant(
        "no-compare-and-swap",
        "every projector's checkpoint moves, whoever wrote before it",
        kills.nothing,
        sql=_checkpoint_moves("UPDATE projection_checkpoint SET seq = greatest(seq, reached)"),
    ),
    Mutant(
        "number-by-sequence",
        "appends do not lock the head, readers look for larger numbers",
        kills.nothing,
        change="number-by-sequence",
        sql="CREATE SEQUENCE journal_seq; SELECT setval('journal_seq', seq) FROM journal_head;"
        " GRANT USAGE ON SEQUENCE journal_seq TO kontor_app; DROP TRIGGER journal_head_guard ON journal_head",
    ),
)

MUTANTS = {mutant.name: mutant for mutant in _ALL}
