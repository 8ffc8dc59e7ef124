"""`python -m exchange.launch.database [--state DIR] -- COMMAND …`: run a command with an embedded PostgreSQL.

The command finds DATABASE_URL (the application's role), DATABASE_OWNER_URL and KONTOR_STATE in its environment. Its exit
code is ours.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from exchange.launch.child import end_with_parent
from exchange.launch.configuration import CHECKOUT, SETTINGS_MODULE
from exchange.launch.console import Console
from exchange.launch.postgres import DATABASE, OWNER, EmbeddedPostgres
from exchange.launch.refusal import EXIT_REFUSED, Refusal
from exchange.launch.surroundings import ensure_secret_key


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="exchange.launch.database", description="Run a command with an embedded PostgreSQL."
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=CHECKOUT / ".state" / "tools",
        help="where the database lives (default: .state/tools)",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command, after --")
    arguments = parser.parse_args()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        parser.error("a command is needed, after --")
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    console = Console()
    try:
        return run_with_database(command, state_dir=arguments.state.resolve(), console=console)
    except Refusal as refusal:
        console.complain(str(refusal))
        return refusal.exit_code
    except FileNotFoundError as error:
        console.complain(f"{error.filename} is not there")
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def run_with_database(command: list[str], *, state_dir: Path, console: Console) -> int:
    """The command's exit code. Raises Refusal, FileNotFoundError, KeyboardInterrupt."""
    with EmbeddedPostgres(state_dir, say=console.say) as postgres:
        ensure_secret_key(state_dir)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        environment.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS_MODULE)
        environment |= {
            "DATABASE_URL": postgres.url(),
            "DATABASE_OWNER_URL": postgres.url(DATABASE, OWNER),
            "KONTOR_STATE": str(state_dir),
        }
        process = subprocess.Popen(command, env=environment, preexec_fn=end_with_parent(signal.SIGKILL))
        try:
            returned = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        return returned if returned >= 0 else 128 - returned


if __name__ == "__main__":
    sys.exit(main())
