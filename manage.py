#!/usr/bin/env python
"""Django's command line, on the settings of DJANGO_SETTINGS_MODULE (config.settings.dev unless set)."""

import os
import sys

from config.startup import plain_settings_errors


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    from django.core.management import execute_from_command_line

    with plain_settings_errors():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
