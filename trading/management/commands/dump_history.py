"""``manage.py dump_history FOLDER [--market NAME] [--from DAY] [--to DAY]``"""

import datetime as dt
from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading.database import conninfo
from trading.market_data.dumps import DumpDiffers, Span, dump


class Command(BaseCommand):
    help = (
        "Writes trades and one-minute candles of each market and day (UTC) that is over as gzip CSV, with their SHA-256 sums."
        " What is there already is checked and left alone; exit code 1 if it differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--market", help="As BTC/USD; else all.")
        parser.add_argument(
            "--from", dest="first", type=_day, help="The first day, as 2026-11-20; else that of the first trade."
        )
        parser.add_argument("--to", dest="last", type=_day, help="The last day; else yesterday.")

    def handle(
        self, *args: Any, folder: Path, market: str | None, first: dt.date | None, last: dt.date | None, **options: Any
    ) -> None:
        now = dt.datetime.now(dt.UTC)
        with psycopg.connect(conninfo(), autocommit=True) as connection:
            try:
                files = dump(connection, folder, market=market, span=Span(first, last), now=now)
            except (DumpDiffers, LookupError) as error:
                raise CommandError(str(error)) from error
        for file in files:
            self.stdout.write(f"{file.sha256}  {file.name}{'' if file.is_new else '  (was there)'}")


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)
