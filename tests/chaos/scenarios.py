"""The scenarios by name, with how many rounds each form of the suite gives them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from . import clocks, cuts, disk, kills, lost_tail, pauses, redis, repeats
from .audit import Tally
from .deployment import NotPossible, Rig


@dataclass(frozen=True, slots=True)
class Scenario:
    """``quick`` rounds run inside the tests, none at all if it is 0; ``short`` in ``make chaos``.

    ``long_share``: of the kills that the long form is asked for, the part that are rounds of this scenario; 0: not in it.
    """

    name: str
    title: str
    play: Callable[[Rig, int], None]
    quick: int
    short: int
    long_share: float = 0.0

    def rounds(self, kills: int | None) -> int:
        return self.short if kills is None else max(self.short, round(kills * self.long_share))


def run(scenario: Scenario, rig: Rig, rounds: int) -> Tally:
    """Plays it. What stops the play, as an exchange that does not come back, is a finding like any other."""
    started = time.monotonic()
    try:
        with rig.tally.check("the exchange comes back by itself"):
            scenario.play(rig, rounds)
    except NotPossible as reason:
        rig.tally.not_possible = str(reason)
    rig.tally.seconds = time.monotonic() - started
    return rig.tally


_ALL = (
    Scenario("undisturbed", "three replicas under load, and no fault", kills.nothing, 0, 2),
    Scenario("kill-one", "kill -9 of one of three replicas", kills.one_replica, 2, 10, long_share=1.0),
    Scenario("kill-all", "kill -9 of all replicas at once", kills.all_replicas, 0, 3, long_share=0.02),
    Scenario("kill-projectors", "kill -9 of what writes the read models of all replicas", kills.projectors, 2, 8),
    Scenario("kill-postgres", "kill -9 of PostgreSQL", kills.postgres, 1, 4, long_share=0.05),
    Scenario(
        "kill-everything", "kill -9 of PostgreSQL and all replicas at once", kills.everything, 1, 2, long_share=0.02
    ),
    Scenario("end-sessions", "database sessions ended by pg_terminate_backend", kills.sessions, 1, 4),
    Scenario(
        "stand-still", "SIGSTOP of each replica in turn, and of one inside its transaction", pauses.any_replica, 1, 2
    ),
    Scenario("send-thrice", "every order sent to all replicas at once, and again", repeats.three_times, 15, 100),
    Scenario(
        "cut-at-commit", "the connection cut at the COMMIT of an append, before it and after", cuts.at_commit, 2, 10
    ),
    Scenario("no-redis", "Redis frozen for half a minute, then gone for another", redis.absent, 2, 15),
    Scenario("disk-full", "the database's disk filled up, then freed", disk.full, 1, 2),
    Scenario("clock-jumps", "the wall clocks of the replicas jump by hours", clocks.jump, 3, 10),
    Scenario("lost-tail", "fail-over to a standby that lost the journal's tail", lost_tail.behind, 1, 1),
    Scenario("other-history", "the same, and others have gone on there already", lost_tail.other_history, 1, 1),
)

SCENARIOS = {scenario.name: scenario for scenario in _ALL}
