"""``manage.py openapi [--check]``"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

DOCUMENT: Path = settings.ROOT / "docs" / "openapi.json"


class Command(BaseCommand):
    help = "Writes docs/openapi.json from the code; with --check only compares, exit code 1 if it differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        text = OpenApiJsonRenderer().render(schema, renderer_context={}).decode() + "\n"
        if not check:
            DOCUMENT.write_text(text)
            self.stdout.write(f"Written: {DOCUMENT.relative_to(settings.ROOT)}")
        elif not DOCUMENT.exists() or DOCUMENT.read_text() != text:
            raise CommandError("docs/openapi.json is not what the code says. Run: manage.py openapi")
