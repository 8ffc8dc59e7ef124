"""``manage.py wind_down --reason TEXT``"""

import time
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading.closures import Closure, Standing, closing, closure_of, mark_of
from trading.database import conninfo
from trading.journal.append import append
from trading.journal.read import head_seq
from trading.journal.records import draft, new_command_id
from trading.models import Market
from trading.projections.checkpoint import read_checkpoint
from trading.shapes.texts import at_text

TIMEOUT_S = 60
PROJECTED_WITHIN_S = 10.0
POLL_S = 0.05


class Command(BaseCommand):
    help = "Has the whole exchange go down: no new orders, and when none is open or the time is over every server ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="Why; it stays in the journal.")
        parser.add_argument("--timeout", type=int, default=TIMEOUT_S, help="How many seconds orders may stay open.")
        parser.add_argument("--immediate", action="store_true", help="Without waiting for orders that are open.")

    def handle(self, *args: Any, reason: str, timeout: int, immediate: bool, **options: Any) -> None:
        if timeout < 1:
            raise CommandError("The timeout is a number of seconds, 1 at the least.")
        words = f"{reason} (by manage.py wind_down)"
        at_us = time.time_ns() // 1000 + (0 if immediate else timeout * 1_000_000)
        closure = Closure(phase="stopped" if immediate else "winding down", at_us=at_us)
        with psycopg.connect(conninfo(), autocommit=True) as connection:
            _await_read_models(connection)
            rows = Market.objects.values_list("market", "state", "state_reason")
            markets = {name: Standing(state, mark_of(why)) for name, state, why in rows}  # type: ignore[arg-type]
            before = closure_of(standing.mark for standing in markets.values())
            if not markets:
                raise CommandError("There is no market yet: end the servers by SIGTERM.")
            if before is not None and before.is_last:
                raise CommandError("It was stopped already.")
            commands = closing(markets, closure.following(before), words).values()
            drafts = [draft(one, command_id=new_command_id(), request_id="manage.py wind_down") for one in commands]
            appended = append(connection, drafts, now_us=time.time_ns() // 1000)
        when = "now" if immediate else f"at {at_text(at_us)} at the latest"
        self.stdout.write(f"Event {appended.records[-1].seq}: the exchange goes down {when}.")


def _await_read_models(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """What the markets' states are is read from there. Raises CommandError."""
    end = time.monotonic() + PROJECTED_WITHIN_S
    while read_checkpoint(connection) < head_seq(connection):
        if time.monotonic() > end:
            raise CommandError("The read models are behind the journal: is no server running? End them by SIGTERM.")
        time.sleep(POLL_S)
