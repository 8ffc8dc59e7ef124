"""``manage.py reseal``"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.resealing import reseal_all


class Command(BaseCommand):
    help = "Seals all stored secrets anew under the first of SEALING_KEYS; the others can be dropped then."

    def handle(self, *args: Any, **options: Any) -> None:
        done = reseal_all()
        self.stdout.write(f"{done.count} secrets are sealed under the first of SEALING_KEYS.")
        if done.lost:
            raise CommandError(f"No key opens {', '.join(done.lost)}: their keys are gone, or the rows are damaged.")
