"""``manage.py snapshot``"""

import time
from typing import Any

import psycopg
from django.core.management.base import BaseCommand

from trading import snapshots
from trading.database import conninfo
from trading.projections.checkpoint import read_checkpoint


class Command(BaseCommand):
    help = "Writes a snapshot of the engine, for faster starts. Safe at any time; the servers call it by themselves."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        with psycopg.connect(conninfo(), autocommit=True, application_name="kontor-snapshot") as connection:
            at_most = read_checkpoint(connection)
            fold = snapshots.make(connection, at_most=at_most, now_us=time.time_ns() // 1000)
        if fold is None:
            self.stdout.write("There is nothing new to write down.")
        else:
            self.stdout.write(f"Wrote the snapshot of event {fold.seq}, rules {fold.engine.rules}.")
