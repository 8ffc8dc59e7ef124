"""``python -m tests.chaos``: every scenario in its short form, one row each; exit code 1 if anything is wrong."""

import argparse
import logging
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .audit import Tally
from .deployment import Blueprint, Rig
from .mutants import MUTANTS, hunt
from .scenarios import SCENARIOS, Scenario, run

WIDTH = 14
DETAIL_LIMIT = 800
SEEN_LIMIT = 300
HEADINGS = ("scenario", "faults", "acknowledged", "unknown", "lost", "doubled", "gaps", "verify", "seconds")


def main(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if options.list:
        for scenario in SCENARIOS.values():
            print(f"{scenario.name:<20}{scenario.title}")
        return 0
    state = Path(os.environ["KONTOR_STATE"])
    (state / "static").mkdir(parents=True)
    blueprint = Blueprint(state / "blueprint")
    wrong = _hunt_mutants(options, blueprint, state) if options.mutants else _play(options, blueprint, state)
    blueprint.discard()
    if wrong:
        print(f"what the servers said is in {state}")
        return 1
    shutil.rmtree(state)
    return 0


def _play(options: argparse.Namespace, blueprint: Blueprint, state: Path) -> bool:
    """Plays the scenarios; whether anything was found."""
    wrong = False
    _say(HEADINGS)
    for scenario in _chosen(options.only, options.kills):
        tally = run(scenario, Rig(blueprint, state / scenario.name, options.seed), scenario.rounds(options.kills))
        _say((scenario.name, "not here:", tally.not_possible) if tally.not_possible else _cells(scenario, tally))
        _say_findings(tally)
        wrong = wrong or bool(tally.findings)
    return wrong


def _hunt_mutants(options: argparse.Namespace, blueprint: Blueprint, state: Path) -> bool:
    """Hunts them; whether one survived."""
    survived = False
    for mutant in MUTANTS.values():
        verdict = hunt(mutant, blueprint, state / mutant.name, options.seed)
        fate = f"killed by: {verdict.killed_by}" if verdict.killed_by else "SURVIVED"
        print(f"{mutant.name:<20}{verdict.seconds:>4.0f} s{verdict.tries:>3} tries  {fate}", flush=True)
        print(f"  {mutant.title}; seen: {verdict.detail[:SEEN_LIMIT]}", flush=True)
        survived = survived or not verdict.killed_by
    return survived


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="where the random moments begin (1)")
    parser.add_argument("--kills", type=int, help="the long form of the scenarios that kill: at least so many kills")
    parser.add_argument("--only", nargs="+", choices=list(SCENARIOS), metavar="NAME", help="these scenarios alone")
    parser.add_argument("--mutants", action="store_true", help="deliberate defects, each of which must be found")
    parser.add_argument("--list", action="store_true", help="the scenarios by name")
    return parser.parse_args(arguments)


def _chosen(only: Sequence[str] | None, kills: int | None) -> list[Scenario]:
    if only:
        return [SCENARIOS[name] for name in only]
    return [scenario for scenario in SCENARIOS.values() if kills is None or scenario.long_share]


def _cells(scenario: Scenario, tally: Tally) -> tuple[object, ...]:
    verified = "ok" if tally.verified else "-"
    counts = (tally.faults, tally.acknowledged, tally.unknown, tally.lost, tally.doubled, tally.gaps)
    return (scenario.name, *counts, verified, f"{tally.seconds:.0f}")


def _say_findings(tally: Tally) -> None:
    """By check: how often it failed, and what it saw first."""
    times = Counter(finding.check for finding in tally.findings)
    first = {finding.check: finding.detail for finding in reversed(tally.findings)}
    for check, count in times.items():
        print(f"  NOT SO ({count}): {check}: {first[check][:DETAIL_LIMIT]}", flush=True)


def _say(cells: Sequence[object]) -> None:
    name, *others = cells
    print(f"{name:<20}" + "".join(f"{cell!s:>{WIDTH}}" for cell in others), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
