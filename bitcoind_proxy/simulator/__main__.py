"""`python -m bitcoind_proxy.simulator --listen unix:PATH`: a simulated chain, served as a node's sidecar would, until a signal.

It starts with coins to pay from and mines a block every so many seconds; with `--file PATH` it goes on where it was. What people
do with it goes through the service Miner, or standard input: `pay ADDRESS AMOUNT_SATS`, `mine COUNT`, `reorganise DEPTH`.
"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from bitcoind_proxy.config import WrongConfiguration, chain_named
from bitcoind_proxy.errors import NodeFailure
from bitcoind_proxy.mining import mine_regularly
from bitcoind_proxy.server import CannotListen, NodeServer
from bitcoind_proxy.service import LONGEST_CALL_S, ChainService, MinerService

from .chain import SimulatedChain
from .coins import MATURITY
from .file import BrokenFile, ChainFile

EXIT_REFUSED = 2


def obey(chain: SimulatedChain, line: str) -> str:
    """What a line of standard input asks for, and what came of it, in words."""
    match line.split():
        case ["pay", address, amount] if amount.isascii() and amount.isdigit():
            return chain.pay_address(address, int(amount), LONGEST_CALL_S)
        case ["mine", count] if count.isascii() and count.isdigit():
            return chain.mine(int(count))[-1]
        case ["reorganise", depth] if depth.isascii() and depth.isdigit():
            chain.reorganise(int(depth))
            return chain.tip(0).block_hash
    return "pay ADDRESS AMOUNT_SATS | mine COUNT | reorganise DEPTH"


def _obey_all(chain: SimulatedChain) -> None:
    for line in sys.stdin:
        try:
            print(obey(chain, line), flush=True)
        except (NodeFailure, IndexError) as error:
            print(f"refused: {error}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bitcoind_proxy.simulator")
    parser.add_argument("--listen", required=True, help="unix:PATH")
    parser.add_argument("--chain", default="bitcoin:regtest")
    parser.add_argument("--block-interval-s", type=float, default=30.0)
    parser.add_argument("--file", type=Path, help="where the chain is kept; without it dies with the process")
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        file = None if arguments.file is None else ChainFile(arguments.file)
        chain = SimulatedChain(chain_named(arguments.chain), file)
        server = NodeServer(ChainService(chain), miner=MinerService(chain), listen=arguments.listen)
    except (WrongConfiguration, CannotListen, BrokenFile, OSError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return EXIT_REFUSED
    if not chain.tip(LONGEST_CALL_S).height:
        chain.mine(MATURITY + 1)
    threading.Thread(target=_obey_all, args=(chain,), daemon=True, name="orders").start()
    with server:
        print(f"a simulated {arguments.chain} at {arguments.listen}", flush=True)
        mine_regularly(chain, every_s=arguments.block_interval_s, stop=stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
