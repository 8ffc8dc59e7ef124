"""`python -m bitcoind_proxy`: serves one node of the Bitcoin Core family to the exchange, until SIGINT or SIGTERM.

Exit codes: 0 after a signal, 2 when the configuration, the node or the address is not what it must be.
"""

import logging
import os
import signal
import sys
import threading

from .checks import WrongNode, check
from .config import WrongConfiguration, read_configuration
from .errors import NodeFailure
from .server import CannotListen, NodeServer
from .service import ChainService, WalletService

log = logging.getLogger("bitcoind_proxy")
EXIT_REFUSED = 2
HEALTH_POLL_S = 5.0


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        configuration = read_configuration(os.environ)
        node = check(configuration.rpc, configuration.network, configuration.wallets)
        wallets = WalletService(node, configuration.wallets) if configuration.wallets else None
        server = NodeServer(ChainService(node), wallets, listen=configuration.listen, tls=configuration.tls)
    except (WrongConfiguration, WrongNode, NodeFailure, CannotListen) as error:
        print(f"bitcoind_proxy: {error}", file=sys.stderr)
        return EXIT_REFUSED
    with server:
        log.info("serving %s at %s", configuration.network.chain, configuration.listen)
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
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
