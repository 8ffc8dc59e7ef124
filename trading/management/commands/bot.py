"""``manage.py bot``"""

import asyncio
import json
import os
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from trading.bots.runner import NAMES, run_bots
from trading.bots.session import Account

SEED_LIMIT = 2**32


class Command(BaseCommand):
    help = "Runs demo bots against an exchange until SIGTERM or SIGINT; then cancels their orders."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=("all", *NAMES))
        parser.add_argument("--url", default=f"http://127.0.0.1:{os.environ.get('PORT') or '8000'}")
        parser.add_argument("--seed", type=int, help="what the bots draw from; without it another one each time")
        parser.add_argument("--state", type=Path, default=settings.STATE / "demo.json", help="the bots' accounts")

    def handle(self, *args: Any, **options: Any) -> None:
        names = NAMES if options["name"] == "all" else (options["name"],)
        seed = secrets.randbelow(SEED_LIMIT) if options["seed"] is None else options["seed"]
        asyncio.run(run_bots(options["url"], _accounts(options["state"], names), seed))


def _accounts(state: Path, names: tuple[str, ...]) -> list[Account]:
    """The accounts of these bots, from what lay_out_demo wrote down."""
    try:
        entries = {entry["name"]: entry for entry in json.loads(state.read_text())["bots"]}
        return [Account(**entries[name]) for name in names]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(f"There are no accounts for {', '.join(names)} in {state}: {error!r}") from error
