"""``manage.py seed_demo``: the people, the project and the base model that a fresh installation starts with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.exceptions import VolantError
from training.services.demo_project import seed_demo


class Command(BaseCommand):
    help = "Make the demo people, project and base model. What is there already is left as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = seed_demo(var=Path(settings.VAR_DIR))
        except VolantError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(made))
        else:
            self.stdout.write(
                f"Made {made['people']} people, {made['prompts']} prompts and {made['tasks']} write tasks."
            )
