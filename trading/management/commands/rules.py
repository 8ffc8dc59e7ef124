"""``manage.py rules [VERSION]``"""

import time
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading.database import conninfo
from trading.engine.commands import SetRules
from trading.engine.rules import FIRST, LATEST
from trading.journal.append import append
from trading.journal.records import derived_command_id, draft


class Command(BaseCommand):
    help = (
        "From the next event on, go by this version of the rules; without one, by the latest. All servers must know it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", type=int, nargs="?", default=LATEST)

    def handle(self, *args: Any, version: int, **options: Any) -> None:
        if not FIRST < version <= LATEST:
            raise CommandError(f"This version of Kontor can be told to go by rules {FIRST + 1} to {LATEST}.")
        command_id = derived_command_id("rules", version)
        drafts = [draft(SetRules(version=version), command_id=command_id, request_id="manage.py rules")]
        with psycopg.connect(conninfo(), autocommit=True) as connection:
            appended = append(connection, drafts, now_us=time.time_ns() // 1000)
        for record in (*appended.records, *appended.repeated.values()):
            self.stdout.write(f"Rules {version} were set by event {record.seq}.")
