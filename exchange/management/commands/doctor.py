"""``manage.py doctor [--json]``"""

import sys

from django.core.management.base import BaseCommand

from exchange.doctor.__main__ import main


class Command(BaseCommand):
    help = "Looks at settings, database and machine, and says what is wrong and what to do; exit code 1 if anything is."

    def run_from_argv(self, argv: list[str]) -> None:
        """Without settings, which may be what is wrong: manage.py comes here before it reads any."""
        sys.exit(main(argv[2:]))
