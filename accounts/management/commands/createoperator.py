"""``manage.py createoperator EMAIL``"""

import getpass
import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.users import create_operator


class Command(BaseCommand):
    help = "Makes an operator, who may also open the admin. The password is asked for, or taken from KONTOR_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        password = os.environ.get("KONTOR_PASSWORD") or getpass.getpass("Password: ")
        try:
            user = create_operator(email=email, password=password)
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{user.email} is an operator now.")
