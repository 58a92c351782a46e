"""``manage.py register_base NAME LOCATION``: make a model the start of runs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.models import User
from training.management.acting import ActingCommand, chosen_project
from training.services.checkpoints import register_base


class Command(ActingCommand):
    help = "Register a Hugging Face directory or a hub id as a base model, shared by all projects unless one is named."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name")
        parser.add_argument("location", help="an absolute directory, or a hub id such as HuggingFaceTB/SmolLM2-135M")
        parser.add_argument("--project", metavar="SLUG", help="only this project may use it")
        parser.add_argument("--preset", default="", help="settings that suit it: tiny, smollm2 or instructgpt")

    def act(self, actor: User, options: dict[str, Any]) -> dict[str, Any]:
        project = chosen_project(options["project"]) if options["project"] else None
        base = register_base(
            actor=actor,
            name=options["name"],
            location=options["location"],
            project=project,
            preset=options["preset"],
        )
        return {"checkpoint": base.pk, "name": base.name, "location": base.location}

    def told(self, figures: dict[str, Any]) -> str:
        return f"Base model “{figures['name']}” is checkpoint {figures['checkpoint']}."
