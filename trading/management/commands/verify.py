"""``manage.py verify``"""

import sys
from typing import Any

import psycopg
from django.core.management.base import BaseCommand

from trading.database import conninfo
from trading.engine import FORM
from trading.verify import verify


class Command(BaseCommand):
    help = "Checks the hash chain, folds the journal, compares engine and ledger. Exit code 1 if anything is wrong."

    def handle(self, *args: Any, **options: Any) -> None:
        def progress(done: int, of: int) -> None:
            self.stderr.write(f"{done:,} of {of:,} events")

        self.stderr.write(f"The engine is {FORM}")
        with psycopg.connect(conninfo(), autocommit=True) as connection:
            verified = verify(connection, progress=progress)
        for finding in verified.findings:
            self.stdout.write(f"WRONG: {finding}")
        if verified.findings:
            sys.exit(1)
        self.stdout.write(
            f"The journal is whole to event {verified.seq}, the books agree with the engine at event"
            f" {verified.posted_seq}. State {verified.state_hash}"
        )
