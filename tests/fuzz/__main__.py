"""``python -m tests.fuzz [--requests N] [--seed S]``"""

import argparse
import json

from tests.fixtures import ROOT, STATE, Cluster, EmbeddedPostgres, manage
from tests.server import Server

from .fuzzing import fuzz


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description="Random requests to the stream.")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    (STATE / "static").mkdir(parents=True)
    with EmbeddedPostgres(STATE) as postgres:
        database = Cluster(postgres).copy("kontor", "fuzz")
        manage("migrate", "--noinput", url=database.owner_url)
        manage("lay_out_demo", url=database.url)
        with Server(database.url) as server:
            document = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
            judged = fuzz(server, document, seed=arguments.seed, requests=arguments.requests)
    postgres.discard()
    for name, count in sorted(judged.items()):
        print(f"{name:<36}{count:>10,}")


if __name__ == "__main__":
    main()
