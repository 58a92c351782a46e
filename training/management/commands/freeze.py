"""``manage.py freeze KIND``: freeze labels into a dataset."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.models import User
from labeling.models import Source, Split
from training.management.acting import ActingCommand, add_project_argument, chosen_project
from training.services.datasets import freeze_dataset
from training.services.records import FreezeQuery


class Command(ActingCommand):
    help = "Freeze a project's labels into the next version of a dataset: sft, rm or ppo."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("kind", choices=["sft", "rm", "ppo"])
        add_project_argument(parser)
        parser.add_argument("--round", type=int, action="append", help="labels of this round only; may be repeated")
        parser.add_argument("--source", choices=Source.values, action="append")
        parser.add_argument("--split", choices=Split.values)
        parser.add_argument("--without-simulated", action="store_true")
        parser.add_argument("--with-surplus", action="store_true")
        parser.add_argument("--fresh-only", action="store_true", help="prompts that were never compared (ppo)")
        parser.add_argument("--limit", type=int, default=0, help="records in each split; 0 takes all")

    def act(self, actor: User, options: dict[str, Any]) -> dict[str, Any]:
        query = FreezeQuery(
            rounds=tuple(options["round"]) if options["round"] else None,
            sources=tuple(options["source"]) if options["source"] else None,
            split=options["split"],
            include_simulated=not options["without_simulated"],
            include_surplus=options["with_surplus"],
            fresh_only=options["fresh_only"],
            limit=options["limit"],
        )
        dataset = freeze_dataset(
            actor=actor, project=chosen_project(options["project"]), kind=options["kind"], query=query
        )
        return {"dataset": dataset.pk, "path": dataset.path, **dataset.manifest}

    def told(self, figures: dict[str, Any]) -> str:
        files = "\n".join(f"  {name}: {file['records']} records" for name, file in figures["files"].items())
        left_out = "".join(f"\n  left out, {reason}: {count}" for reason, count in figures["left_out"].items())
        title = f"Dataset {figures['dataset']} ({figures['kind']} v{figures['version']}) in {figures['path']}"
        return f"{title}\n{files}{left_out}\n  sha256 {figures['sha256']}"
