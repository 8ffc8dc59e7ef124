"""``python -m tests.fuzz [stream|rest …] [--requests N] [--seed S]``, both without a name. Exit code 1: an answer was wrong."""

import argparse
import json
import logging
import sys
import time

from tests.fixtures import ROOT, STATE, Cluster, EmbeddedPostgres, manage
from tests.server import Server

from .fuzzing import fuzz
from .rest import Fuzz

INTERFACES = ("stream", "rest")


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description="Random requests to the stream and to REST.")
    parser.add_argument("interfaces", nargs="*", metavar="INTERFACE", help="of stream, rest; both without one")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    interfaces = arguments.interfaces or INTERFACES
    if unknown := set(interfaces) - set(INTERFACES):
        parser.error(f"there is no interface {', '.join(sorted(unknown))}")
    is_right = True
    (STATE / "static").mkdir(parents=True)
    with EmbeddedPostgres(STATE) as postgres:
        database = Cluster(postgres).copy("kontor", "fuzz")
        manage("migrate", "--noinput", url=database.owner_url)
        manage("lay_out_demo", url=database.url)
        with Server(database.url) as server:
            if "stream" in interfaces:
                _stream(server, seed=arguments.seed, requests=arguments.requests)
            if "rest" in interfaces:
                is_right = _rest(server, seed=arguments.seed, requests=arguments.requests)
    postgres.discard()
    sys.exit(0 if is_right else 1)


def _stream(server: Server, *, seed: int, requests: int) -> None:
    document = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    _tell(fuzz(server, document, seed=seed, requests=requests))


def _rest(server: Server, *, seed: int, requests: int) -> bool:
    start = time.monotonic()
    fuzz = Fuzz(server, json.loads((ROOT / "docs" / "openapi.json").read_text()))
    fuzz.run(seed=seed, cases=requests)
    _tell(fuzz.judged)
    for name, answer in fuzz.wrong.items():
        print(f"\nWRONG {name}\n{answer}")
    print(
        f"\n{fuzz.judged.total():,} cases in {time.monotonic() - start:,.0f} s, {len(fuzz.wrong)} kinds of wrong answers"
    )
    if "Traceback" in (log := server.log.read_text()):
        print(f"\nWRONG: the server logged\n{log[-10_000:]}")
        return False
    return not fuzz.wrong


def _tell(counts: dict[str, int]) -> None:
    for name, count in sorted(counts.items()):
        print(f"{name:<48}{count:>10,}")


if __name__ == "__main__":
    main()
