#!/usr/bin/env python
"""Django's command line for Kontor."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchange.settings.demo")
    if sys.argv[1:2] == ["doctor"]:  # says what is wrong with settings that nothing else can start with
        from exchange.management.commands.doctor import Command

        Command().run_from_argv(sys.argv)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
