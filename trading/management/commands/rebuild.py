"""``manage.py rebuild [--compare]``"""

import sys
import time
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading.database import owner_conninfo
from trading.projections.rebuild import Rebuild

PROGRESS_S = 2.0


class Command(BaseCommand):
    help = (
        "Makes the read models (orders, trades, fills, candles, markets, assets) anew from the journal, while trading"
        " goes on. Needs the owner's role (DATABASE_OWNER_URL)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--compare", action="store_true", help="Change nothing; say whether they would be the same."
        )

    def handle(self, *args: Any, compare: bool, **options: Any) -> None:
        told_at = time.monotonic()

        def progress(done: int, of: int) -> None:
            nonlocal told_at
            if time.monotonic() - told_at > PROGRESS_S:
                told_at = time.monotonic()
                self.stderr.write(f"{done:,} of {of:,} events")

        with psycopg.connect(owner_conninfo(), autocommit=True, application_name="kontor-rebuild") as connection:
            rebuild = Rebuild(connection, progress)
            try:
                rebuilt = rebuild.compare() if compare else rebuild.run()
            except psycopg.errors.InsufficientPrivilege as error:
                raise CommandError(
                    f"Only the tables' owner can do this; name it in DATABASE_OWNER_URL. {error}"
                ) from error
        for table, rows in rebuilt.rows.items():
            differs = f", {rebuilt.different[table]:,} of either side differ" if rebuilt.different.get(table) else ""
            self.stdout.write(f"{table}: {rows:,} rows{differs}")
        if any(rebuilt.different.values()):
            self.stdout.write(f"WRONG: the read models at event {rebuilt.seq} are not what the journal leads to.")
            sys.exit(1)
        done = "would be the same" if compare else "are made anew"
        self.stdout.write(f"The read models {done} at event {rebuilt.seq}.")
