"""What a driver of another engine gets and gives back. Runs in that engine's environment: the standard library alone.

``python -m benchmarks.peers.drivers.NAME COMMANDS`` feeds the workload's first commands to the engine, measures the CPU time of
that alone, and prints what it took and the fingerprint of the trades as JSON.
"""

import gc
import json
import sys
from collections.abc import Iterable, Sequence
from time import process_time
from typing import Protocol

from benchmarks.workload import FNV_OFFSET, Record, fingerprint, generate


class Engine(Protocol):
    """An engine about to be fed. What its interface takes as objects is made in the constructor, as for ours."""

    def __init__(self, records: Sequence[Record]) -> None: ...

    def run(self) -> None:
        """Feeds all records: this is timed."""

    def trades(self) -> Iterable[tuple[int, int, int, int]]:
        """(taker, maker, price, lots) of each trade in their order, by the workload's numbers of the orders."""


def drive(engine: type[Engine]) -> None:
    commands = int(sys.argv[1])
    fed = engine(generate(commands).records)
    gc.collect()
    gc.freeze()
    started_s = process_time()
    fed.run()
    elapsed_s = process_time() - started_s
    trades, seen = 0, FNV_OFFSET
    for taker, maker, price_ticks, lots in fed.trades():
        trades += 1
        seen = fingerprint(seen, taker, maker, price_ticks, lots)
    print(json.dumps({"ns": elapsed_s / commands * 1e9, "trades": trades, "fingerprint": seen}))
