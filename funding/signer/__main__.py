"""`python -m funding.signer`: signs for the exchange what its own policy allows, until SIGINT or SIGTERM.

``--begin`` starts a new record, which is done once: a signer without its record would sign a second time what it has signed.
Exit codes: 0 after a signal, 2 when configuration, keys, policy, record or address are not what they must be.
"""

import argparse
import logging
import os
import signal
import sys
import threading

from .config import WrongConfiguration, read_configuration
from .keys import WrongKeyFile, read_keys, stay_private
from .policy import WrongPolicy, read_policy
from .record import NoRecord, Record
from .server import CannotListen, SignerServer
from .service import SignerService

log = logging.getLogger("signer")
EXIT_REFUSED = 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="funding.signer")
    parser.add_argument("--begin", action="store_true", help="start a new record; refused where there is one")
    begin = parser.parse_args().begin
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.umask(0o077)
    stay_private()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        configuration = read_configuration(os.environ)
        keys = read_keys(configuration.key_file, configuration.network)
        policy = read_policy(configuration.policy_file)
        record = Record(configuration.record_file, begin=begin)
        service = SignerService(configuration.network, keys, policy, record)
        server = SignerServer(service, listen=configuration.listen, tls=configuration.tls)
    except (WrongConfiguration, WrongKeyFile, WrongPolicy, NoRecord, CannotListen) as error:
        print(f"signer: {error}", file=sys.stderr)
        return EXIT_REFUSED
    with server:
        log.info("signing for %s at %s: %s", configuration.network.chain, configuration.listen, keys)
        stop.wait()
    record.close()
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
