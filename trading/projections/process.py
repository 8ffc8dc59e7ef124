"""The process that writes the read models and the books: ``python -m trading.projections.process``.

A serving process starts it with the other end of a ``Line`` as its standard input, and it ends when that is at its end and
everything is written. Signals that are meant for the serving process, and reach the whole group, do not end it: it still
has to write what is folded. It imports neither Django nor the engine.
"""

import logging
import signal
import socket
import sys

from trading.collector import spare_the_collector

from .line import Line, Report
from .writer import Abandoned, Writer

log = logging.getLogger("trading.projections")

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
"""As in the settings of the serving process, whose log this is."""
NOT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    for number in NOT_FOR_US:
        signal.signal(number, signal.SIG_IGN)
    line = Line(socket.socket(fileno=sys.stdin.fileno()))
    beginning = line.begin()
    if beginning is None:
        return
    logging.basicConfig(level=beginning.log_level, format=LOG_FORMAT)
    spare_the_collector()
    writer = Writer(beginning.conninfo, line, lambda: line.report(Report(writer.seq, writer.leads)))
    try:
        writer.begin()
        while (batch := line.take()) is not None:
            writer.know(line.markets)
            line.markets.clear()
            writer.write(batch)
    except Abandoned as abandoned:
        log.info("the serving process is gone, the database does not answer: ending %s", abandoned)
    except BaseException as stopped:
        log.critical("the projector stops at event %s: %r", writer.seq, stopped, exc_info=stopped)
        line.report(Report(writer.seq, writer.leads, type(stopped).__name__, str(stopped)))
    finally:
        writer.close()


if __name__ == "__main__":
    main()
