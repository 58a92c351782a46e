#!/usr/bin/env python
"""Django's command line, on the settings of DJANGO_SETTINGS_MODULE (config.settings.dev unless set).

While `make run` runs, commands typed in another terminal use its database and broker.
"""

import os
import sys
from pathlib import Path

from config.stack.attach import join_running_stack
from config.startup import plain_settings_errors


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    if os.environ["DJANGO_SETTINGS_MODULE"] == "config.settings.dev":
        join_running_stack(os.environ, Path(__file__).resolve().parent)
    from django.core.management import execute_from_command_line

    with plain_settings_errors():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
