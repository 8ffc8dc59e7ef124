"""``manage.py asyncapi [--check]``"""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange.schema import stream_document

DOCUMENT: Path = settings.ROOT / "docs" / "asyncapi.json"


class Command(BaseCommand):
    help = "Writes docs/asyncapi.json from the code; with --check only compares, exit code 1 if it differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        text = json.dumps(stream_document(), indent=2, ensure_ascii=False) + "\n"
        if not check:
            DOCUMENT.write_text(text)
            self.stdout.write(f"Written: {DOCUMENT.relative_to(settings.ROOT)}")
        elif not DOCUMENT.exists() or DOCUMENT.read_text() != text:
            raise CommandError("docs/asyncapi.json is not what the code says. Run: manage.py asyncapi")
