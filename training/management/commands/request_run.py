"""``manage.py request_run STAGE``: queue a run, as the form and the API do."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.models import User
from training.management.acting import ActingCommand, add_project_argument, chosen_project
from training.models import Checkpoint, Dataset
from training.rlhf.config import STAGES
from training.services.runs import request_run


class Command(ActingCommand):
    help = "Queue a run of a stage for the gpu worker. Dataset and inputs that are left out get sensible defaults."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("stage", choices=list(STAGES))
        add_project_argument(parser)
        parser.add_argument(
            "--set", metavar="NAME=VALUE", action="append", default=[], help="a setting; may be repeated"
        )
        parser.add_argument("--dataset", type=int, metavar="ID")
        parser.add_argument(
            "--input", metavar="FIELD=CHECKPOINT", action="append", default=[], help="a checkpoint's id or name"
        )
        parser.add_argument("--note", default="")

    def act(self, actor: User, options: dict[str, Any]) -> dict[str, Any]:
        project = chosen_project(options["project"])
        dataset = None
        if options["dataset"] is not None:
            dataset = Dataset.objects.filter(pk=options["dataset"]).first()
            if dataset is None:
                raise CommandError(f"There is no dataset {options['dataset']}.")
        inputs: dict[str, list[Checkpoint]] = {}
        for field, wanted in map(_pair, options["input"]):
            by_id = {"pk": int(wanted)} if wanted.isdecimal() else {"name": wanted}
            found = Checkpoint.objects.usable_in(project).filter(**by_id).first()
            if found is None:
                raise CommandError(f"There is no checkpoint “{wanted}” in this project.")
            inputs.setdefault(field, []).append(found)
        run = request_run(
            actor=actor, project=project, stage=options["stage"],
            config={name: _value(text) for name, text in map(_pair, options["set"])},
            dataset=dataset, inputs=inputs, note=options["note"],
        )  # fmt: skip
        return {"run": run.pk, "stage": run.stage, "state": run.state, "path": run.path}

    def told(self, figures: dict[str, Any]) -> str:
        return f"Run {figures['run']} ({figures['stage']}) is {figures['state']}."


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CommandError(f"“{text}” must look like NAME=VALUE.")
    return name, value


def _value(text: str) -> Any:
    """Read a setting as JSON (numbers, true, false); anything else is text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
