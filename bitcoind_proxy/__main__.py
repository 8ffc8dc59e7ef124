"""`python -m bitcoind_proxy`: serves one node of the Bitcoin Core family to the exchange, until SIGINT or SIGTERM.

Exit codes: 0 after a signal, 2 when the configuration, the node or the address is not what it must be.
"""

import logging
import os
import signal
import sys
import threading
import time

from .checks import WrongNode, check
from .config import Configuration, WrongConfiguration, read_configuration
from .core_node import CoreNode
from .errors import NodeFailure, Unreachable
from .mining import NodeMiner, mine_regularly
from .server import CannotListen, NodeServer
from .service import ChainService, MinerService, WalletService

log = logging.getLogger("bitcoind_proxy")
EXIT_REFUSED = 2
HEALTH_POLL_S = 5.0
START_POLL_S = 0.1


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        configuration = read_configuration(os.environ)
        node = _await_node(configuration, stop)
        miner = _open_miner(configuration)
        server = _server(configuration, node, miner)
    except (WrongConfiguration, WrongNode, NodeFailure, CannotListen) as error:
        print(f"bitcoind_proxy: {error}", file=sys.stderr)
        return EXIT_REFUSED
    if miner is not None:
        regularly = {"every_s": float(configuration.block_interval_s), "stop": stop}
        threading.Thread(target=mine_regularly, args=(miner,), kwargs=regularly, daemon=True, name="miner").start()
    with server:
        log.info("serving %s at %s", configuration.network.chain, configuration.listen)
        _watch(node, server, stop)
    log.info("stopped")
    return 0


def _await_node(configuration: Configuration, stop: threading.Event) -> CoreNode:
    """The node, checked. Raises WrongNode, or NodeFailure if it does not answer in time or we are to stop."""
    deadline = time.monotonic() + configuration.start_limit_s
    while True:
        try:
            return check(configuration.rpc, configuration.network, configuration.wallets)
        except Unreachable:
            if time.monotonic() > deadline or stop.wait(START_POLL_S):
                raise


def _open_miner(configuration: Configuration) -> NodeMiner | None:
    if configuration.miner_wallet is None:
        return None
    miner = NodeMiner(configuration.rpc, configuration.network, configuration.miner_wallet)
    miner.open()
    return miner


def _server(configuration: Configuration, node: CoreNode, miner: NodeMiner | None) -> NodeServer:
    return NodeServer(
        ChainService(node),
        WalletService(node, configuration.wallets) if configuration.wallets else None,
        None if miner is None else MinerService(miner),
        listen=configuration.listen,
        tls=configuration.tls,
    )


def _watch(node: CoreNode, server: NodeServer, stop: threading.Event) -> None:
    """Says whether the node answers, until ``stop``."""
    was_healthy = True
    while not stop.wait(HEALTH_POLL_S):
        words = ""
        try:
            node.tip(HEALTH_POLL_S)
        except NodeFailure as failure:
            words = str(failure)
        if was_healthy is bool(words):
            log.warning("the node: %s", words or "answers again")
        was_healthy = not words
        server.say_healthy(was_healthy)


if __name__ == "__main__":
    sys.exit(main())
