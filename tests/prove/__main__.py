"""``python -m tests.prove``: flow after flow, until so many commands or minutes have passed; exit code 1 on a difference."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count
from pathlib import Path

from trading.engine import outcomes
from trading.engine.outcomes import Reason
from trading.tests.engine import cases
from trading.tests.engine.comparison import Met

from .flows import FlowId, Result, events_until, run
from .shrink import Shrinker

COMMANDS_PER_FLOW = 20_000
PROFILES = ("small", "plain", "small", "deep", "calm")
"""Of the flows, in turn."""
REPORT_S = 20.0
REGRESSIONS = Path("trading/tests/engine/regressions")
OUTCOMES = [name for name, value in vars(outcomes).items() if hasattr(value, "_fields")]


def main(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    print(f"seed {options.seed}: {options.commands:,} commands by {options.jobs} processes", flush=True)
    proof = Proof(options.seed, options.commands, options.minutes * 60)
    failed = proof.run(options.jobs)
    proof.report()
    if failed is None:
        return 0
    print(f"flow {failed.flow} differs\n{failed.difference}\nshrinking", flush=True)
    keep(failed, options.cases)
    return 1


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--commands", type=int, default=10_000_000, help="how many in all")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same flows")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--minutes", type=float, default=600.0, help="no new flow begins after so long")
    parser.add_argument("--cases", type=Path, default=REGRESSIONS, help="where a difference is kept as a case")
    return parser.parse_args(arguments)


def flows(seed: int, commands: int) -> Iterator[FlowId]:
    """The flows of a run."""
    for number in count():
        left = commands - number * COMMANDS_PER_FLOW
        if left <= 0:
            return
        yield FlowId(PROFILES[number % len(PROFILES)], seed * 1_000_000 + number, min(left, COMMANDS_PER_FLOW))


class Proof:
    """One run over many flows, and what it has met."""

    def __init__(self, seed: int, commands: int, seconds: float) -> None:
        self._flows = flows(seed, commands)
        self._started_s = time.monotonic()
        self._seconds = seconds
        self._next_report_s = REPORT_S
        self._finished = self._events = self._trades = 0
        self._met = Met()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    def run(self, jobs: int) -> Result | None:
        """The first flow that differs, None if none does."""
        with ProcessPoolExecutor(jobs) as pool:
            running = {pool.submit(run, which) for _, which in zip(range(jobs), self._flows, strict=False)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    result = self._add(future)
                    if result.failed_at is not None:
                        return result
                    which = next(self._flows, None) if self.elapsed_s < self._seconds else None
                    if which is not None:
                        running.add(pool.submit(run, which))
        return None

    def _add(self, future: Future[Result]) -> Result:
        result = future.result()
        self._finished += 1
        self._events += result.events
        self._trades += result.trades
        self._met.update(result.met)
        if self.elapsed_s > self._next_report_s:
            self._next_report_s = self.elapsed_s + REPORT_S
            print(self._line(f"last {result.flow}"), flush=True)
        return result

    def _line(self, more: str) -> str:
        return f"{self.elapsed_s:6.0f} s  {self._finished} flows  {self._events:,} commands  {self._trades:,} trades  {more}"

    def report(self) -> None:
        print(self._line(f"{self._events / self.elapsed_s:,.0f} commands per second"))
        for title, met, known in (
            ("outcomes", self._met.outcomes, OUTCOMES),
            ("reasons", self._met.reasons, [reason.value for reason in Reason]),
        ):
            print(title)
            for name in known:
                print(f"  {name:<24}{met[name]:>14,}{'' if met[name] else '  NOT MET'}")


def keep(failed: Result, folder: Path) -> Path:
    """Shrinks a difference, keeps it as a case for ever after, prints it."""
    shrinker = Shrinker()
    script = shrinker.shrink(events_until(failed))
    path = folder / f"{failed.flow.profile}-{failed.flow.seed}.jsonl"
    cases.write(path, f"found by flow {failed.flow}, event {failed.failed_at}", script)
    print(f"{shrinker.difference}\n{path}: {len(script)} events\n{path.read_text()}", flush=True)
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
