"""`python -m exchange.launch [--stop-with-parent]`: what `make run` executes, once the environment is ready.

Exit codes: 0 after Ctrl-C or SIGTERM, 1 when a part of the exchange fails, 2 when the surroundings do not allow a start.
With `--stop-with-parent` the end of the parent process (make) stops the exchange as well.
"""

import argparse
import os
import sys

from exchange.launch.configuration import read_configuration
from exchange.launch.console import Console
from exchange.launch.refusal import Refusal
from exchange.launch.start import launch
from exchange.launch.stop_signals import StopSignals


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="exchange.launch", description="Start the exchange and stay with it until Ctrl-C."
    )
    parser.add_argument("--stop-with-parent", action="store_true", help="stop when the parent process ends")
    arguments = parser.parse_args()
    console = Console()
    signals = StopSignals(with_parent=arguments.stop_with_parent)
    signals.install()
    try:
        launch(read_configuration(os.environ), console=console, signals=signals)
    except Refusal as refusal:
        console.complain(str(refusal))
        return refusal.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
